package nmstatestandin

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// Apply brings the network of the calling thread to a desired state. What is as it shall be is left alone.
func Apply(raw []byte) error {
	desired, err := parse(raw)
	if err != nil {
		return err
	}
	for _, kind := range []string{typeEthernet, typeVLAN, typeBridge} {
		for i := range desired.Interfaces {
			if one := &desired.Interfaces[i]; one.Type == kind && one.State == stateUp {
				if err := bringUp(one); err != nil {
					return err
				}
			}
		}
	}
	for _, kind := range []string{typeBridge, typeVLAN} {
		for i := range desired.Interfaces {
			if one := &desired.Interfaces[i]; one.Type == kind && one.State == stateAbsent {
				if err := remove(one); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func bringUp(one *iface) error {
	link, err := find(one.Name)
	if err != nil {
		return err
	}
	if link == nil {
		switch one.Type {
		case typeVLAN:
			err = addVLAN(one.Name, one.VLAN)
		case typeBridge:
			err = netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: one.Name}})
		default:
			err = errors.New("it does not exist")
		}
		if err != nil {
			return fmt.Errorf("interface %s: %w", one.Name, err)
		}
		if link, err = netlink.LinkByName(one.Name); err != nil {
			return fmt.Errorf("interface %s: %w", one.Name, err)
		}
	}
	if one.Bridge != nil {
		if link.Type() != "bridge" {
			return fmt.Errorf("interface %s is no bridge, but of type %s", one.Name, link.Type())
		}
		if err := plug(link, one.Bridge.Port); err != nil {
			return err
		}
	}
	if one.MTU != 0 && link.Attrs().MTU != one.MTU {
		if err := netlink.LinkSetMTU(link, one.MTU); err != nil {
			return fmt.Errorf("set the MTU of %s: %w", one.Name, err)
		}
	}
	return netlink.LinkSetUp(link)
}

// plug makes interfaces ports of a bridge. Other ports, those of pods, stay.
func plug(bridge netlink.Link, ports []port) error {
	for _, wanted := range ports {
		link, err := find(wanted.Name)
		if err != nil {
			return err
		}
		if link == nil {
			return fmt.Errorf("port %s of bridge %s does not exist", wanted.Name, bridge.Attrs().Name)
		}
		if link.Attrs().MasterIndex == bridge.Attrs().Index {
			continue
		}
		if err := netlink.LinkSetMaster(link, bridge); err != nil {
			return fmt.Errorf("plug %s into %s: %w", wanted.Name, bridge.Attrs().Name, err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("set %s up: %w", wanted.Name, err)
		}
	}
	return nil
}

func remove(one *iface) error {
	link, err := find(one.Name)
	if err != nil || link == nil {
		return err
	}
	if one.Type == typeVLAN {
		return removeVLAN(link)
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("remove %s: %w", one.Name, err)
	}
	return nil
}

// find returns an interface, or nil.
func find(name string) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find interface %s: %w", name, err)
	}
	return link, nil
}
