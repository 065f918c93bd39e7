package mover

import "time"

const (
	TargetRelay     = "relay"
	TargetBackup    = "backup"
	EncryptionPath  = "/encryption"
	RecipientFile   = "recipient"
	IdentityFile    = "identity"
	EncryptedSuffix = ".age"
	ManifestPath    = "/manifest"
	ManifestFile    = "restore.yaml"
	IndexFile       = "backup.json"
	IndexVersion    = "wukong-backup/v1"
)

type Index struct {
	Version     string      `json:"version"`
	Name        string      `json:"name"`
	Namespace   string      `json:"namespace"`
	Source      string      `json:"source"`
	TakenAt     time.Time   `json:"takenAt"`
	Consistency string      `json:"consistency,omitempty"`
	Encrypted   bool        `json:"encrypted"`
	Manifest    string      `json:"manifest"`
	Disks       []IndexDisk `json:"disks"`
}

type IndexDisk struct {
	Name      string `json:"name"`
	File      string `json:"file"`
	SizeBytes int64  `json:"sizeBytes"`
	Checksum  string `json:"checksum"`
}
