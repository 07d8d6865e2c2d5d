package pipeline

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// TLS says how calls are secured, for systems that the defaults don't reach. The zero
// value is the default: TLS 1.2 or later, and the machine's certificate authorities.
type TLS struct {
	// Authorities are certificates in PEM of authorities that are trusted besides the
	// machine's, such as a company's own.
	Authorities []byte
	// Certificates identify this program to systems that ask for it.
	Certificates []tls.Certificate
	// Renegotiation lets a server begin the handshake again, as IIS and SAP do to ask for
	// a certificate. Without it such a call fails with "no renegotiation".
	Renegotiation bool
	// RSAKeyExchange allows the cipher suites without forward secrecy, the only ones that
	// some old servers have. Without it such a call fails with "handshake failure".
	RSAKeyExchange bool
	// Old allows TLS 1.0 and 1.1.
	Old bool
}

// WithTLS sets how calls are secured. The connections are kept between the exports that
// share the option, so make it once. It takes the place of [WithHTTPClient]; of the two,
// the last one counts.
//
// The error is for certificates that can't be read.
func WithTLS(t TLS) (Option, error) {
	config, err := t.config()
	if err != nil {
		return nil, err
	}
	return WithHTTPClient(&http.Client{Transport: httpcall.NewTransport(config)}), nil
}

func (t TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: slices.Clone(t.Certificates)}
	if t.Old {
		c.MinVersion = tls.VersionTLS10
	}
	if t.Renegotiation {
		c.Renegotiation = tls.RenegotiateFreelyAsClient
	}
	if t.RSAKeyExchange {
		for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
			if !suite.Insecure || slices.Contains(rsaKeyExchange, suite.ID) {
				c.CipherSuites = append(c.CipherSuites, suite.ID)
			}
		}
	}
	if len(t.Authorities) > 0 {
		var err error
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			c.RootCAs = x509.NewCertPool() // a machine without any
		}
		if !c.RootCAs.AppendCertsFromPEM(t.Authorities) {
			return nil, errors.New("TLS.Authorities: there is no certificate in PEM (-----BEGIN CERTIFICATE-----) in it")
		}
	}
	return c, nil
}

// rsaKeyExchange are the suites of old servers that are sound apart from the missing
// forward secrecy.
var rsaKeyExchange = []uint16{
	tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
}
