package measure

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// trustAttacks are 10 MB of what a program trusts, and of what it proves who it is with.
func trustAttacks() []row {
	const size = 10 * mb
	lines := func(host func(i int) string) string {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err)
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			panic(err)
		}
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			b.WriteString(knownhosts.Line([]string{host(i)}, key) + "\n")
		}
		return b.String()
	}
	plain := func(i int) string { return fmt.Sprintf("host%d.example", i) }
	hashed := func(i int) string { return knownhosts.HashHostname(plain(i)) }
	// learns connects with a file of 10 MB to which the server's key is added.
	learns := func(name string, text func() string) row {
		return attack("known_hosts of 10 MB, "+name, 200, func(t testing.TB) func(context.Context) error {
			server, err := sftptest.NewServer("")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			file := filepath.Join(t.TempDir(), "known_hosts")
			if err := os.WriteFile(file, []byte(text()), 0o600); err != nil {
				t.Fatal(err)
			}
			c := server.Credentials()
			c.HostKey = ""
			step := toDirectory(&sftpexport.Step{Credentials: c, KnownHostsFile: file}, "document", "")
			t.Cleanup(func() { _ = step.Close() })
			call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("type", "sftp"), rossumtest.Secret("password", sftptest.Password))
			return exportsWith(t, call, []pipeline.Option{pipeline.WithOriginal(generated(1000))}, step)
		})
	}
	given := func(name string, text func() string) row {
		r := attack("known_hosts of 10 MB in the settings, "+name, 400, func(t testing.TB) func(context.Context) error {
			known := text()
			return func(context.Context) error {
				return (&sftpexport.Step{
					Credentials: sftpexport.Credentials{Type: "sftp", Host: "h.example", Username: "u", KnownHosts: known},
					Rules:       []sftpexport.Rule{{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}},
				}).Validate()
			}
		})
		return r.before()
	}
	authorities := func(name string, text func() []byte) row {
		r := attack("TLS, authorities of 10 MB, "+name, 200, func(testing.TB) func(context.Context) error {
			data := text()
			return func(context.Context) error {
				_, err := pipeline.WithTLS(pipeline.TLS{Authorities: data})
				return err
			}
		})
		return r.before()
	}
	// signs asks for a token with a private key.
	signs := func(name string, key func() string) row {
		return attack("a private key of 10 MB, "+name, 200, func(t testing.TB) func(context.Context) error {
			step := settingsOf[requestprocessor.Step](t, fmt.Sprintf(`{"stages":[{"call_api":[{"name":"c",
				"auth":{"type":"oauth2_private_certificate","url":%q,"client_id":"c","certificate_id":"i","private_certificate":"{payload.secrets.key}"},
				"request":{"url":%[1]q,"method":"GET","timeout":60,"headers":{"Authorization":"Bearer {token}"}}}]}]}`, accepting(t)))
			return exports(t, rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("key", key())), step)
		})
	}
	logsIn := func(name string, key func() string) row {
		return attack("an SSH key of 10 MB, "+name, 200, func(t testing.TB) func(context.Context) error {
			secrets := rossum.Secrets{"type": "sftp", "ssh_key": key(), "ssh_key_passphrase": "pass-of-the-key"}
			call := rossumtest.Annotation(rossumtest.Offline())
			for name, secret := range secrets {
				call.With(rossumtest.Secret(name, secret))
			}
			step := &sftpexport.Step{Credentials: sftpexport.Credentials{Type: "sftp", Host: "127.0.0.1", Port: 1, Username: "u", HostKey: hostKey}}
			return exportsWith(t, call, []pipeline.Option{pipeline.WithOriginal(generated(1))}, toDirectory(step, "document", ""))
		})
	}
	block := func(kind string, data []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
	}
	// number is a key of PKCS#1 whose modulus has so many bytes.
	number := func(bytes int) []byte {
		length := func(n int) []byte { return append([]byte{0x83}, byte(n>>16), byte(n>>8), byte(n)) }
		one := append(append([]byte{0x02}, length(bytes)...), append([]byte{0x41}, make([]byte, bytes-1)...)...)
		body := append([]byte{0x02, 0x01, 0x00}, one...)
		body = append(body, 0x02, 0x03, 0x01, 0x00, 0x01)
		for range 6 {
			body = append(body, 0x02, 0x01, 0x03)
		}
		return append(append([]byte{0x30}, length(len(body))...), body...)
	}
	begins := func() string { return strings.Repeat("-----BEGIN RSA PRIVATE KEY-----\n", size/32) }
	return []row{
		learns("names", func() string { return lines(plain) }),
		learns("hashed names", func() string { return lines(hashed) }),
		given("names", func() string { return lines(plain) }),
		given("one line", func() string { return strings.Repeat("h", size) }),
		given("wrong lines", func() string { return strings.Repeat("h\n", size/2) }),
		authorities("blocks that are no certificates", func() []byte {
			return bytes.Repeat(block("CERTIFICATE", make([]byte, 1000)), size/1400)
		}),
		authorities("beginnings", func() []byte { return bytes.Repeat([]byte("-----BEGIN CERTIFICATE-----\n"), size/28) }),
		authorities("one block", func() []byte { return block("CERTIFICATE", make([]byte, size*3/4)) }),
		signs("beginnings", begins),
		signs("in one line", func() string { return strings.ReplaceAll(begins(), "\n", " ") }),
		signs("a modulus of a megabyte", func() string { return string(block("RSA PRIVATE KEY", number(mb))) }),
		signs("base64", func() string { return base64.StdEncoding.EncodeToString(make([]byte, size*3/4)) }),
		logsIn("beginnings", begins),
		logsIn("a modulus of a megabyte", func() string { return string(block("RSA PRIVATE KEY", number(mb))) }),
		logsIn("one block", func() string { return string(block("OPENSSH PRIVATE KEY", make([]byte, size*3/4))) }),
	}
}

// before says that a row is done before there is a run, so that nothing looks at a context.
func (r row) before() row {
	r.deadline, r.early = checkDeadline, true
	return r
}
