package cloudinit

import (
	"fmt"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

const (
	defaultSudo  = "ALL=(ALL) NOPASSWD:ALL"
	defaultShell = "/bin/bash"
)

// guestUser is an entry of users in a #cloud-config document.
type guestUser struct {
	Name text `yaml:"name"`
	// LockPassword is cloud-init's lock_passwd: true unless there is a password.
	LockPassword bool `yaml:"lock_passwd"`
	// HashedPassword, not passwd, which is ignored for a user that the image already has.
	HashedPassword text `yaml:"hashed_passwd,omitempty"`
	Shell          text `yaml:"shell"`
	Sudo           text `yaml:"sudo,omitempty"`
	// PrimaryGroup is the user's own group, with the same name, whether the image has such a group or not. Without it
	// useradd fails if the image has one, as for admin on Ubuntu and operator on Debian, and cloud-init then creates
	// none of the following users.
	PrimaryGroup text `yaml:"primary_group"`
	// Groups begin with the user's own: cloud-init creates a missing primary group only when it is among them.
	Groups         []text `yaml:"groups"`
	AuthorizedKeys []text `yaml:"ssh_authorized_keys,omitempty"`
}

// makeUser resolves a user with its Secrets. The user is valid only without errors.
func makeUser(inputs Inputs, spec *v1alpha1.CloudInitUser) (guestUser, []error) {
	field := fmt.Sprintf("spec.cloudInit.users[%s]", spec.Name)
	user := guestUser{Name: text(spec.Name), Shell: text(spec.Shell), Sudo: defaultSudo, PrimaryGroup: text(spec.Name)}
	if user.Shell == "" {
		user.Shell = defaultShell
	}
	if spec.Sudo != nil {
		user.Sudo = text(*spec.Sudo)
	}
	user.Groups = []text{user.Name}
	for _, group := range spec.Groups {
		if text(group) != user.Name {
			user.Groups = append(user.Groups, text(group))
		}
	}
	var errs []error
	var err error
	if user.HashedPassword, err = passwordHash(inputs, field, spec); err != nil {
		errs = append(errs, err)
	}
	user.LockPassword = user.HashedPassword == ""
	keys, keyErrs := authorizedKeys(inputs, field, spec)
	user.AuthorizedKeys = keys
	return user, append(errs, keyErrs...)
}
