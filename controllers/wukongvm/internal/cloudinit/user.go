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
	Name string `yaml:"name"`
	// LockPassword is cloud-init's lock_passwd: true unless there is a password.
	LockPassword bool `yaml:"lock_passwd"`
	// HashedPassword and not passwd: that one is ignored for a user that the image already has.
	HashedPassword string   `yaml:"hashed_passwd,omitempty"`
	Shell          string   `yaml:"shell"`
	Sudo           string   `yaml:"sudo,omitempty"`
	Groups         []string `yaml:"groups,omitempty"`
	AuthorizedKeys []string `yaml:"ssh_authorized_keys,omitempty"`
}

// makeUser resolves a user with its Secrets. The user is meaningful only without errors.
func makeUser(inputs Inputs, spec *v1alpha1.CloudInitUser) (guestUser, []error) {
	field := fmt.Sprintf("spec.cloudInit.users[%s]", spec.Name)
	user := guestUser{Name: spec.Name, Shell: spec.Shell, Sudo: defaultSudo}
	if user.Shell == "" {
		user.Shell = defaultShell
	}
	if spec.Sudo != nil {
		user.Sudo = *spec.Sudo
	}
	for _, group := range spec.Groups {
		user.Groups = append(user.Groups, string(group))
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
