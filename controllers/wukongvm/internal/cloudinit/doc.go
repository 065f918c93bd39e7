// Package cloudinit makes what cloud-init reads in the guest of a WukongVM: the user-data and network-data of its NoCloud disk. It
// is pure: the same inputs give the same bytes for ever, so that a reconcile finds nothing to write, and no input that a guest's life
// brings (addresses, agent data) is among them.
//
// User-data is a #cloud-config document. Users get their keys and password hashes under their own name; root login and the image's
// default user stay out of it. Network-data is version 2 of cloud-init's network configuration, kept to the subset that all its
// renderers share. Interfaces are found by their MAC address and keep the name that the guest's kernel gives them: set-name would
// rename devices, which fails when names meet, and is cut at 15 characters.
//
// # What is relied on
//
// KubeVirt v1.7.0 (pkg/cloud-init/cloud-init.go, virt-api's vmi-create-admitter.go): a Secret that holds both goes under the
// keys userdata and networkdata. The limit of 2048 bytes that virt-api has is for data written inline; by way of a Secret only its own
// limit of 1 MiB counts. Without any user-data KubeVirt makes no NoCloud disk, so empty user-data is refused here.
//
// cloud-init 25.1.4 (distros/__init__.py create_user): hashed_passwd is set for users that the image already has, passwd only for
// new ones. A list of users without "default" creates no default user. (cc_ssh.py): keys at the top level of user-data go to the
// default user and to root. (net/network_state.py): a destination "default" of a route is refused by the parser of some versions, and
// 0.0.0.0/0 and ::/0 are understood by every renderer; gateway4 and gateway6 are deprecated.
// Its NetworkManager renderer asks for DHCP on an interface without any address, which mode None cannot prevent there.
// A network: section inside user-data is ignored: the network configuration must be a file of its own.
//
// PyYAML reads YAML 1.1, where a plain 12:34:56:12:34:56 is a number and 2001-13-99 a broken date: see text.
package cloudinit
