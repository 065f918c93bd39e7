package mover

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/minio/minio-go/v7"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// explain returns an error with the reason why a target refused, and the fix.
func explain(target string, err error) error {
	var known *failure
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	if found := explainConnection(target, err); found != nil {
		return found
	}
	if found := explainRegistry(target, err); found != nil {
		return found
	}
	if found := explainS3(target, err); found != nil {
		return found
	}
	return &failure{v1alpha1.ReasonTransferFailed, target + " broke off, or refused the data", err}
}

func explainS3(target string, err error) *failure {
	var response minio.ErrorResponse
	if !errors.As(err, &response) {
		return nil
	}
	switch response.Code {
	case "NoSuchBucket":
		return &failure{
			v1alpha1.ReasonBucketMissing, target + " does not exist: create it, or correct the url", err,
		}
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken":
		return &failure{v1alpha1.ReasonCredentialsRefused, "the server of " + target +
			" does not know these credentials: correct accessKeyId and secretKey in the Secret of secretRef", err}
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		return &failure{v1alpha1.ReasonCredentialsRefused, "the server of " + target +
			" does not allow these credentials to do that: allow s3:PutObject to write, s3:GetObject to read, and " +
			"s3:ListBucket and s3:DeleteObject for retention, or use other credentials", err}
	default:
		return nil
	}
}

func explainRegistry(target string, err error) *failure {
	var response *transport.Error
	if !errors.As(err, &response) {
		return nil
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return &failure{v1alpha1.ReasonCredentialsRefused,
			target + " refuses these credentials, or does not allow them " +
				"to push there: correct the Secret of target.registry.secretRef", err}
	default:
		return nil
	}
}

func explainConnection(target string, err error) *failure {
	var (
		name        *net.DNSError
		connection  *net.OpError
		unknown     x509.UnknownAuthorityError
		host        x509.HostnameError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &name):
		return &failure{v1alpha1.ReasonTargetUnreachable, "the name of " + target +
			" is not known: correct it, or the cluster's DNS", err}
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &certificate):
		return &failure{v1alpha1.ReasonTargetUnreachable, "the certificate of " + target +
			" is not trusted: name its CA in certConfigMapRef", err}
	case errors.As(err, &record):
		return &failure{v1alpha1.ReasonTargetUnreachable,
			target + " does not speak HTTPS: use http:// in the url of S3, " +
				"or insecure: true for a registry", err}
	case errors.As(err, &connection), errors.Is(err, context.DeadlineExceeded):
		return &failure{v1alpha1.ReasonTargetUnreachable, "no connection to " + target +
			": check the address, and what network policies allow", err}
	default:
		return nil
	}
}
