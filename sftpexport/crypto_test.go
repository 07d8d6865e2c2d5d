package sftpexport_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
)

// sshKeyOf makes a key of a kind, and returns the path of its private part.
func sshKeyOf(t *testing.T, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("ssh-keygen is missing, and CI must have it: %v %s", err, out)
		}
		t.Skipf("ssh-keygen is not installed: %v %s", err, out)
	}
	return path
}

func TestOldServersAreReachedByTheNamesOfTheirAlgorithms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, line string
		allow      []string
		offered    string // in the error without allow; "" if there is none
	}{
		{"group exchange", "KexAlgorithms diffie-hellman-group-exchange-sha256", nil, ""},
		{"group 14", "KexAlgorithms diffie-hellman-group14-sha256", nil, ""},
		{"group 14 with SHA-1", "KexAlgorithms diffie-hellman-group14-sha1", nil, ""},
		{"group 16", "KexAlgorithms diffie-hellman-group16-sha512", nil, ""},
		{"group 1", "KexAlgorithms diffie-hellman-group1-sha1", []string{"diffie-hellman-group1-sha1"}, "diffie-hellman-group1-sha1"},
		{"group exchange with SHA-1", "KexAlgorithms diffie-hellman-group-exchange-sha1", []string{"diffie-hellman-group-exchange-sha1"}, "diffie-hellman-group-exchange-sha1"},
		{"AES-CBC", "Ciphers aes128-cbc", []string{"aes128-cbc"}, "aes128-cbc"},
		{"3DES", "Ciphers 3des-cbc", []string{"3des-cbc"}, "3des-cbc"},
		{"short SHA-1 MAC", "MACs hmac-sha1-96", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := realtest.NewOpenSSH(t, c.line)
			credentials := s.Credentials()
			err := login(t, replacing(t, credentials, s.Dir), rossumtest.Secret("ssh_key", s.Text))
			if c.offered == "" && err != nil || c.offered != "" && !errors.Is(err, sftpexport.ErrAlgorithms) {
				t.Errorf("with what is always offered: %v", err)
			}
			if c.offered == "" {
				return
			}
			if errors.Is(err, sftpexport.ErrHostKey) ||
				!strings.Contains(err.Error(), `credentials.algorithms may allow what it has: ["`+c.offered+`"]`) {
				t.Errorf("the error is %v", err)
			}
			credentials.Algorithms = c.allow
			if err := login(t, replacing(t, credentials, s.Dir), rossumtest.Secret("ssh_key", s.Text)); err != nil {
				t.Errorf("with the algorithm allowed: %v", err)
			}
		})
	}
}

func TestAServerWithNothingThatIsKnownListsBothSides(t *testing.T) {
	t.Parallel()
	s := realtest.NewOpenSSH(t, "KexAlgorithms diffie-hellman-group18-sha512")
	err := login(t, replacing(t, s.Credentials(), s.Dir), rossumtest.Secret("ssh_key", s.Text))
	if !errors.Is(err, sftpexport.ErrAlgorithms) || !strings.Contains(err.Error(), "diffie-hellman-group18-sha512") ||
		!strings.Contains(err.Error(), "curve25519-sha256") || !strings.Contains(err.Error(), "its operator has to allow one of the client's") {
		t.Errorf("the error is %v", err)
	}
	credentials := s.Credentials()
	credentials.Algorithms = []string{"diffie-hellman-group18-sha512"}
	if err := replacing(t, credentials, s.Dir).Validate(); err == nil || !strings.Contains(err.Error(), "credentials.algorithms[0]") {
		t.Errorf("the error is %v", err)
	}
}

func TestPinnedRSAKeysWorkWithEverySignature(t *testing.T) {
	t.Parallel()
	key := sshKeyOf(t, "rsa")
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	for _, signature := range []string{"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"} {
		s := realtest.NewOpenSSH(t, "HostKey "+key, "HostKeyAlgorithms "+signature)
		c := s.Credentials()
		for _, pin := range []string{string(public), fingerprintOf(t, string(public))} {
			c.HostKey = pin
			if err := login(t, replacing(t, c, s.Dir), rossumtest.Secret("ssh_key", s.Text)); err != nil {
				t.Errorf("%s, %s: %v", signature, pin, err)
			}
		}
	}
}

func fingerprintOf(t *testing.T, public string) string {
	t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(public))
	if err != nil {
		t.Fatal(err)
	}
	return ssh.FingerprintSHA256(key)
}

func TestSHA1SignaturesOfUsersAreOptedInto(t *testing.T) {
	t.Parallel()
	s := realtest.NewOpenSSH(t, "PubkeyAcceptedAlgorithms ssh-rsa")
	key := sshKeyOf(t, "rsa")
	private, _ := os.ReadFile(key)
	public, _ := os.ReadFile(key + ".pub")
	s.Allow(t, string(public))
	c := s.Credentials()
	if err := login(t, replacing(t, c, s.Dir), rossumtest.Secret("ssh_key", string(private))); !errors.Is(err, sftpexport.ErrAuth) {
		t.Errorf("without opting in: %v", err)
	}
	c.Algorithms = []string{"ssh-rsa"}
	if err := login(t, replacing(t, c, s.Dir), rossumtest.Secret("ssh_key", string(private))); err != nil {
		t.Error(err)
	}
}

func TestHostKeysAreTakenAsProgramsPrintThem(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	public := s.HostKey()
	fields := strings.Fields(public)
	path := filepath.Join(t.TempDir(), "host.pub")
	if err := os.WriteFile(path, []byte(public+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	printed, err := exec.Command("ssh-keygen", "-lf", path).Output()
	if err != nil {
		t.Fatal(err) // it has made the key
	}
	for name, text := range map[string]string{
		"base64 alone":                 fields[1],
		"ssh-keygen -lf":               string(printed),
		"a .pub file":                  public + " root@sftp\n",
		"a line of known_hosts":        "sftp.example.com,10.0.0.1 " + public,
		"a hashed line of known_hosts": "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= " + public,
		"a line with a port":           "[sftp.example.com]:2222 " + public + " comment",
	} {
		c := s.Credentials()
		c.HostKey = text
		if err := login(t, replacing(t, c, "/out"), rossumtest.Secret("password", s.Secrets()["password"])); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := s.Credentials()
	c.HostKey = "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48"
	if err := replacing(t, c, "/out").Validate(); err == nil || !strings.Contains(err.Error(), "MD5 fingerprint") {
		t.Errorf("the error is %v", err)
	}
}

// learner is a step that learns host keys into a file.
func learner(t *testing.T, c sftpexport.Credentials, file string) *sftpexport.Step {
	t.Helper()
	c.HostKey = ""
	step := replacing(t, c, "/out")
	step.KnownHostsFile = file
	return step
}

func TestANewHostKeyIsLearntOnceAndHeldAgainstLaterOnes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, []byte("# ours\nother.example.com "+s.HostKey()), 0o600); err != nil { // without its last line break
		t.Fatal(err)
	}
	put := func() (string, error) {
		var report string
		keep := pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r.Text() })
		_, err := chain(
			t,
			learner(t, s.Credentials(), file),
		).Export(t.Context(), call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")), keep)
		return report, err
	}
	if report, err := put(); err != nil || !strings.Contains(report, "was not known; ssh-ed25519 SHA256:") {
		t.Errorf("%v\n%s", err, report)
	}
	learnt, err := os.ReadFile(file)
	if want := fmt.Sprintf("\n[127.0.0.1]:%d %s\n", s.Credentials().Port, s.HostKey()); err != nil ||
		!strings.HasSuffix(string(learnt), want) {
		t.Errorf("%v: the file is %q", err, learnt)
	}
	if report, err := put(); err != nil || strings.Contains(report, "was not known") {
		t.Errorf("the second time: %v\n%s", err, report)
	}
	if err := s.NewHostKey(); err != nil {
		t.Fatal(err)
	}
	if _, err := put(); !errors.Is(err, sftpexport.ErrHostKey) || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("with another key the error is %v", err)
	}
	if again, _ := os.ReadFile(file); string(again) != string(learnt) {
		t.Errorf("the file has become %q", again)
	}
}

func TestOpenSSHTakesTheFileThatWasLearnt(t *testing.T) {
	t.Parallel()
	s := realtest.NewOpenSSH(t)
	file := filepath.Join(t.TempDir(), "known_hosts")
	step := learner(t, s.Credentials(), file)
	step.Path = s.Dir
	if err := login(t, step, rossumtest.Secret("ssh_key", s.Text)); err != nil {
		t.Fatal(err)
	}
	found, err := exec.Command("ssh-keygen", "-F", fmt.Sprintf("[127.0.0.1]:%d", s.Port), "-f", file).Output()
	if err != nil || !strings.Contains(string(found), "ssh-ed25519") {
		t.Errorf("ssh-keygen finds %q: %v", found, err)
	}
}

func TestSettingsWithAHostKeyLearnNone(t *testing.T) {
	t.Parallel()
	s, other := newServer(t), newServer(t)
	step := replacing(t, s.Credentials(), "/out")
	step.Credentials.HostKey = other.HostKey()
	step.KnownHostsFile = filepath.Join(t.TempDir(), "known_hosts")
	if err := login(t, step, rossumtest.Secret("password", s.Secrets()["password"])); !errors.Is(err, sftpexport.ErrHostKey) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(step.KnownHostsFile); err == nil {
		t.Error("a file was made")
	}
}

// dialogue is an SSH server that logs in as its methods say, and has no SFTP.
func dialogue(t *testing.T, config *ssh.ServerConfig) (*sftpexport.Step, *[]string) {
	t.Helper()
	s := newServer(t)
	_ = s
	private, err := os.ReadFile(sshKeyOf(t, "ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var users []string
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c, channels, requests, err := ssh.NewServerConn(conn, config)
			if err != nil {
				_ = conn.Close()
				continue
			}
			users = append(users, c.User())
			go ssh.DiscardRequests(requests)
			for ch := range channels {
				_ = ch.Reject(ssh.Prohibited, "logged in")
			}
		}
	}()
	c := sftpexport.Credentials{
		Type: "sftp", Host: "127.0.0.1", Port: sftpexport.Port(l.Addr().(*net.TCPAddr).Port), Username: "erp",
		HostKey: string(ssh.MarshalAuthorizedKey(signer.PublicKey())),
	}
	return replacing(t, c, "/out"), &users
}

// asking is a keyboard-interactive server.
func asking(questions []string, shown []bool, want []string, rounds *int) *ssh.ServerConfig {
	return &ssh.ServerConfig{
		KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			if _, err := ask("", "Welcome", nil, nil); err != nil {
				return nil, err
			}
			*rounds++
			got, err := ask("", "", questions, shown)
			if err == nil && !slices.Equal(got, want) {
				err = errors.New("wrong")
			}
			return nil, err
		},
	}
}

func TestLoginsByDialogue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		questions []string
		shown     []bool
		want      []string
		in        bool
		text      string
	}{
		{"a password", []string{"Password: "}, []bool{false}, []string{"secret-pw-7"}, true, ""},
		{"user and password", []string{"Username: ", "Password: "}, []bool{true, false}, []string{"erp", "secret-pw-7"}, true, ""},
		{"a code", []string{"Password: ", "Verification code: "}, []bool{false, false}, nil, false, `"Verification code:"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rounds := 0
			step, _ := dialogue(t, asking(c.questions, c.shown, c.want, &rounds))
			err := login(t, step, rossumtest.Secret("password", "secret-pw-7"))
			if in := err != nil && strings.Contains(err.Error(), "logged in"); in != c.in {
				t.Errorf("the error is %v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "secret-pw-7")) {
				t.Errorf("the error is %v", err)
			}
			if rounds != 1 {
				t.Errorf("it was asked %d times", rounds)
			}
		})
	}
}

func TestAServerMayWantKeyAndPassword(t *testing.T) {
	t.Parallel()
	private, err := os.ReadFile(sshKeyOf(t, "ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	second := &ssh.PartialSuccessError{
		Next: ssh.ServerAuthCallbacks{PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if string(password) != "secret-pw-8" {
				return nil, errors.New("wrong")
			}
			return nil, nil
		}},
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, second }}
	step, _ := dialogue(t, config)
	err = login(t, step, rossumtest.Secret("password", "secret-pw-8"), rossumtest.Secret("ssh_key", string(private)))
	if err == nil || !strings.Contains(err.Error(), "logged in") {
		t.Errorf("the error is %v", err)
	}
}
