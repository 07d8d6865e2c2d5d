package sftpexport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

const passphrase = "auth-test passphrase 93"

// keyForms are private keys in the forms that people have them in, and the line
// that lets them in.
func keyForms(t *testing.T) map[string]struct{ private, passphrase, public string } {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	forms := make(map[string]struct{ private, passphrase, public string })
	add := func(name string, key any, block *pem.Block, passphrase string) {
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			t.Fatal(err)
		}
		forms[name] = struct{ private, passphrase, public string }{
			string(pem.EncodeToMemory(block)), passphrase, string(ssh.MarshalAuthorizedKey(signer.PublicKey())),
		}
	}
	for name, key := range map[string]any{"Ed25519": ed, "ECDSA": ec, "RSA": rs} {
		plain, err := ssh.MarshalPrivateKey(key, "")
		if err != nil {
			t.Fatal(err)
		}
		locked, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		add(name+" in OpenSSH's format", key, plain, "")
		add(name+" with a passphrase", key, locked, passphrase)
		add(name+" in PKCS 8", key, &pem.Block{Type: "PRIVATE KEY", Bytes: der}, "")
	}
	add("RSA in PKCS 1", rs, &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rs)}, "")
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	add("ECDSA in SEC 1", ec, &pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}, "")
	one := forms["Ed25519 in OpenSSH's format"]
	for name, private := range map[string]string{
		`with \n for line breaks`:         strings.ReplaceAll(one.private, "\n", `\n`),
		"with blanks for line breaks":     strings.ReplaceAll(strings.TrimSpace(one.private), "\n", " "),
		"with the line breaks of Windows": strings.ReplaceAll(one.private, "\n", "\r\n"),
		"without its last line break":     strings.TrimSpace(one.private),
	} {
		forms[name] = struct{ private, passphrase, public string }{private, "", one.public}
	}
	return forms
}

// login puts a file with the secrets.
func login(t *testing.T, step *sftpexport.Step, secrets ...rossumtest.Part) error {
	t.Helper()
	c := rossumtest.Annotation(rossumtest.Offline()).With(secrets...)
	_, err := chain(t, step).Export(t.Context(), c.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")))
	return err
}

func replacing(t testing.TB, c sftpexport.Credentials, dir string) *sftpexport.Step {
	t.Helper()
	step := &sftpexport.Step{
		Credentials:       c,
		Path:              dir,
		Exports:           []sftpexport.Object{{Type: "document", Name: "x"}},
		FilenameCollision: &sftpexport.Collision{Replace: true},
	}
	t.Cleanup(func() { _ = step.Close() })
	return step
}

func TestKeysOfEveryFormLogIn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, key := range keyForms(t) {
		if err := s.Allow(key.public); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := login(t, replacing(t, s.Credentials(), "/out"), rossumtest.Secret("ssh_key", key.private), rossumtest.Secret("ssh_key_passphrase", key.passphrase)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRSAKeysLogInToOpenSSH(t *testing.T) {
	t.Parallel()
	s := realtest.NewOpenSSH(t)
	key := keyForms(t)["RSA with a passphrase"]
	s.Allow(t, key.public)
	if err := login(t, replacing(t, s.Credentials(), s.Dir), rossumtest.Secret("ssh_key", key.private), rossumtest.Secret("ssh_key_passphrase", key.passphrase)); err != nil {
		t.Error(err)
	}
}

func TestPasswordsLogInToOpenSSH(t *testing.T) {
	t.Parallel()
	s := realtest.NewOpenSSHWithPassword(t)
	if err := login(t, replacing(t, s.Credentials(), "in"), rossumtest.Secret("password", s.Secrets()["password"])); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "in", "x.pdf")); err != nil {
		t.Error(err)
	}
	err := login(t, replacing(t, s.Credentials(), "in"), rossumtest.Secret("password", "wrong-password-2"))
	if !errors.Is(err, sftpexport.ErrAuth) || strings.Contains(err.Error(), "wrong-password-2") {
		t.Errorf("the error is %v", err)
	}
}

func TestTheTypeOfTheSecretsIsNoSecret(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var report string
	keep := pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r.Text() })
	c := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("type", "sftp"), rossumtest.Secret("password", "wrong-password-3"))
	_, err := chain(
		t,
		replacing(t, s.Credentials(), "/out"),
	).Export(t.Context(), c.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")), keep)
	if err == nil || strings.Contains(err.Error(), "wrong-password-3") || strings.Contains(report, "wrong-password-3") {
		t.Errorf("error %v, report %s", err, report)
	}
	if !strings.Contains(report, "sftp://"+sftptest.Username+"@") {
		t.Errorf("the report does not say where: %s", report)
	}
}

func TestWrongSecretsAreExplainedAndNotShown(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	forms := keyForms(t)
	locked, other := forms["Ed25519 with a passphrase"], forms["ECDSA in PKCS 8"]
	if err := s.Allow(locked.public); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		secrets map[string]string
		is      error
		text    string
	}{
		{"none", nil, nil, "neither secret password nor secret ssh_key"},
		{"of S3", map[string]string{"type": "s3", "password": sftptest.Password}, nil, `secret type is "s3"`},
		{"wrong password", map[string]string{"password": "wrong-password-1"}, sftpexport.ErrAuth, "refuses the credentials"},
		{"no passphrase", map[string]string{"ssh_key": locked.private}, nil, "ssh_key_passphrase"},
		{"wrong passphrase", map[string]string{"ssh_key": locked.private, "ssh_key_passphrase": "wrong-passphrase"}, nil, "does not open the key"},
		{"unknown key", map[string]string{"ssh_key": other.private}, sftpexport.ErrAuth, "refuses the credentials"},
		{"public key", map[string]string{"ssh_key": locked.public}, nil, "public key"},
		{"PuTTY's key", map[string]string{"ssh_key": "PuTTY-User-Key-File-3: ssh-ed25519"}, nil, "damaged"},
		{"no key at all", map[string]string{"ssh_key": "some secret text"}, nil, "not a private key"},
		{"half a key", map[string]string{"ssh_key": locked.private[:100]}, nil, "not a private key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var secrets []rossumtest.Part
			for name, secret := range c.secrets {
				secrets = append(secrets, rossumtest.Secret(name, secret))
			}
			err := login(t, replacing(t, s.Credentials(), "/out"), secrets...)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("the error is %v", err)
			}
			for name, secret := range c.secrets {
				if err != nil && name != "type" && strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows the secret %s: %v", name, err)
				}
			}
		})
	}
}

func TestHostKeysAreTakenInEveryForm(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey()))
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("[127.0.0.1]:%d", s.Credentials().Port)
	other := newServer(t).HostKey()
	otherKey, _, _, _, _ := ssh.ParseAuthorizedKey([]byte(other))
	for _, c := range []struct {
		name string
		set  func(*sftpexport.Step)
		is   error // nil if it fits
	}{
		{"key", func(*sftpexport.Step) {}, nil},
		{"key with a comment", func(s *sftpexport.Step) { s.Credentials.HostKey += " root@sftp" }, nil},
		{"as ssh-keyscan prints it", func(step *sftpexport.Step) { step.Credentials.HostKey = "# comment\n" + address + " " + s.HostKey() }, nil},
		{"fingerprint", func(step *sftpexport.Step) { step.Credentials.HostKey = ssh.FingerprintSHA256(key) }, nil},
		{"fingerprint among others", func(step *sftpexport.Step) {
			step.Credentials.HostKey = ssh.FingerprintSHA256(otherKey) + "\n" + ssh.FingerprintSHA256(key)
		}, nil},
		{"known_hosts", func(step *sftpexport.Step) {
			step.Credentials.HostKey, step.Credentials.KnownHosts = "", "# mine\n\n"+address+" "+s.HostKey()
		}, nil},
		{"known_hosts, hashed", func(step *sftpexport.Step) {
			step.Credentials.HostKey, step.Credentials.KnownHosts = "", knownhosts.HashHostname(address)+" "+s.HostKey()
		}, nil},
		{"of the program", func(step *sftpexport.Step) {
			step.Credentials.HostKey, step.HostKeys = "", []string{address + " " + s.HostKey()}
		}, nil},
		{"fingerprint of the program", func(step *sftpexport.Step) {
			step.Credentials.HostKey, step.HostKeys = "", []string{ssh.FingerprintSHA256(key)}
		}, nil},
		{"not checked", func(step *sftpexport.Step) {
			step.Credentials.HostKey, step.Credentials.InsecureIgnoreHostKey = "", true
		}, nil},
		{"another key", func(step *sftpexport.Step) { step.Credentials.HostKey = other }, sftpexport.ErrHostKey},
		{"another fingerprint", func(step *sftpexport.Step) { step.Credentials.HostKey = ssh.FingerprintSHA256(otherKey) }, sftpexport.ErrHostKey},
		{"another host's key", func(step *sftpexport.Step) {
			step.Credentials.HostKey, step.Credentials.KnownHosts = "", "sftp.example.com "+s.HostKey()
		}, sftpexport.ErrHostKey},
		{"a key that was revoked", func(step *sftpexport.Step) {
			step.Credentials.HostKey, step.Credentials.KnownHosts = "", "@revoked * "+s.HostKey()+"\n"+address+" "+s.HostKey()
		}, sftpexport.ErrHostKey},
		{"a key of another kind", func(step *sftpexport.Step) {
			step.Credentials.HostKey = strings.TrimSpace(keyForms(t)["ECDSA in PKCS 8"].public)
		}, sftpexport.ErrHostKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			step := replacing(t, s.Credentials(), "/out")
			c.set(step)
			err := login(t, step, rossumtest.Secret("password", sftptest.Password))
			if !errors.Is(err, c.is) || (err == nil) != (c.is == nil) {
				t.Errorf("the error is %v, want %v", err, c.is)
			}
		})
	}
}

func TestFaultsOfSettingsAreNamedAllTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		settings string
		want     []string
	}{
		{`{}`, []string{"credentials.type: is missing", "export_rules: is missing"}},
		{`{"credentials": {"type": "ftp"}}`, []string{`credentials.type: "ftp" is unknown`}},
		{`{"credentials": {"type": "sftp", "host": "sftp.example.com", "username": "u", "port": 2222}, "export_rules": []}`,
			[]string{"credentials.host_key: is missing", "ssh-keyscan -p 2222 sftp.example.com"}},
		{`{"credentials": {"type": "sftp", "host": "sftp.example.com:22", "host_key": "what", "bucket_name": "b"}, "export_rules": []}`,
			[]string{"credentials.host: ", "credentials.username: is missing", "credentials.host_key: ", "credentials.bucket_name: belongs to an S3 bucket"}},
		{`{"credentials": {"type": "sftp", "host": "h", "username": "u", "host_key": "SHA256:short"}, "export_rules": []}`, []string{"is not a SHA256 fingerprint"}},
		{`{"credentials": {"type": "sftp", "host": "h", "username": "u", "known_hosts": "nonsense"}, "export_rules": []}`, []string{"line 1 is not a line of a known_hosts file"}},
		{`{"credentials": {"type": "s3", "host": "h", "endpoint": "example.com", "server_side_encryption": "DES", "metadata": {"a b": "c", "d": "é"}}, "export_rules": []}`,
			[]string{"credentials.type: is s3, which this program has no backend for", "credentials.bucket_name: is missing", "credentials.host: belongs to an SFTP server", "credentials.endpoint: ", "credentials.server_side_encryption: ", `credentials.metadata: "a b"`, "credentials.metadata.d: "}},
		{`{"max_connections": -1, "annotation_content_source": "elsewhere", "path": "/a", "export_rules": [{}]}`,
			[]string{"max_connections: ", "annotation_content_source: ", "export_rules: conflicts with path"}},
		{`{"export_rules": [{"path_to_directory": "/{seq}/..", "filename_collision": {"replace": true, "number": true}, "condition": "@{", "done_file": "a/b"}]}`,
			[]string{"export_rules[0].path_to_directory: {seq} counts", `export_rules[0].path_to_directory: ".."`, "export_rules[0].filename_collision: ", "export_rules[0].export_object_configurations: is missing", "export_rules[0].done_file: "}},
		{`{"export_rules": [{"export_object_configurations": [{"type": "document", "format": "csv", "export_reference_key": "x"}, {"type": "annotation_content", "filename_template": "x/"}, {"type": "custom_format", "filename_template": "{nope.x}"}, {}]}]}`,
			[]string{
				"[0].filename_template: is missing", "[0].format: belongs to annotation_content", "[0].export_reference_key: belongs to custom_format",
				"[1].filename_template: ends in a slash", `[1].format: "" is unknown`, "[2].filename_template: {nope.x} is unknown", "[2].export_reference_key: is missing", "[3].type: is missing",
			}},
		{`{"export_rules": [{"filename_collision": {"number": true}, "done_file": "{filename}.done", "export_object_configurations": [{"type": "document", "filename_template": "x"}]}]}`,
			[]string{"export_rules[0].done_file: {filename} is not the name that a numbered file gets"}},
		{`{"path": "/a", "exports": [{"type": "document", "filename_template": "x"}], "template_variables": [{"name": "seq", "schema_id": "a"}, {"name": "a"}, {"schema_id": "a"}, {"name": "b", "type": "x", "schema_id": "b"}]}`,
			[]string{"template_variables[0].name: ", "template_variables[1].schema_id: ", "template_variables[2].name: ", "template_variables[3].type: "}},
		{`{"credentials": {"hots": "x", "port": "x"}, "export_rules": [{"path_to_dir": "x"}]}`, []string{"credentials.hots: ", "did you mean host?", "credentials.port: ", "export_rules[0].path_to_dir: "}},
	} {
		step := &sftpexport.Step{}
		err := errors.Join(step.UnmarshalJSON([]byte(c.settings)), step.Validate())
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is missing in: %v", c.settings, want, err)
			}
		}
	}
}
