package testbed

import "fmt"

// The registry, over plain HTTP, and S3, over plain HTTP, are Services of ServersNamespace. Tests may write to both.
const (
	RegistryService = "registry"
	RegistryPort    = 5000
	S3Service       = "s3"
	S3Port          = 7070
	// S3Bucket is the only bucket.
	S3Bucket = "backups"
	// S3Region is what requests are signed for. CDI takes the first label of the host name for it (CDI
	// pkg/importer/s3-datasource.go, extractRegion).
	S3Region = "s3"
	// S3AccessKey and S3SecretKey are who may read and write. They are known to everyone and guard nothing.
	S3AccessKey = "wukong"
	S3SecretKey = "wukong-secret"
	// S3Credentials is the Secret of ServersNamespace with the two, under S3AccessKeyField and S3SecretKeyField, which
	// CDI reads as well.
	S3Credentials    = "s3-credentials"
	S3AccessKeyField = "accessKeyId"
	S3SecretKeyField = "secretKey"
)

// BrittleLimit is how many bytes a client may send by one connection to a brittle server before the connection is cut.
// An upload comes to its end only when it goes on where it broke.
const BrittleLimit = 20 << 20

// RegistryHost is the host and port of the registry.
func RegistryHost() string { return host(RegistryService, RegistryPort) }

// BrittleRegistryHost leads to the same registry, and breaks connections: see BrittleLimit.
func BrittleRegistryHost() string { return host(ImageService, RegistryPort) }

// UnknownRegistryHost is a host that no name server knows.
func UnknownRegistryHost() string { return fmt.Sprintf("registry.nowhere.svc:%d", RegistryPort) }

// TinyContainerDisk is the container disk with TinyImage that the registry has and every node too.
func TinyContainerDisk() string { return RegistryHost() + "/guest/tiny:1" }

// RegistryURL is the address of a container disk for CDI, by its reference: RegistryHost, a slash, its repository and
// its tag or digest.
func RegistryURL(reference string) string { return "docker://" + reference }

// S3Host is the host and port of S3.
func S3Host() string { return host(S3Service, S3Port) }

// S3URL is the address of an object in S3Bucket.
func S3URL(key string) string { return S3BucketURL(S3Bucket, key) }

// S3BucketURL is the address of an object in a bucket, which may be one that does not exist.
func S3BucketURL(bucket, key string) string { return "http://" + S3Host() + "/" + bucket + "/" + key }

// BrittleS3URL is S3URL over connections that break: see BrittleLimit.
func BrittleS3URL(key string) string {
	return "http://" + host(ImageService, S3Port) + "/" + S3Bucket + "/" + key
}

func host(service string, port int) string {
	return fmt.Sprintf("%s.%s.svc:%d", service, ServersNamespace, port)
}
