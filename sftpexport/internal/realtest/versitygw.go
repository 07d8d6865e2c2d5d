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

// Keys of [VersityGW], and its bucket.
const (
	AccessKey = "realtest-access-key"
	SecretKey = "realtest-secret-key-b81f"
	Bucket    = "exports"
)

// VersityGW is a running S3 server on a directory.
type VersityGW struct {
	// Dir has a directory for each bucket.
	Dir  string
	Port int

	daemon *exec.Cmd
}

// NewVersityGW starts the server, and stops it when the test ends. The program is
// looked for in the path, in $(go env GOPATH)/bin, and at $VERSITYGW.
func NewVersityGW(t testing.TB) *VersityGW {
	t.Helper()
	program := find(os.Getenv("VERSITYGW"), "versitygw")
	if program == "" {
		out, _ := exec.Command("go", "env", "GOPATH").Output()
		program = find(filepath.Join(strings.TrimSpace(string(out)), "bin", "versitygw"))
	}
	if program == "" {
		missing(t, "versitygw is not installed (go install github.com/versity/versitygw/cmd/versitygw@v1.8.0)")
	}
	s := &VersityGW{Dir: t.TempDir(), Port: freePort(t)}
	if err := os.Mkdir(filepath.Join(s.Dir, Bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	s.daemon = exec.Command(program, "--access", AccessKey, "--secret", SecretKey, "--port", fmt.Sprintf("127.0.0.1:%d", s.Port), "--quiet", "posix", s.Dir)
	s.daemon.Stdout, s.daemon.Stderr = log, log
	s.daemon.WaitDelay = time.Second
	s.daemon.SysProcAttr = ownGroup()
	if err := s.daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(s.daemon) })
	waitFor(t, s.Port, log)
	return s
}

// Credentials are the settings for this server.
func (s *VersityGW) Credentials() sftpexport.Credentials {
	return sftpexport.Credentials{Type: "s3", Bucket: Bucket, Endpoint: fmt.Sprintf("http://127.0.0.1:%d", s.Port), PathStyle: true, Region: "us-east-1"}
}

// Secrets are the secrets for this server.
func (s *VersityGW) Secrets() rossum.Secrets {
	return rossum.Secrets{"type": "s3", "access_key_id": AccessKey, "secret_access_key": SecretKey}
}
