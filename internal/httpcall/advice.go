package httpcall

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Advised returns an error that also says what can be done, where TLS is what failed.
func Advised(err error) error {
	if text := advice(err); text != "" {
		return &advisedError{err, text}
	}
	return err
}

type advisedError struct {
	error
	advice string
}

func (e *advisedError) Error() string { return e.error.Error() + " (" + e.advice + ")" }

func (e *advisedError) Unwrap() error { return e.error }

func advice(err error) string {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		alert     *net.OpError
	)
	switch {
	case errors.As(err, &authority):
		return "if the authority is a company's own, the program can trust it by pipeline.TLS.Authorities"
	case errors.As(err, &hostname):
		return "call the server by a name that its certificate has, or have its operator get one for this name"
	case errors.As(err, &invalid):
		if invalid.Reason == x509.Expired && invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore) {
			return "the clock of this machine, or of the server, is wrong"
		}
		return "the server's operator must replace its certificate"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS at this port; should the URL begin with http://, or have another port?"
	case errors.As(err, &alert) && strings.HasSuffix(alert.Op, " error"):
		return adviceOn(alert.Op, alert.Err.Error())
	case err != nil && strings.Contains(err.Error(), "selected unsupported protocol version"):
		return tooOld
	case err != nil && strings.Contains(err.Error(), `malformed HTTP response "\x00\x00`):
		return "the server speaks HTTP/2 only, and calls are made by HTTP/1.1; a program can give a client of its own by pipeline.WithHTTPClient"
	}
	return ""
}

const tooOld = "the server knows only versions of TLS before 1.2; have it updated, or allow them in the program by pipeline.TLS.Old"

// ofClients are alerts by which a server refuses the certificate of its client, or the lack of one.
var ofClients = []string{
	"certificate required", "bad certificate", "unsupported certificate", "revoked certificate", "expired certificate", "unknown certificate",
	"unknown certificate authority",
}

// remoteError is how crypto/tls marks the alerts of the other side.
const remoteError = "remote error"

// adviceOn is about an alert of TLS.
func adviceOn(op, text string) string {
	text = strings.TrimPrefix(text, "tls: ")
	switch {
	case text == "no renegotiation":
		return "the server begins the handshake again, most often to ask for a certificate; the program can allow that by pipeline.TLS.Renegotiation"
	case op != remoteError:
		return ""
	case text == "protocol version not supported":
		return tooOld
	case text == "handshake failure":
		return "the server wants a certificate of its clients, or other ciphers; the program can set pipeline.TLS.Certificates or pipeline.TLS.RSAKeyExchange"
	case slices.Contains(ofClients, text):
		return "the server wants a certificate of its clients, and accepts none that this program has; it can set pipeline.TLS.Certificates"
	}
	return ""
}
