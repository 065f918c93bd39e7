package mover

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// The contract of the Job's pod and the program.
const (
	// StatusPort serves StatusPath, a stream of Reports, and ReadyPath, which returns 200 once a download is served.
	StatusPort = 8080
	StatusPath = "/status"
	ReadyPath  = "/ready"
	// DownloadPort serves the file by HTTPS.
	DownloadPort = 8443
	// DevicePath is a claim as a block device, FolderPath one with a file system.
	DevicePath = "/dev/source"
	FolderPath = "/source"
	// CredentialsPath has the files of the Secret, CertificatesPath those of the ConfigMap with certificates.
	CredentialsPath  = "/credentials"
	CertificatesPath = "/certificates"
	// EncryptionPath has the keys of an encryption, ServingPath the token and the certificate of a relay, and
	// ManifestPath the files of a backup.
	EncryptionPath = "/encryption"
	ServingPath    = "/serving"
	ManifestPath   = "/manifest"
	// RelayPath is the object that a relay serves.
	RelayPath = "/disk"
	// Files below EncryptionPath, with keys of age-keygen: public ones, one per line, and secret ones.
	RecipientFile = "recipient"
	IdentityFile  = "identity"
	// Files below CredentialsPath or ServingPath.
	AccessKeyFile    = "accessKeyId"
	SecretKeyFile    = "secretKey"
	DockerConfigFile = "config.json"
	TokenFile        = "token"
	CertificateFile  = "tls.crt"
	PrivateKeyFile   = "tls.key"
)

// terminationLog is where kubelet reads the termination message, of at most maxMessage bytes.
const (
	terminationLog = "/dev/termination-log"
	maxMessage     = 4096
)

// progressStep is the granularity of Report.Percent: each step is a write to the WukongExport's status.
const progressStep = 10

// Report is the program's report on its work.
type Report struct {
	// Percent of the work, in steps of ten.
	Percent int32 `json:"percent"`
	// SizeBytes and Checksum ("sha256:<hex>") of the file, once known.
	SizeBytes int64  `json:"sizeBytes,omitempty"`
	Checksum  string `json:"checksum,omitempty"`
	// Location of the result.
	Location string `json:"location,omitempty"`
	// Reason and Message of a failure: a reason of the WukongExport's conditions, and its explanation.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Deleted is how many old backups were deleted, and Warning why others could not be.
	Deleted int    `json:"deleted,omitempty"`
	Warning string `json:"warning,omitempty"`
}

// ParseReport reads a termination message, or a line of the stream.
func ParseReport(text []byte) (*Report, error) {
	report := &Report{}
	if err := json.Unmarshal(text, report); err != nil {
		return nil, fmt.Errorf("read the mover's report: %w", err)
	}
	report.Percent, report.Deleted = min(max(report.Percent, 0), 100), max(report.Deleted, 0)
	report.Warning = cut(report.Warning, maxWarning)
	return report, nil
}

// maxWarning bounds Report.Warning, in bytes.
const maxWarning = 512

// cut returns at most so many bytes of a text, and no part of a character.
func cut(text string, limit int) string {
	return strings.ToValidUTF8(text[:min(limit, len(text))], "")
}

// failure is an error with a reason of the WukongExport's conditions.
type failure struct {
	reason  string
	message string
	err     error
}

// Error implements error.
func (f *failure) Error() string { return fmt.Sprintf("%s: %s", f.message, f.err) }

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.err }

// writeTermination writes the report where kubelet finds it.
func writeTermination(path string, report Report, failed error) error {
	if failed != nil {
		var known *failure
		if errors.As(failed, &known) {
			report.Reason = known.reason
		}
		report.Message = failed.Error()
	}
	text, err := json.Marshal(report)
	for limit := maxMessage; err == nil && len(text) > maxMessage; limit /= 2 {
		report.Message, report.Warning = cut(report.Message, limit), cut(report.Warning, limit)
		if limit == 0 {
			report.Location = ""
		}
		text, err = json.Marshal(report)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
