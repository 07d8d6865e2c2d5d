// Package sftptest is an SFTP server on loopback for tests, which does what it is
// told to get wrong, and a conformance suite for destinations.
//
// The server is pkg/sftp's own over x/crypto/ssh, on a directory of the disk. It
// supports hard links and posix-rename, and no fsync.
package sftptest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/internal/loopback"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// User and Password are what the server takes.
const (
	Username = "rossum"
	Password = "sftptest-password-5a1c"
)

// Server is a running SFTP server. Its methods may be used while it serves.
type Server struct {
	// Dir is what a client sees as "/".
	Dir string

	root    *os.Root
	tempDir bool
	port    int

	mu       sync.Mutex
	listener net.Listener
	hostKey  ssh.Signer
	conns    map[net.Conn]bool
	users    []ssh.PublicKey
	faults   []*Fault
	ops      []string
	free     int64 // bytes that may still be written, -1 for any number
	skew     time.Duration
	password string

	cutAfter atomic.Int64 // bytes, from which on the next connection is cut; -1 for none
	rate     atomic.Int64 // bytes a second, 0 for any number
	wait     sync.WaitGroup
	opened   atomic.Int64
}

// Fault makes the server misbehave. The zero value of each field fits all, or does
// nothing.
type Fault struct {
	// Op is open, write, read, rename, posix-rename, link, remove, mkdir, stat, list
	// or statvfs.
	Op string
	// Path is a part of the path.
	Path string
	// Err is the answer. [ErrUnsupported] and [os.ErrPermission] have codes of their
	// own.
	Err error
	// Cut closes the connection instead of answering; the operation is not carried
	// out.
	Cut bool
	// CutAfter closes the connection when the operation has been carried out, so
	// that its answer is lost.
	CutAfter bool
	// Before is called before the operation.
	Before func()
	// After is called after the operation, and before its answer.
	After func()
	// Endless makes a listing never end, by repeating what is in the directory.
	Endless bool
	// Delay is how long the server waits before the operation.
	Delay time.Duration
	// Times is how often the fault happens; once if 0, always if negative.
	Times int
}

// ErrUnsupported is the answer of a server that does not know an operation.
var ErrUnsupported error = sftp.ErrSSHFxOpUnsupported

// NewServer starts a server on a directory; "" makes one, which goes with Close.
func NewServer(dir string) (*Server, error) {
	s := &Server{Dir: dir, conns: make(map[net.Conn]bool), free: -1, password: Password}
	s.cutAfter.Store(-1)
	if dir == "" {
		var err error
		if s.Dir, err = os.MkdirTemp("", "sftptest-*"); err != nil {
			return nil, err
		}
		s.tempDir = true
	}
	var err error
	if s.root, err = os.OpenRoot(s.Dir); err != nil {
		return nil, err
	}
	if err := s.NewHostKey(); err != nil {
		return nil, err
	}
	return s, s.Start()
}

// NewHostKey gives the server another key, as if it were another server.
func (s *Server) NewHostKey() error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.hostKey = signer
	s.mu.Unlock()
	return nil
}

// Start starts a server that was stopped, on the same port.
func (s *Server) Start() error {
	l, err := s.listen()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	s.wait.Go(func() { s.accept(l) })
	return nil
}

func (s *Server) listen() (l net.Listener, err error) {
	if s.port == 0 {
		l, s.port, err = loopback.Listen()
		return l, err
	}
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
}

// Stop ends the server and cuts its connections, as a crash does. Files stay.
func (s *Server) Stop() {
	s.mu.Lock()
	_ = s.listener.Close()
	s.mu.Unlock()
	s.Disconnect()
	s.wait.Wait()
}

// Disconnect cuts all connections.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Close stops the server.
func (s *Server) Close() error {
	s.Stop()
	err := s.root.Close()
	if s.tempDir {
		err = errors.Join(err, os.RemoveAll(s.Dir))
	}
	return err
}

// Credentials are the settings for this server, with its host key.
func (s *Server) Credentials() sftpexport.Credentials {
	return sftpexport.Credentials{Type: "sftp", Host: "127.0.0.1", Port: sftpexport.Port(s.port), Username: Username, HostKey: s.HostKey()}
}

// Secrets are the secrets for this server.
func (s *Server) Secrets() rossum.Secrets {
	return rossum.Secrets{"type": "sftp", "password": Password}
}

// HostKey is the server's public key, as in a .pub file.
func (s *Server) HostKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.hostKey.PublicKey())))
}

// Addr is the server's host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Allow lets User in with a key, in the form of a .pub file.
func (s *Server) Allow(publicKey string) error {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(publicKey))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append(s.users, key)
	return nil
}

// Fail makes the next operations that fit fail, in this order.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &f)
	}
}

// CutAfter cuts the next connection that has received a number of bytes, the SSH
// protocol's own among them.
func (s *Server) CutAfter(bytes int64) { s.cutAfter.Store(bytes) }

// SetFree sets how many bytes may still be written; -1 is any number.
func (s *Server) SetFree(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = bytes
}

// SetRate sets how many bytes a second a connection may receive; 0 is any number.
func (s *Server) SetRate(bytesPerSecond int64) { s.rate.Store(bytesPerSecond) }

// SetClock sets how far the server's clock is ahead.
func (s *Server) SetClock(ahead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = ahead
}

// Ops lists what was asked for so far, as "rename /a /b".
func (s *Server) Ops() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.ops...)
}

// Connections is how many connections there have been.
func (s *Server) Connections() int { return int(s.opened.Load()) }

func (s *Server) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.opened.Add(1)
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		s.wait.Go(func() {
			defer func() {
				_ = conn.Close()
				s.mu.Lock()
				delete(s.conns, conn)
				s.mu.Unlock()
			}()
			s.serve(conn)
		})
	}
}

func (s *Server) serve(conn net.Conn) {
	config := &ssh.ServerConfig{
		PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if c.User() == Username && subtle.ConstantTimeCompare(password, []byte(s.password)) == 1 {
				return nil, nil
			}
			return nil, fmt.Errorf("wrong password")
		},
		PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, k := range s.users {
				if c.User() == Username && string(k.Marshal()) == string(key.Marshal()) {
					return nil, nil
				}
			}
			return nil, fmt.Errorf("unknown key")
		},
	}
	s.mu.Lock()
	config.AddHostKey(s.hostKey)
	s.mu.Unlock()
	_, channels, requests, err := ssh.NewServerConn(&faultyConn{Conn: conn, server: s}, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	var sessions sync.WaitGroup
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			break
		}
		sessions.Go(func() { s.session(conn, channel, requests) })
	}
	sessions.Wait()
}

func (s *Server) session(conn net.Conn, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer func() { _ = channel.Close() }()
	for r := range requests {
		isSFTP := r.Type == "subsystem" && len(r.Payload) > 4 && string(r.Payload[4:]) == "sftp"
		_ = r.Reply(isSFTP, nil)
		if isSFTP {
			break
		}
	}
	go ssh.DiscardRequests(requests)
	h := &handler{server: s, conn: conn}
	server := sftp.NewRequestServer(channel, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h})
	_ = server.Serve()
	_ = server.Close()
}

// faultyConn cuts and slows what a client sends.
type faultyConn struct {
	net.Conn
	server *Server
	got    int64
}

func (c *faultyConn) Read(p []byte) (int, error) {
	if rate := c.server.rate.Load(); rate > 0 {
		p = p[:min(len(p), max(1, int(rate/100)))]
		time.Sleep(time.Duration(int64(len(p)) * int64(time.Second) / rate))
	}
	n, err := c.Conn.Read(p)
	c.got += int64(n)
	if most := c.server.cutAfter.Load(); most >= 0 && c.got >= most && c.server.cutAfter.CompareAndSwap(most, -1) {
		_ = c.Close()
		return 0, net.ErrClosed
	}
	return n, err
}
