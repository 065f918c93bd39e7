package mover

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "golang.org/x/crypto/x509roots/fallback" // the image has no certificates of a system

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Patience with a target. There is no limit for a whole request: a part of a large disk on a slow connection takes its
// time.
const (
	connectPatience  = 30 * time.Second
	responsePatience = 5 * time.Minute
)

// newTransport trusts the certificates of a folder beside those of the system, or, if that has none, the public ones
// in the program. A missing folder is treated as empty.
func newTransport(folder string) (*http.Transport, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the certificates of public authorities: %w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "..") {
			continue // kubelet's own links
		}
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		if !pool.AppendCertsFromPEM(content) {
			return nil, &failure{v1alpha1.ReasonTargetUnreachable, "certConfigMapRef cannot be used",
				fmt.Errorf("key %s contains no certificate in PEM", entry.Name())}
		}
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectPatience}).DialContext,
		TLSHandshakeTimeout:   connectPatience,
		ResponseHeaderTimeout: responsePatience,
		TLSClientConfig:       &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		MaxIdleConns:          4,
		IdleConnTimeout:       time.Minute,
	}, nil
}

// credential returns one key of the Secret.
func credential(folder, name string) (string, error) {
	content, err := os.ReadFile(filepath.Join(folder, name))
	if os.IsNotExist(err) {
		return "", &failure{v1alpha1.ReasonSecretMissing, "the Secret of the target's secretRef does not exist, or " +
			"has no key " + name + ": create it", err}
	}
	value := strings.TrimSpace(string(content))
	if err == nil && value == "" {
		return "", &failure{v1alpha1.ReasonSecretMissing, "the Secret has an empty key " + name + ": set it",
			errors.New("an empty value admits everyone, or no one")}
	}
	return value, err
}
