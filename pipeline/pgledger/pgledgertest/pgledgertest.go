//go:build unix

// Package pgledgertest starts real PostgreSQL servers for tests: of the test's own, in a
// temporary folder, reached by a socket only. They can be killed, started again, and
// given a standby that takes their place.
package pgledgertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// ErrMissing means that PostgreSQL is not installed.
var ErrMissing = errors.New("PostgreSQL is missing: apt-get install postgresql")

// Server is a PostgreSQL server.
type Server struct {
	dir      string // of sockets, log and data
	bin      string
	settings []string
}

// New starts a server that ends with the test. Where PostgreSQL is missing the test is
// skipped, but fails if the environment has CI.
func New(t testing.TB, settings ...string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // PostgreSQL is run by another user, who must be able to enter it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := Start(dir, settings...)
	if errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() })
	return s
}

// Start makes a database in a folder, whose path must be short since it is that of the
// socket, and starts its server. A setting is such as "fsync=off".
func Start(dir string, settings ...string) (*Server, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return nil, ErrMissing
	}
	s := &Server{dir: dir, bin: filepath.Dir(found[0]), settings: settings}
	if err := Own(dir); err != nil {
		return nil, err
	}
	if err := s.Run("initdb", "-D", s.data(), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"); err != nil {
		return nil, err
	}
	return s, s.StartAgain()
}

// Own gives a folder to the user whom servers run as, if this process is root, as whom
// they don't run.
func Own(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	c, err := credential()
	if err != nil {
		return err
	}
	return os.Chown(dir, int(c.Uid), int(c.Gid))
}

func credential() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32) // numbers on every system with PostgreSQL's tools
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

// Command is a program that runs as the servers' user.
func Command(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(context.Background(), name, args...) // as long as the server lives
	if os.Getuid() == 0 {
		c, err := credential()
		if err != nil {
			return nil, err
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c}
	}
	return cmd, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Dir is the folder of the server.
func (s *Server) Dir() string { return s.dir }

// Run runs a program of PostgreSQL's until it ends.
func (s *Server) Run(name string, args ...string) error {
	cmd, err := Command(filepath.Join(s.bin, name), args...)
	if err != nil {
		return err
	}
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// SQL makes statements, each in a transaction of its own.
func (s *Server) SQL(statements ...string) error {
	args := []string{"-h", s.dir, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-q"}
	for _, statement := range statements {
		args = append(args, "-c", statement)
	}
	return s.Run("psql", args...)
}

// Address is that of the database, as pgx and libpq read it.
func (s *Server) Address() string { return "host=" + s.dir + " user=postgres dbname=postgres" }

// StartAgain starts the server after Kill, and returns when it can be used.
func (s *Server) StartAgain() error {
	options := []string{"-c listen_addresses=", "-c max_connections=300", "-c unix_socket_directories=" + s.dir}
	for _, setting := range s.settings {
		options = append(options, "-c "+setting)
	}
	return s.Run("pg_ctl", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-w", "-t", "120", "-o", strings.Join(options, " "), "start")
}

// Kill ends the server at once, as kill -9 would; what it has not written is lost.
func (s *Server) Kill() error {
	return s.Run("pg_ctl", "-D", s.data(), "-m", "immediate", "-w", "stop")
}

// Cut ends all connections of clients.
func (s *Server) Cut() error {
	return s.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
}

// Standby starts a standby of the server in another folder, which follows it under a name
// that synchronous_standby_names may have.
func (s *Server) Standby(dir, name string) (*Server, error) {
	standby := &Server{dir: dir, bin: s.bin, settings: slices.Clone(s.settings)}
	if err := Own(dir); err != nil {
		return nil, err
	}
	source := fmt.Sprintf("host=%s user=postgres application_name=%s", s.dir, name)
	if err := standby.Run("pg_basebackup", "-D", standby.data(), "-d", source, "-R", "-c", "fast", "-X", "stream", "--no-sync"); err != nil {
		return nil, err
	}
	return standby, standby.StartAgain()
}

// Promote has a standby take its primary's place.
func (s *Server) Promote() error {
	return s.Run("pg_ctl", "-D", s.data(), "-w", "promote")
}
