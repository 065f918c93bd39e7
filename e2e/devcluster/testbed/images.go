package testbed

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"k8s.io/client-go/kubernetes"
)

// Guests' images, for the functions that make a URL.
const (
	// DebianImage boots Debian with cloud-init, the guest agent and an SSH server. It is in qcow2, a disk of 896 MiB
	// that grows into what it gets.
	DebianImage = "debian-trixie.qcow2"
	// TinyImage boots to a root shell on the serial console within seconds. It is in qcow2, a disk of 24 MiB.
	TinyImage = "tiny.qcow2"
	// TinyRaw is TinyImage in raw format.
	TinyRaw = "tiny.img"
)

// The server of images, a Service of ServersNamespace.
const (
	ImageService = "images"
	ImageHost    = ImageService + "." + ServersNamespace + ".svc"
)

// ImageAuthority reads the certificate of the authority of SecureImageURL from the image server, in PEM. The server
// makes another one when it starts.
func ImageAuthority(ctx context.Context, cluster kubernetes.Interface) ([]byte, error) {
	certificate, err := cluster.CoreV1().Services(ServersNamespace).
		ProxyGet("http", ImageService, "http", "ca.crt", nil).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the authority of %s: %w", ImageHost, err)
	}
	return certificate, nil
}

// ImageURL is where an image is served as it is, over HTTP.
func ImageURL(image string) string { return served(image) }

// SecureImageURL is where an image is served as it is, over HTTPS, with a certificate that only ImageAuthority knows.
func SecureImageURL(image string) string { return "https://" + ImageHost + "/" + image }

// AnswerURL always answers with an HTTP status from 200 to 599 and without content.
func AnswerURL(status int) string { return served("status", strconv.Itoa(status)) }

// NotFoundURL is where no image is.
func NotFoundURL() string { return AnswerURL(http.StatusNotFound) }

// SlowImageURL lets a number of bytes of an image pass in each second.
func SlowImageURL(bytesPerSecond int, image string) string {
	return served("slow", strconv.Itoa(bytesPerSecond), image)
}

// TruncatedImageURL promises a whole image, and breaks the connection in its middle.
func TruncatedImageURL(image string) string { return served("truncate", image) }

// CutImageURL serves the first half of an image as if it were all of it.
func CutImageURL(image string) string { return served("cut", image) }

// CorruptImageURL serves an image in qcow2 whose header is broken behind its magic.
func CorruptImageURL(image string) string { return served("corrupt", image) }

// FlakyImageURL breaks like TruncatedImageURL the first times, and serves the image as it is from then on. The count is
// of the key: a test takes one of its own, such as its namespace.
func FlakyImageURL(times int, key, image string) string {
	return served("flaky", strconv.Itoa(times), key, image)
}

// HangingImageURL takes a request and never answers.
func HangingImageURL(image string) string { return served("hang", image) }

// GuardedImageURL wants a user and a password, by basic authentication.
func GuardedImageURL(user, password, image string) string {
	return served("auth", user, password, image)
}

// BucketURL is where Google's client of Cloud Storage reads a public object as that storage serves it. Objects have the
// names of images.
func BucketURL(object string) string { return served("bucket", object) }

func served(path ...string) string {
	url := "http://" + ImageHost
	for _, part := range path {
		url += "/" + part
	}
	return url
}
