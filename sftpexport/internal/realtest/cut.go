package realtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// Cutter is OpenSSH's sftp-server behind a proxy that sees every message of the
// protocol, in both directions, and can end a connection before it delivers one. What
// runs behind that connection is killed.
type Cutter struct {
	// Dir is a directory that tests may write to.
	Dir string

	program  string
	denied   string
	config   *ssh.ServerConfig
	hostKey  string
	listener net.Listener
	done     sync.WaitGroup

	messages atomic.Int64
	cutAt    atomic.Int64
	onCut    atomic.Value // func()

	mu    sync.Mutex
	conns map[net.Conn]bool
}

const cutterPassword = "realtest-cutter-password-8"

// NewCutter starts a proxy that says its banner, in front of a server without some kinds
// of requests.
func NewCutter(t testing.TB, banner, denied string) *Cutter {
	t.Helper()
	s := &Cutter{Dir: t.TempDir(), denied: denied, conns: make(map[net.Conn]bool)}
	if s.program = find("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server", "sftp-server"); s.program == "" {
		missing(t, "OpenSSH's sftp-server is not installed (Debian: apt-get install openssh-sftp-server)")
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.hostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	s.config = &ssh.ServerConfig{
		ServerVersion: banner,
		PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if string(password) != cutterPassword {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, nil
		},
	}
	s.config.AddHostKey(signer)
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.done.Go(s.accept)
	t.Cleanup(s.close)
	return s
}

// Arm counts messages from 0, and cuts the connection before the nth is delivered,
// once; 0 is never. f, which may be nil, is called first.
func (s *Cutter) Arm(n int64, f func()) {
	s.messages.Store(0)
	s.onCut.Store(f)
	s.cutAt.Store(n)
}

// Messages is how many there have been since Arm.
func (s *Cutter) Messages() int64 { return s.messages.Load() }

// Credentials are the settings for this server.
func (s *Cutter) Credentials() sftpexport.Credentials {
	return sftpexport.Credentials{
		Type: "sftp", Host: "127.0.0.1", Port: sftpexport.Port(s.listener.Addr().(*net.TCPAddr).Port), Username: "erp", HostKey: s.hostKey,
	}
}

// Secrets are the secrets for this server.
func (s *Cutter) Secrets() rossum.Secrets {
	return rossum.Secrets{"type": "sftp", "password": cutterPassword}
}

func (s *Cutter) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

func (s *Cutter) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		s.done.Go(func() {
			s.serve(conn)
			_ = conn.Close()
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
		})
	}
}

func (s *Cutter) serve(conn net.Conn) {
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		for r := range requests {
			isSFTP := r.Type == "subsystem"
			_ = r.Reply(isSFTP, nil)
			if isSFTP {
				go ssh.DiscardRequests(requests)
				break
			}
		}
		s.session(conn, channel)
	}
}

// session passes the messages of one client on.
func (s *Cutter) session(conn net.Conn, channel ssh.Channel) {
	args := []string{"-e"}
	if s.denied != "" {
		args = append(args, "-P", s.denied)
	}
	server := exec.Command(s.program, args...)
	in, inErr := server.StdinPipe()
	out, outErr := server.StdoutPipe()
	if inErr != nil || outErr != nil || server.Start() != nil {
		return
	}
	var both sync.WaitGroup
	end := sync.OnceFunc(func() {
		_ = server.Process.Kill()
		_ = conn.Close()
	})
	for _, way := range []struct {
		from io.Reader
		to   io.Writer
	}{{channel, in}, {out, channel}} {
		both.Go(func() {
			defer end()
			for s.pass(way.from, way.to) {
			}
		})
	}
	both.Wait()
	_ = server.Wait()
}

// pass delivers one message, unless it is the one to cut at.
func (s *Cutter) pass(from io.Reader, to io.Writer) bool {
	message := make([]byte, 4)
	if _, err := io.ReadFull(from, message); err != nil {
		return false
	}
	message = append(message, make([]byte, binary.BigEndian.Uint32(message))...)
	if _, err := io.ReadFull(from, message[4:]); err != nil {
		return false
	}
	if n := s.messages.Add(1); n == s.cutAt.Load() && s.cutAt.CompareAndSwap(n, 0) {
		if f, _ := s.onCut.Load().(func()); f != nil {
			f()
		}
		return false
	}
	_, err := to.Write(message)
	return err == nil
}
