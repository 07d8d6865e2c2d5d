package realtest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

//go:embed testdata/sftpserver.py
var sftpServer string

// Paramiko is a running SFTP server of Python's paramiko, with faults.
type Paramiko struct {
	// Dir is the server's root.
	Dir     string
	port    int
	hostKey string
}

const paramikoPassword = "realtest-paramiko-password-5"

// NewParamiko starts a server that behaves as the keys say; testdata/sftpserver.py
// lists them. It ends with the test.
func NewParamiko(t testing.TB, behaviour map[string]any) *Paramiko {
	t.Helper()
	s := &Paramiko{Dir: t.TempDir()}
	settings := map[string]any{"root": s.Dir, "user": "erp", "password": paramikoPassword}
	for key, value := range behaviour {
		settings[key] = value
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	python := find("/usr/bin/python3", "python3")
	if python == "" || exec.Command(python, "-c", "import paramiko").Run() != nil {
		missing(t, "paramiko is not installed (Debian: apt-get install python3-paramiko)")
	}
	server := exec.Command(python, "-W", "ignore", "-c", sftpServer, string(text))
	server.WaitDelay = time.Second
	in, inErr := server.StdinPipe()
	out, outErr := server.StdoutPipe()
	if inErr != nil || outErr != nil {
		t.Fatal(inErr, outErr)
	}
	server.SysProcAttr = ownGroup()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		stop(server)
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server does not start: %v", err)
	}
	var kind, key string
	if _, err := fmt.Sscan(line, &s.port, &kind, &key); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	s.hostKey = kind + " " + key
	return s
}

// Credentials are the settings for this server.
func (s *Paramiko) Credentials() sftpexport.Credentials {
	return sftpexport.Credentials{Type: "sftp", Host: "127.0.0.1", Port: sftpexport.Port(s.port), Username: "erp", HostKey: s.hostKey}
}

// Secrets are the secrets for this server.
func (s *Paramiko) Secrets() rossum.Secrets {
	return rossum.Secrets{"type": "sftp", "password": paramikoPassword}
}
