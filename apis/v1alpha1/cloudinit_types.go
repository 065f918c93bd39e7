package v1alpha1

// CloudInit configures the first boot of the guest. The guest gets it as NoCloud data on a small disk. cloud-init reads
// most of it only once in the life of a guest: which later changes take effect in an existing guest depends on
// cloud-init.
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

	// userDataSecretRef names a Secret's key that holds the whole user-data. It is used as it is.
	// +optional
	UserDataSecretRef *SecretKeyReference `json:"userDataSecretRef,omitempty"`

	// networkDataSecretRef names a Secret's key that holds the whole network-data. It is used as it is, in place of the
	// network-data that Wukong makes from spec.networks.
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

	// passwordHash is the crypt(5) hash of the user's password: yescrypt, SHA-512, SHA-256 or bcrypt. mkpasswd makes
	// one.
	// +optional
	// +kubebuilder:validation:MinLength=16
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^[$](y|gy|7|6|5|2[aby])[$][./A-Za-z0-9$=,]+$')",message="passwordHash must be a crypt(5) hash that begins with $y$, $6$, $5$ or $2b$; make one with mkpasswd"
	PasswordHash string `json:"passwordHash,omitempty"`

	// passwordSecretRef names a Secret's key that holds a hash as in passwordHash, or the password itself, which Wukong
	// hashes with SHA-512 before the guest gets it.
	// +optional
	PasswordSecretRef *SecretKeyReference `json:"passwordSecretRef,omitempty"`

	// sshAuthorizedKeys are the public keys with which one may log in as the user.
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

	// sudo rule of the user, such as ALL=(ALL) NOPASSWD:ALL. Omitted, ALL=(ALL) NOPASSWD:ALL. An empty string gives no
	// sudo rights.
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[^\n\r]*$`
	Sudo *string `json:"sudo,omitempty"`

	// groups that the user belongs to, in addition to the user's own group.
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

	// key within the Secret's data. Omitted, the first of ssh-publickey, id_rsa.pub, authorized_keys and publickey that
	// exists. No other key is read.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}
