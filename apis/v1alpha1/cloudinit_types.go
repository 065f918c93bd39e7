package v1alpha1

// CloudInit is what the guest sets up at its first boot, given as NoCloud data on a small disk. cloud-init reads most of
// it once in the life of a guest: a later change reaches a running guest only as far as cloud-init itself does so.
//
// +kubebuilder:validation:XValidation:rule="!has(self.userDataSecretRef) || (!has(self.hostname) && !has(self.users) && !has(self.timezone))",message="userDataSecretRef is the whole user-data: leave out hostname, users and timezone"
type CloudInit struct {
	// hostname of the guest. Omitted, the WukongVM's name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$`
	Hostname string `json:"hostname,omitempty"`

	// timezone of the guest, such as Europe/Vienna.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`
	Timezone string `json:"timezone,omitempty"`

	// users to create in the guest.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Users []CloudInitUser `json:"users,omitempty"`

	// userDataSecretRef names a Secret's key that holds the whole user-data, used as it is.
	// +optional
	UserDataSecretRef *SecretKeyReference `json:"userDataSecretRef,omitempty"`

	// networkDataSecretRef names a Secret's key that holds the whole network-data, used as it is instead of what spec.networks
	// says.
	// +optional
	NetworkDataSecretRef *SecretKeyReference `json:"networkDataSecretRef,omitempty"`
}

// CloudInitUser is a user of the guest.
//
// +kubebuilder:validation:XValidation:rule="!has(self.passwordHash) || !has(self.passwordSecretRef)",message="give passwordHash or passwordSecretRef, not both"
type CloudInitUser struct {
	// name of the user.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z_][-a-z0-9_]*$`
	Name string `json:"name,omitempty"`

	// passwordHash is the user's password as crypt(5) hashes it: yescrypt, SHA-512, SHA-256 or bcrypt. mkpasswd makes one.
	// +optional
	// +kubebuilder:validation:MinLength=16
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^[$](y|gy|7|6|5|2[aby])[$][./A-Za-z0-9$=,]+$')",message="passwordHash must be a crypt(5) hash that begins with $y$, $6$, $5$ or $2b$; make one with mkpasswd"
	PasswordHash string `json:"passwordHash,omitempty"`

	// passwordSecretRef names a Secret's key that holds a hash as in passwordHash, or the password itself, which is then
	// hashed with SHA-512 before it is given to the guest.
	// +optional
	PasswordSecretRef *SecretKeyReference `json:"passwordSecretRef,omitempty"`

	// sshAuthorizedKeys are public keys that may log in as the user.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	SSHAuthorizedKeys []SSHPublicKey `json:"sshAuthorizedKeys,omitempty"`

	// sshKeySecretRefs name Secrets that hold public keys, one in each line.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	SSHKeySecretRefs []SSHKeySecretReference `json:"sshKeySecretRefs,omitempty"`

	// sudo rule of the user, such as ALL=(ALL) NOPASSWD:ALL. Omitted, that one; an empty string gives no sudo.
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[^\n\r]*$`
	Sudo *string `json:"sudo,omitempty"`

	// groups that the user belongs to beside its own.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Groups []GuestGroup `json:"groups,omitempty"`

	// shell of the user. Omitted, /bin/bash.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^/[-_./a-zA-Z0-9]+$`
	Shell string `json:"shell,omitempty"`
}

// SSHPublicKey is one line of an authorized_keys file.
// +kubebuilder:validation:MinLength=20
// +kubebuilder:validation:MaxLength=8192
// +kubebuilder:validation:Pattern=`^[^\n\r]+$`
// +kubebuilder:validation:XValidation:rule="self.startsWith('ssh-') || self.startsWith('ecdsa-') || self.startsWith('sk-')",message="must be a public key such as ssh-ed25519 AAAA... comment, in one line"
type SSHPublicKey string

// GuestGroup is the name of a group in the guest.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^[a-z_][-a-z0-9_]*$`
type GuestGroup string

// SSHKeySecretReference names a Secret that holds SSH public keys.
type SSHKeySecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// key within the Secret's data. Omitted, the first that exists of ssh-publickey, id_rsa.pub, authorized_keys and
	// publickey; other keys are never read.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}
