package cloudinit

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Inputs is everything that decides the data.
type Inputs struct {
	// VM is the WukongVM. Only its name, UID, spec.cloudInit and the annotations of a clone are used.
	VM *v1alpha1.WukongVM
	// Secrets that SecretNames lists, by name; those that do not exist are absent.
	Secrets map[string]*corev1.Secret
	// Interfaces of the WukongVM in the order of spec.networks; one for the implicit pod network.
	Interfaces []Interface
}

// Interface is a network interface of the guest.
type Interface struct {
	// Name of the interface within the WukongVM.
	Name string
	// MACAddress by which the guest finds the interface.
	MACAddress string
	// Mode is how the interface gets its addresses.
	Mode v1alpha1.AddressMode
	// Addresses of mode Static.
	Addresses []netip.Prefix
	// Gateways of mode Static; the first of each family becomes a default route.
	Gateways []netip.Addr
	// Routes beside the default route, of the modes Static and DHCP.
	Routes []v1alpha1.Route
	// DNS of mode Static.
	DNS *v1alpha1.DNS
	// MTU in bytes; nil for the device's own.
	MTU *int32
}

// Data is the content of the NoCloud disk.
type Data struct {
	// UserData is the file user-data: a #cloud-config document, or the content of the user's Secret.
	UserData []byte
	// NetworkData is the file network-config: version 2, or the content of the user's Secret.
	NetworkData []byte
}

// SecretNames returns the names of the Secrets that Render needs, sorted and each once.
func SecretNames(vm *v1alpha1.WukongVM) []string { return model.SecretNames(vm) }

// Render returns the data. Its error is, or wraps, one or several of SecretMissingError, SecretInvalidError and
// SpecInvalidError.
func Render(inputs Inputs) (Data, error) {
	userData, userErr := renderUserData(inputs)
	networkData, networkErr := renderNetworkData(inputs)
	var errs []error
	for _, err := range []error{userErr, networkErr} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if err := join(errs); err != nil {
		return Data{}, err
	}
	return Data{UserData: userData, NetworkData: networkData}, nil
}

// value returns the content of a Secret's key.
func (in *Inputs) value(field, name, key string) ([]byte, error) {
	secret := in.Secrets[name]
	if secret == nil {
		return nil, &SecretMissingError{Secret: name, Field: field}
	}
	content, exists := secret.Data[key]
	if !exists {
		return nil, &SecretMissingError{Secret: name, Key: key, Field: field}
	}
	return content, nil
}

// document returns the content of a Secret's key that is used unchanged.
func (in *Inputs) document(field string, reference *v1alpha1.SecretKeyReference) ([]byte, error) {
	content, err := in.value(field, reference.Name, reference.Key)
	if err != nil {
		return nil, err
	}
	if len(content) == 0 {
		return nil, &SecretInvalidError{Secret: reference.Name, Key: reference.Key,
			Reason: fmt.Sprintf("it is empty; put the data there, or leave out %s", field)}
	}
	return content, nil
}
