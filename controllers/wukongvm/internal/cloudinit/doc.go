// Package cloudinit renders the data that cloud-init reads in the guest of a WukongVM: the user-data and network-data
// of its NoCloud disk. It is pure: the same inputs always give the same bytes, so that a reconcile finds nothing to
// write. Nothing that changes during a guest's life (addresses, agent data) is an input.
//
// User-data is a #cloud-config document. Users get their keys and password hashes under their own name; root login and
// the image's default user are not used. Network-data is version 2 of cloud-init's network configuration, limited to
// the subset that all its renderers share. Interfaces are found by their MAC address and keep the name that the
// guest's kernel gives them: set-name would rename devices, which fails when names conflict, and is cut at 15
// characters.
//
// # Upstream facts
//
// KubeVirt v1.7.0 (pkg/cloud-init/cloud-init.go, virt-api's vmi-create-admitter.go): a Secret with both has the keys
// userdata and networkdata. virt-api's limit of 2048 bytes is for inline data; for a Secret only its own limit of 1
// MiB applies. Without any user-data KubeVirt creates no NoCloud disk, so empty user-data is refused here.
//
// cloud-init 25.1.4 (distros/__init__.py create_user): hashed_passwd is set for users that the image already has,
// passwd only for new ones. A list of users without "default" creates no default user. (cc_ssh.py): keys at the top
// level of user-data are given to the default user and to root. (net/network_state.py): the parser of some versions
// refuses a destination "default" of a route, and every renderer accepts 0.0.0.0/0 and ::/0; gateway4 and gateway6 are
// deprecated. Its NetworkManager renderer asks for DHCP on an interface without any address, which mode None cannot
// prevent there. A network: section inside user-data is ignored: the network configuration must be a file of its own.
//
// PyYAML reads YAML 1.1, where a plain 12:34:56:12:34:56 is a number and 2001-13-99 a broken date: see text.
package cloudinit
