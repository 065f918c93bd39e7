package mover

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket is a place in an S3 bucket: an object, or a folder.
type bucket struct {
	core     *minio.Core
	endpoint string
	// name of the bucket, and key in it.
	name, key string
	url       string
}

type bucketOptions struct {
	url, region string
	// credentials and certificates are folders.
	credentials, certificates string
}

// openBucket returns a place in a bucket. It connects to no server.
func openBucket(options bucketOptions) (*bucket, error) {
	location, err := url.Parse(options.url)
	if err != nil {
		return nil, err
	}
	name, key, found := strings.Cut(strings.TrimPrefix(location.Path, "/"), "/")
	if !found || name == "" || key == "" {
		return nil, fmt.Errorf("%s is not https://endpoint/bucket/key", options.url)
	}
	accessKey, err := credential(options.credentials, AccessKeyFile)
	if err != nil {
		return nil, err
	}
	secretKey, err := credential(options.credentials, SecretKeyFile)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(options.certificates)
	if err != nil {
		return nil, err
	}
	core, err := minio.NewCore(location.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(accessKey, secretKey, ""),
		Secure:       location.Scheme == "https",
		Region:       options.region,
		BucketLookup: minio.BucketLookupPath,
		Transport:    transport,
		MaxRetries:   3,
	})
	if err != nil {
		return nil, err
	}
	return &bucket{core: core, endpoint: location.Host, name: name, key: key, url: options.url}, nil
}

// place returns the name of the bucket for messages.
func (b *bucket) place() string { return "bucket " + b.name + " at " + b.endpoint }
