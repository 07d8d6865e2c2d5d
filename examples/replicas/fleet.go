package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// fleet are the replicas, and the balancer before them.
type fleet struct {
	*httptest.Server
	config string
	next   atomic.Uint64

	mu       sync.Mutex
	replicas []*replica
}

// replica is a process.
type replica struct {
	cmd     *exec.Cmd
	hold    io.WriteCloser // the process ends when this is closed
	address string
}

func startFleet(n int, config string) (*fleet, error) {
	f := &fleet{config: config}
	for range n {
		r, err := f.start()
		if err != nil {
			f.close()
			return nil, err
		}
		f.replicas = append(f.replicas, r)
	}
	f.Server = httptest.NewServer(f.balancer())
	return f, nil
}

// start starts a replica and returns when it serves.
func (f *fleet) start() (*replica, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &replica{cmd: exec.CommandContext(context.Background(), self)} // until it is killed
	r.cmd.Env = append(os.Environ(), replicaVariable+"="+f.config)
	r.cmd.Stderr = os.Stderr
	if r.hold, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a replica did not start: %w", err), r.kill())
	}
	r.address = strings.TrimSpace(line)
	return r, nil
}

// kill kills the process as a lost machine would.
func (r *replica) kill() error {
	err := r.cmd.Process.Kill()
	_ = r.cmd.Wait() // it was killed
	return err
}

// pause has the process stand still, or go on.
func (r *replica) pause(on bool) error {
	if on {
		return r.cmd.Process.Signal(syscall.SIGSTOP)
	}
	return r.cmd.Process.Signal(syscall.SIGCONT)
}

// replace kills a replica and starts another one in its place.
func (f *fleet) replace(i int) error {
	if err := f.at(i).kill(); err != nil {
		return err
	}
	r, err := f.start()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replicas[i] = r
	return nil
}

func (f *fleet) at(i int) *replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replicas[i%len(f.replicas)]
}

// balancer gives each call to the next replica. One that is away makes it a 502.
func (f *fleet) balancer() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: f.at(int(f.next.Add(1))).address})
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
}

func (f *fleet) close() {
	if f.Server != nil {
		f.CloseClientConnections()
		f.Server.Close()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.replicas {
		_ = r.kill() // it may be dead already
	}
}
