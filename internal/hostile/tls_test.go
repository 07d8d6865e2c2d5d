package hostile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain has this process trust an authority of its own, as if the machine did, so that
// components meet secured peers with the transports that they have in a service.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hostile")
	if err != nil {
		log.Fatal(err)
	}
	file := filepath.Join(dir, "authority.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority().Certificate[0]}), 0o600); err != nil {
		log.Fatal(err)
	}
	for name, value := range map[string]string{"SSL_CERT_FILE": file, "SSL_CERT_DIR": dir} {
		if err := os.Setenv(name, value); err != nil {
			log.Fatal(err)
		}
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// authority signs the certificates of peers.
var authority = sync.OnceValue(func() tls.Certificate {
	return signed(nil, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "authority of the test"}})
})

// signed makes a certificate that is valid for a day but for what the template says; nil is
// its own authority.
func signed(by *tls.Certificate, template *x509.Certificate) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // no row can be played without one
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// showing is the configuration of a peer whose certificate is that of this machine, but for
// what change makes of it.
func showing(change func(*x509.Certificate, *tls.Config)) *tls.Config {
	by, config := authority(), &tls.Config{MinVersion: tls.VersionTLS10}
	template := &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if change != nil {
		change(template, config)
	}
	config.Certificates = []tls.Certificate{signed(&by, template)}
	return config
}

func answersWell(c *conn, _ *http.Request) { c.reply("200 OK", "", c.body) }

// tlsFaults are those of every peer that speaks HTTP over TLS.
var tlsFaults = []fault{
	{name: "is secured, and does nothing else", tls: showing(nil), does: answersWell},
	// Python's ssl and crypto/tls take such a reply for whole, since many servers end so.
	{name: "ends a body of unknown length without the end of TLS", tls: showing(nil), does: func(c *conn, _ *http.Request) {
		c.say(ok + "Content-Type: " + c.kind + "\r\n\r\n" + c.body)
		c.cuts()
	}},
	{name: "ends a body of unknown length with the end of TLS", tls: showing(nil), does: func(c *conn, _ *http.Request) {
		c.say(ok + "Content-Type: " + c.kind + "\r\n\r\n" + c.body)
		_ = c.Close()
	}},
	{name: "breaks off after a body of known length without the end of TLS", tls: showing(nil), does: func(c *conn, r *http.Request) {
		answersWell(c, r)
		c.cuts()
	}},
	{name: "breaks off within a body without the end of TLS", tls: showing(nil), says: lost, does: func(c *conn, _ *http.Request) {
		c.say(ok + "Content-Length: 100000\r\n\r\n" + c.body)
		c.cuts()
	}},
	{name: "breaks off within a record of TLS", tls: showing(nil), says: lost, does: func(c *conn, _ *http.Request) {
		_, _ = io.WriteString(c.Conn.(*tls.Conn).NetConn(), "\x17\x03\x03\x40\x00half a record")
		c.cuts()
	}},
	{name: "sends a record of TLS that was changed on its way", tls: showing(nil), says: []string{"bad record MAC"}, does: func(c *conn, _ *http.Request) {
		_, _ = io.WriteString(c.Conn.(*tls.Conn).NetConn(), "\x17\x03\x03\x00\x20"+strings.Repeat("x", 32))
		c.waits()
	}},
	{name: "asks to begin the handshake again", tls: renegotiating(), says: []string{"TLS.Renegotiation"}, does: func(c *conn, r *http.Request) {
		c.asksAgain()
		answersWell(c, r)
		c.waits()
	}},
	{name: "speaks TLS 1.0 only", tls: showing(func(_ *x509.Certificate, c *tls.Config) { c.MaxVersion = tls.VersionTLS10 }), says: tooOld, does: answersWell},
	{name: "speaks TLS 1.1 only", tls: showing(func(_ *x509.Certificate, c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }), says: tooOld, does: answersWell},
	{name: "has weak ciphers only", tls: showing(func(_ *x509.Certificate, c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}
	}), says: noCipher, does: answersWell},
	{name: "shows an expired certificate", tls: showing(func(x *x509.Certificate, _ *tls.Config) {
		x.NotBefore, x.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	}), says: append(unreached, "must replace its certificate"), does: answersWell},
	{name: "shows a certificate of tomorrow", tls: showing(func(x *x509.Certificate, _ *tls.Config) {
		x.NotBefore, x.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
	}), says: append(unreached, "the clock of this machine"), does: answersWell},
	{name: "shows the certificate of another host", tls: showing(func(x *x509.Certificate, _ *tls.Config) {
		x.IPAddresses, x.DNSNames = nil, []string{"other.example"}
	}), says: append(unreached, "by a name that its certificate has"), does: answersWell},
	{name: "shows the certificate of a client", tls: showing(func(x *x509.Certificate, _ *tls.Config) {
		x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}), says: append(unreached, "must replace its certificate"), does: answersWell},
	{name: "wants a certificate of the client", tls: showing(func(_ *x509.Certificate, c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), says: noClient, does: answersWell},
	{name: "wants a certificate of the client, and speaks TLS 1.2", tls: showing(func(_ *x509.Certificate, c *tls.Config) {
		c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	}), says: noClient, does: answersWell},
	{name: "knows HTTP/2 only", tls: showing(func(_ *x509.Certificate, c *tls.Config) { c.NextProtos = []string{"h2"} }), says: []string{"speaks HTTP/2 only"}, does: func(c *conn, _ *http.Request) {
		c.say("\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01") // SETTINGS, GOAWAY
		// What the client has sent and nobody reads would make a reset of the end.
		_ = c.Conn.(*tls.Conn).CloseWrite()
		c.waits()
	}},
}

// Words by which an export says what was wrong with a handshake, and what can be done.
var (
	tooOld   = append(unreached, "TLS.Old")
	noCipher = append(unreached, "TLS.RSAKeyExchange")
	noClient = append(unreached, "TLS.Certificates")
)

// cuts ends the connection below TLS, without a word.
func (c *conn) cuts() { _ = c.Conn.(*tls.Conn).NetConn().Close() }

// renegotiating is a configuration of TLS 1.2 whose secrets are known to asksAgain.
func renegotiating() *tls.Config {
	return showing(func(_ *x509.Certificate, c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		c.SessionTicketsDisabled = true
	})
}

// spied keeps what a server writes below TLS, where its random bytes are.
type spied struct {
	net.Conn
	written, keys bytes.Buffer
}

func (s *spied) Write(p []byte) (int, error) {
	s.written.Write(p)
	return s.Conn.Write(p)
}

// asksAgain sends a HelloRequest (RFC 5246, 7.4.1.1), which Go's own server cannot: it is the
// first record after the handshake, under the keys that the handshake has made.
func (c *conn) asksAgain() {
	under := c.Conn.(*tls.Conn).NetConn().(*spied)
	label := strings.Fields(under.keys.String()) // CLIENT_RANDOM random secret
	if len(label) != 3 {
		panic(fmt.Sprintf("the keys of the connection are %q", label))
	}
	client, _ := hex.DecodeString(label[1])
	master, _ := hex.DecodeString(label[2])
	server := under.written.Bytes()[5+4+2:][:32]
	const keys, vectors = 2 * 16, 2 * 4
	block := expanded(master, "key expansion", append(append([]byte{}, server...), client...), keys+vectors)
	cipherBlock, err := aes.NewCipher(block[16:32])
	if err != nil {
		panic(err)
	}
	sealed, err := cipher.NewGCM(cipherBlock)
	if err != nil {
		panic(err)
	}
	number := binary.BigEndian.AppendUint64(nil, 1) // Finished was 0
	text := []byte{0, 0, 0, 0}
	record := append(append([]byte{}, number...), sealed.Seal(nil, append(append([]byte{}, block[36:40]...), number...), text,
		append(append([]byte{}, number...), 22, 3, 3, 0, byte(len(text))))...)
	_, _ = under.Conn.Write(append([]byte{22, 3, 3, 0, byte(len(record))}, record...))
}

// expanded is the pseudorandom function of TLS 1.2.
func expanded(secret []byte, label string, seed []byte, length int) (out []byte) {
	seed = append([]byte(label), seed...)
	sum := func(parts ...[]byte) []byte {
		h := hmac.New(sha256.New, secret)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	for a := sum(seed); len(out) < length; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:length]
}
