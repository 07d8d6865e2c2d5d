// Package temporaltest starts real Temporal servers for tests: the development server of
// Temporal's command-line tool, with its data in a temporary folder. It can be killed, and
// started again with what it had.
package temporaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/loopback"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// ErrMissing means that Temporal's command-line tool is not installed.
var ErrMissing = errors.New("the program temporal is missing: go install github.com/temporalio/cli/cmd/temporal@v1.5.1")

// Server is a Temporal server.
type Server struct {
	dir, program, port string
	attributes         bool

	cmd  *exec.Cmd
	said bytes.Buffer
}

// New starts a server that ends with the test. Where the tool is missing the test is skipped,
// but fails if the environment has CI.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := Start(t.TempDir())
	if errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() })
	return s
}

// Start starts a server that keeps its data in a folder, and has the search attributes of
// package temporalrun.
func Start(dir string) (*Server, error) { return start(dir, true) }

// StartWithoutAttributes is Start without the search attributes.
func StartWithoutAttributes(dir string) (*Server, error) { return start(dir, false) }

func start(dir string, attributes bool) (*Server, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	port, err := loopback.Port()
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, program: program, port: strconv.Itoa(port), attributes: attributes}
	return s, s.StartAgain()
}

// find finds the tool in the path, or where go install puts it.
func find() (string, error) {
	if program, err := exec.LookPath("temporal"); err == nil {
		return program, nil
	}
	out, err := exec.CommandContext(context.Background(), "go", "env", "GOPATH").Output()
	if err == nil {
		program := filepath.Join(string(bytes.TrimSpace(out)), "bin", "temporal")
		if _, err := os.Stat(program); err == nil {
			return program, nil
		}
	}
	return "", ErrMissing
}

// Address is where the server listens.
func (s *Server) Address() string { return "127.0.0.1:" + s.port }

// startTime is how long a server may take to start, on a slow machine that does other things.
const startTime = 2 * time.Minute

// StartAgain starts the server, and returns when it serves.
func (s *Server) StartAgain() error {
	args := []string{"server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", s.port, "--db-filename", filepath.Join(s.dir, "temporal.db"), "--log-level", "error"}
	if s.attributes {
		for _, a := range []string{temporalrun.AttributeAnnotation + "=Int", temporalrun.AttributeQueue + "=Int", temporalrun.AttributeOutcome + "=Keyword"} {
			args = append(args, "--search-attribute", a)
		}
	}
	s.said.Reset()
	s.cmd = exec.CommandContext(context.Background(), s.program, args...) // until it is killed
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	if err := s.cmd.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		err := s.serves(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the Temporal server did not start: %w: %s", errors.Join(err, s.Kill()), s.said.String())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// serves returns nil if a workflow could be started.
func (s *Server) serves(ctx context.Context) error {
	c, err := s.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: client.DefaultNamespace})
	return err
}

// Client makes a client of the server, which logs nothing.
func (s *Server) Client() (client.Client, error) { return Dial(s.Address()) }

// Dial makes a client of a server by its address, which logs nothing.
func Dial(address string) (client.Client, error) {
	return client.Dial(client.Options{HostPort: address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
}

// Kill kills the server, as a lost machine would end it. A nil one is none.
func (s *Server) Kill() error {
	if s == nil || s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
	s.cmd = nil
	return err
}
