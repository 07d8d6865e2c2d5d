package realtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// ProFTPD is a running proftpd with mod_sftp.
type ProFTPD struct {
	// Dir is the user's root.
	Dir string

	port    int
	hostKey string
	daemon  *exec.Cmd
}

const proftpdPassword = "realtest-proftpd-password-6"

// NewProFTPD starts the server with further lines of configuration, and stops it when
// the test ends.
func NewProFTPD(t testing.TB, lines ...string) *ProFTPD {
	t.Helper()
	program := find("proftpd", "/usr/sbin/proftpd")
	if program == "" {
		missing(t, "proftpd is not installed (Debian: apt-get install proftpd-core proftpd-mod-crypto)")
	}
	home := t.TempDir()
	s := &ProFTPD{Dir: filepath.Join(home, "files"), port: freePort(t)}
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(home, "host")
	run(t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key), "")
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	s.hostKey = strings.TrimSpace(string(public))
	hash, err := exec.Command("openssl", "passwd", "-1", proftpdPassword).Output()
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(home, "users")
	write(t, users, fmt.Sprintf("erp:%s:%d:%d::%s:/bin/false\n", strings.TrimSpace(string(hash)), os.Getuid(), os.Getgid(), s.Dir))
	config := filepath.Join(home, "proftpd.conf")
	write(t, config, fmt.Sprintf(`ModulePath /usr/lib/proftpd
LoadModule mod_sftp.c
ServerType standalone
ServerName realtest
DefaultServer on
DefaultAddress 127.0.0.1
UseIPv6 off
UseReverseDNS off
Port %d
User root
Group root
MaxInstances 50
ScoreboardFile %[2]s/scoreboard
PidFile %[2]s/pid
SystemLog %[2]s/log
WtmpLog off
DelayEngine off
TimesGMT on
RootLogin on
RequireValidShell off
UseFtpUsers off
AuthOrder mod_auth_file.c
AuthUserFile %[2]s/users
DefaultRoot ~
AllowOverwrite on
SFTPEngine on
SFTPHostKey %[2]s/host
SFTPAuthMethods password
%[3]s
`, s.port, home, strings.Join(lines, "\n")))
	log := &bytes.Buffer{}
	s.daemon = exec.Command(program, "-n", "-q", "-c", config)
	s.daemon.Stdout, s.daemon.Stderr = log, log
	s.daemon.WaitDelay = time.Second
	s.daemon.SysProcAttr = ownGroup()
	if err := s.daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(s.daemon) })
	waitFor(t, s.port, log)
	return s
}

// Credentials are the settings for this server.
func (s *ProFTPD) Credentials() sftpexport.Credentials {
	return sftpexport.Credentials{Type: "sftp", Host: "127.0.0.1", Port: sftpexport.Port(s.port), Username: "erp", HostKey: s.hostKey}
}

// Secrets are the secrets for this server.
func (s *ProFTPD) Secrets() rossum.Secrets {
	return rossum.Secrets{"type": "sftp", "password": proftpdPassword}
}
