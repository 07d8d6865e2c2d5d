// Package realtest starts the servers that tests compare with: OpenSSH's sshd and
// versitygw, a gateway that makes S3 of a directory. They run as ordinary child
// processes on loopback. Where one is missing a test is skipped, in CI it fails.
package realtest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/internal/loopback"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// OpenSSH is a running sshd. Its user is the one who runs the test, or one that was
// made for it.
type OpenSSH struct {
	// Dir is a directory that tests may write to.
	Dir string
	// Key is the file with the user's private key; Text is what is in it.
	Key, Text string
	Port      int
	User      string

	config   string
	hostKey  string
	password string // "" if a key logs in
	daemon   *exec.Cmd
	log      *bytes.Buffer
}

// missing skips a test, or fails it in CI.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// find returns the path of a program that ordinary users may not have in theirs.
func find(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// NewOpenSSH starts sshd with a key of its own, and stops it when the test ends. Lines
// of configuration take the place of those it has otherwise.
func NewOpenSSH(t testing.TB, lines ...string) *OpenSSH {
	t.Helper()
	return newOpenSSH(t, append(lines, "PasswordAuthentication no"))
}

// NewOpenSSHWithPassword starts sshd for a user who logs in with a password. Passwords
// belong to the users of the machine, so one is made, and removed when the test ends.
// Nobody wants that on a machine of their own: elsewhere than in CI, and by another
// user than root, the test is skipped.
func NewOpenSSHWithPassword(t testing.TB) *OpenSSH {
	t.Helper()
	if os.Getenv("CI") != "" && os.Geteuid() != 0 {
		t.Fatal("CI must run as root, to make the user who logs in with a password")
	}
	if os.Getenv("CI") == "" {
		t.Skip("a login with a password wants a user of its own, who is made in CI only (CI=true, as root)")
	}
	add, set, remove := find("useradd", "/usr/sbin/useradd"), find("chpasswd", "/usr/sbin/chpasswd"), find("userdel", "/usr/sbin/userdel")
	if add == "" || set == "" || remove == "" {
		missing(t, "useradd, chpasswd or userdel is not installed (Debian: apt-get install passwd)")
	}
	name, password := "xp-"+strings.ToLower(rand.Text()[:10]), rand.Text()
	run(t, exec.Command(add, "--create-home", "--shell", "/bin/sh", name), "")
	t.Cleanup(func() { run(t, exec.Command(remove, "--force", "--remove", name), "") })
	run(t, exec.Command(set), name+":"+password+"\n")
	account, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	s := newOpenSSH(t, []string{"PasswordAuthentication yes"})
	s.User, s.Dir, s.password = name, account.HomeDir, password
	return s
}

func run(t testing.TB, c *exec.Cmd, input string) {
	t.Helper()
	c.Stdin = strings.NewReader(input)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", filepath.Base(c.Path), err, out)
	}
}

func newOpenSSH(t testing.TB, lines []string) *OpenSSH {
	t.Helper()
	sshd := find("sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd")
	if sshd == "" {
		missing(t, "sshd is not installed (Debian: apt-get install openssh-server)")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" {
		// sshd as root wants its directory, which systemd makes elsewhere.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	home := t.TempDir()
	s := &OpenSSH{Dir: filepath.Join(home, "files"), User: me.Username, Port: freePort(t), log: &bytes.Buffer{}}
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, _, hostPublic := s.key(t, home, "host")
	s.hostKey = hostPublic
	var public string
	s.Key, s.Text, public = s.key(t, home, "user")
	write(t, filepath.Join(home, "authorized_keys"), public)
	s.config = filepath.Join(home, "sshd_config")
	for _, line := range []string{
		fmt.Sprintf("Port %d", s.Port), "ListenAddress 127.0.0.1", "HostKey " + filepath.Join(home, "host"),
		"AuthorizedKeysFile " + filepath.Join(home, "authorized_keys"), "PidFile none", "StrictModes no", "UsePAM no",
		"KbdInteractiveAuthentication no", "MaxStartups 100", "Subsystem sftp internal-sftp",
	} {
		keyword, _, _ := strings.Cut(line, " ")
		if !slices.ContainsFunc(lines, func(other string) bool { return strings.HasPrefix(other, keyword+" ") }) {
			lines = append(lines, line)
		}
	}
	write(t, s.config, strings.Join(lines, "\n")+"\n")
	s.Start(t, sshd)
	t.Cleanup(s.Stop)
	return s
}

// Start starts a server that was stopped.
func (s *OpenSSH) Start(t testing.TB, sshd string) {
	t.Helper()
	s.daemon = exec.Command(sshd, "-D", "-e", "-f", s.config)
	s.daemon.Stderr = s.log
	// Its children, one for each connection, leave its group and may outlive it.
	s.daemon.WaitDelay = time.Second
	s.daemon.SysProcAttr = ownGroup()
	if err := s.daemon.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s.Port, s.log)
}

// Allow lets the user in with one more key, in the form of a .pub file.
func (s *OpenSSH) Allow(t testing.TB, publicKey string) {
	t.Helper()
	path := filepath.Join(filepath.Dir(s.Key), "authorized_keys")
	known, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(known)+"\n"+publicKey)
}

// Stop ends the server and its connections.
func (s *OpenSSH) Stop() { stop(s.daemon) }

func (s *OpenSSH) key(t testing.TB, dir, name string) (path, private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, name)
	if err != nil {
		t.Fatal(err)
	}
	sshPublic, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	path, private = filepath.Join(dir, name), string(pem.EncodeToMemory(block))
	write(t, path, private)
	return path, private, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(sshPublic)))
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Credentials are the settings for this server.
func (s *OpenSSH) Credentials() sftpexport.Credentials {
	return sftpexport.Credentials{Type: "sftp", Host: "127.0.0.1", Port: sftpexport.Port(s.Port), Username: s.User, HostKey: s.hostKey}
}

// Secrets are the secrets for this server.
func (s *OpenSSH) Secrets() rossum.Secrets {
	if s.password != "" {
		return rossum.Secrets{"type": "sftp", "password": s.password}
	}
	return rossum.Secrets{"type": "sftp", "ssh_key": s.Text}
}

// SFTP is the sftp command, with what it needs to log in.
func (s *OpenSSH) SFTP(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	program := find("sftp")
	if program == "" {
		missing(t, "the sftp command is not installed (Debian: apt-get install openssh-client)")
	}
	known := filepath.Join(filepath.Dir(s.Key), "known_hosts")
	write(t, known, fmt.Sprintf("[127.0.0.1]:%d %s\n", s.Port, s.hostKey))
	options := []string{
		"-q", "-F", "/dev/null", "-i", s.Key, "-P", fmt.Sprint(s.Port), "-o", "UserKnownHostsFile=" + known, "-o", "GlobalKnownHostsFile=/dev/null",
		"-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes",
	}
	return exec.Command(program, append(append(options, args...), s.User+"@127.0.0.1")...)
}

func freePort(t testing.TB) int {
	t.Helper()
	port, err := loopback.Port()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// waitFor waits until somebody listens.
func waitFor(t testing.TB, port int, log *bytes.Buffer) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s: %s", address, log)
}

func stop(c *exec.Cmd) {
	if c == nil || c.Process == nil {
		return
	}
	if err := killGroup(c.Process.Pid); err != nil && !errors.Is(err, syscall.ESRCH) {
		_ = c.Process.Kill()
	}
	_ = c.Wait()
}
