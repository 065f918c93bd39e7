package mover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/mover/internal/disk"
)

// Options describe what to move, and where to. The controller passes them to the Job by Arguments.
type Options struct {
	// Target is one of the targets below.
	Target string
	// Source is DevicePath or FolderPath.
	Source string
	// Format and Compression as in the WukongExport.
	Format, Compression string
	// FileName of a download, and in a container disk.
	FileName string
	// Location is the URL of the S3 object, or the image.
	Location string
	// Region of the bucket.
	Region string
	// Insecure allows plain HTTP to a registry.
	Insecure bool
	// ExpiresAt ends a download.
	ExpiresAt time.Time
	// Encrypted: the objects in the bucket are encrypted by age, with keys in EncryptionPath.
	Encrypted bool
	// Checksum of the object that is relayed, "sha256:<hex>"; empty for any.
	Checksum string
	// KeepCount and KeepAge are the retention of the folder of a backup; zero for no limit.
	KeepCount int
	KeepAge   time.Duration

	// Paths and addresses in the container. Tests use others.
	credentials, certificates, encryption, serving, manifest string
	terminationLog, statusAddress, downloadAddress           string
}

// The targets.
const (
	TargetS3       = "s3"
	TargetRegistry = "registry"
	TargetDownload = "download"
	// TargetRelay offers an object of a bucket to CDI's importer. It reads no disk.
	TargetRelay = "relay"
	// TargetBackup writes the files that complete a backup, and applies its retention. It reads no disk.
	TargetBackup = "backup"
)

// CommandName is the subcommand of the manager's binary.
const CommandName = "mover"

// Arguments returns the options as a command line.
func (o Options) Arguments() []string {
	arguments := []string{CommandName, "--target=" + o.Target}
	for _, one := range []struct{ name, value string }{
		{"source", o.Source}, {"format", o.Format}, {"compression", o.Compression}, {"file-name", o.FileName},
		{"location", o.Location}, {"region", o.Region}, {"checksum", o.Checksum},
	} {
		if one.value != "" {
			arguments = append(arguments, "--"+one.name+"="+one.value)
		}
	}
	if o.Insecure {
		arguments = append(arguments, "--insecure")
	}
	if o.Encrypted {
		arguments = append(arguments, "--encrypted")
	}
	if o.KeepCount > 0 {
		arguments = append(arguments, "--keep-count="+strconv.Itoa(o.KeepCount))
	}
	if o.KeepAge > 0 {
		arguments = append(arguments, "--keep-age="+o.KeepAge.String())
	}
	if !o.ExpiresAt.IsZero() {
		arguments = append(arguments, "--expires-at="+o.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return arguments
}

// NewCommand returns the program. Controllers start it; users do not.
func NewCommand() *cobra.Command {
	options := Options{
		credentials: CredentialsPath, certificates: CertificatesPath, encryption: EncryptionPath, serving: ServingPath,
		manifest: ManifestPath, terminationLog: terminationLog,
		statusAddress: fmt.Sprintf(":%d", StatusPort), downloadAddress: fmt.Sprintf(":%d", DownloadPort),
	}
	var expiresAt string
	command := &cobra.Command{
		Use:          CommandName,
		Short:        "Move the bytes of a disk: what the Jobs of Wukong run",
		Args:         cobra.NoArgs,
		Hidden:       true,
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			if expiresAt != "" {
				at, err := time.Parse(time.RFC3339, expiresAt)
				if err != nil {
					return fmt.Errorf("--expires-at: %w", err)
				}
				options.ExpiresAt = at
			}
			return options.Run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.Target, "target", "", "s3, registry, download, relay or backup")
	flags.StringVar(&options.Source, "source", "", "block device, or folder with "+disk.FileName)
	flags.StringVar(&options.Format, "format", "", "raw or qcow2")
	flags.StringVar(&options.Compression, "compression", "none", "none or gzip")
	flags.StringVar(&options.FileName, "file-name", "", "name of the file")
	flags.StringVar(&options.Location, "location", "", "URL of the S3 object, or the image")
	flags.StringVar(&options.Region, "region", "", "region of the bucket")
	flags.BoolVar(&options.Insecure, "insecure", false, "allow plain HTTP to the registry")
	flags.BoolVar(&options.Encrypted, "encrypted", false, "encrypt, or decrypt, objects of the bucket")
	flags.StringVar(&options.Checksum, "checksum", "", "checksum of the object that is relayed (sha256:<hex>)")
	flags.IntVar(&options.KeepCount, "keep-count", 0, "how many backups are kept in the folder; 0 for all")
	flags.DurationVar(&options.KeepAge, "keep-age", 0, "how long backups are kept in the folder; 0 for ever")
	flags.StringVar(&expiresAt, "expires-at", "", "when the download ends (RFC 3339)")
	return command
}

// Run moves the bytes, serves the Report meanwhile, and writes the last one as termination message.
func (o Options) Run(ctx context.Context) error {
	track := newTracker()
	status, err := serveStatus(o.statusAddress, track)
	if err != nil {
		return err
	}
	defer status.Close()
	failed := o.move(ctx, track)
	report, _, _ := track.current()
	return errors.Join(failed, writeTermination(o.terminationLog, report, failed))
}

func serveStatus(address string, track *tracker) (*http.Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve the status: %w", err)
	}
	server := &http.Server{Handler: track.handler(), ReadHeaderTimeout: headerPatience}
	go func() { _ = server.Serve(listener) }()
	return server, nil
}

// move does the work of the target.
func (o Options) move(ctx context.Context, track *tracker) error {
	switch o.Target {
	case TargetRelay:
		return o.relay(ctx, track)
	case TargetBackup:
		return o.completeBackup(ctx, track)
	default:
		return o.export(ctx, track)
	}
}

// export checks the target first: its problems must not be found after an hour of reading.
func (o Options) export(ctx context.Context, track *tracker) error {
	if o.Encrypted && o.Target != TargetS3 {
		return fmt.Errorf("the target %s cannot be encrypted", o.Target)
	}
	send, err := o.target(track)
	if err != nil {
		return err
	}
	image, source, err := openImage(ctx, o.Source, o.Format, track)
	if err != nil {
		return err
	}
	defer source.Close()
	return send(ctx, image)
}

func (o Options) bucket() (*bucket, error) {
	return openBucket(bucketOptions{
		url: o.Location, region: o.Region, credentials: o.credentials, certificates: o.certificates,
	})
}

// s3 returns the object that is written.
func (o Options) s3() (*s3Target, error) {
	place, err := o.bucket()
	if err != nil || !o.Encrypted {
		return &s3Target{bucket: place}, err
	}
	to, err := recipients(o.encryption)
	return &s3Target{bucket: place, recipients: to}, err
}

func (o Options) target(track *tracker) (func(context.Context, disk.Image) error, error) {
	compressed := o.Compression == "gzip"
	switch o.Target {
	case TargetS3:
		target, err := o.s3()
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, image disk.Image) error {
			return target.send(ctx, image, compressed, track)
		}, nil
	case TargetRegistry:
		target, err := newRegistryTarget(registryOptions{image: o.Location, insecure: o.Insecure,
			credentials:  o.credentials,
			certificates: o.certificates})
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, image disk.Image) error {
			return target.send(ctx, image, o.FileName, compressed, track)
		}, nil
	case TargetDownload:
		target, err := newDownloadTarget(downloadOptions{fileName: o.FileName, expiresAt: o.ExpiresAt,
			credentials: o.credentials, address: o.downloadAddress})
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, image disk.Image) error {
			return target.serve(ctx, image, compressed, track)
		}, nil
	default:
		return nil, fmt.Errorf("unknown target %q", o.Target)
	}
}
