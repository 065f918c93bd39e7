package cloudinit

import (
	"fmt"
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// cloudConfigHeader is the line by which cloud-init recognizes the format of user-data.
const cloudConfigHeader = "#cloud-config\n"

// maxHostLabel is the longest label of a host name, in characters; Linux accepts at most 64.
const maxHostLabel = 63

// userData is a #cloud-config document, in the order in which it is written.
type userData struct {
	Hostname text `yaml:"hostname"`
	FQDN     text `yaml:"fqdn,omitempty"`
	// ManageEtcHosts "localhost" keeps one line 127.0.1.1 with the host's name, so that it resolves without DNS (sudo
	// asks), and leaves the rest of /etc/hosts to the guest.
	ManageEtcHosts string `yaml:"manage_etc_hosts"`
	Timezone       text   `yaml:"timezone,omitempty"`
	// SSHPasswordAuth is left to the image when no users are given.
	SSHPasswordAuth *bool         `yaml:"ssh_pwauth,omitempty"`
	GrowPartition   growPartition `yaml:"growpart"`
	ResizeRoot      bool          `yaml:"resize_rootfs"`
	Users           []guestUser   `yaml:"users,omitempty"`
	// BootCommands and SSHDeleteKeys are those of a clone.
	BootCommands  [][]text `yaml:"bootcmd,omitempty"`
	SSHDeleteKeys *bool    `yaml:"ssh_deletekeys,omitempty"`
}

// growPartition makes the root partition fill its disk, which is usually larger than the image.
type growPartition struct {
	Mode    string `yaml:"mode"`
	Devices []text `yaml:"devices"`
}

func renderUserData(inputs Inputs) ([]byte, error) {
	cloudInit := inputs.VM.Spec.CloudInit
	if cloudInit == nil {
		cloudInit = &v1alpha1.CloudInit{}
	}
	if cloudInit.UserDataSecretRef != nil {
		return inputs.document("spec.cloudInit.userDataSecretRef", cloudInit.UserDataSecretRef)
	}
	config := userData{
		ManageEtcHosts: "localhost",
		Timezone:       text(cloudInit.Timezone),
		GrowPartition:  growPartition{Mode: "auto", Devices: []text{"/"}},
		ResizeRoot:     true,
	}
	var errs []error
	if err := config.setHostname(inputs.VM.Name, cloudInit.Hostname); err != nil {
		errs = append(errs, err)
	}
	if len(cloudInit.Users) > 0 {
		errs = append(errs, config.setUsers(inputs, cloudInit.Users)...)
	}
	if err := join(errs); err != nil {
		return nil, err
	}
	config.setIdentity(inputs.VM)
	encoded, err := encode(config)
	if err != nil {
		return nil, err
	}
	return append([]byte(cloudConfigHeader), encoded...), nil
}

// setHostname sets the guest's name from spec, or else the WukongVM's own. A name with dots is the FQDN, and its first
// label the host name.
func (d *userData) setHostname(vmName, wanted string) error {
	if wanted == "" {
		wanted = vmName
	}
	for label := range strings.SplitSeq(wanted, ".") {
		if len(label) > maxHostLabel {
			return &SpecInvalidError{Field: "spec.cloudInit.hostname",
				Reason: fmt.Sprintf("it has a label of %d characters; use at most %d between dots", len(label), maxHostLabel)}
		}
	}
	label, _, dotted := strings.Cut(wanted, ".")
	d.Hostname = text(label)
	if dotted {
		d.FQDN = text(wanted)
	}
	return nil
}

// setUsers replaces the image's default user by the given ones. sshd accepts passwords only if one of them has one.
func (d *userData) setUsers(inputs Inputs, users []v1alpha1.CloudInitUser) []error {
	var errs []error
	password := false
	for i := range users {
		user, userErrs := makeUser(inputs, &users[i])
		errs = append(errs, userErrs...)
		d.Users = append(d.Users, user)
		password = password || user.HashedPassword != ""
	}
	d.SSHPasswordAuth = &password
	return errs
}
