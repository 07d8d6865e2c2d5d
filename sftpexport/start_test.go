package sftpexport_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
)

// counted is a way to a server that counts connections.
func counted(t *testing.T, c *sftpexport.Credentials) *atomic.Int64 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	target := net.JoinHostPort(c.Host, portText(c.Port))
	c.Port = sftpexport.Port(l.Addr().(*net.TCPAddr).Port)
	var n atomic.Int64
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_, _ = in.Close(), out.Close()
				}()
			}
		}
	}()
	return &n
}

func portText(p sftpexport.Port) string { return strconv.Itoa(int(p)) }

func TestWhatWillNotChangeIsTriedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		line string
		text string
	}{
		{"no SFTP", "Subsystem other /bin/true", "the server has no SFTP for this user"},
		{"SFTP that is not installed", "Subsystem sftp /nonexistent/sftp-server", "the server's SFTP ended at once"},
		{"a shell that talks", "Subsystem sftp /bin/echo welcome to the server, which talks", "something else than SFTP"},
		{"a shell that ends", "Subsystem sftp /bin/false", "the server's SFTP ended at once, with status 1"},
		{"no sessions", "MaxSessions 0", "starting SFTP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := realtest.NewOpenSSH(t, c.line)
			credentials := s.Credentials()
			n := counted(t, &credentials)
			err := login(t, replacing(t, credentials, s.Dir), rossumtest.Secret("ssh_key", s.Text))
			if err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("the error is %v", err)
			}
			if n.Load() != 1 {
				t.Errorf("there were %d connections", n.Load())
			}
		})
	}
}

func TestAServerThatIsNotSSHIsToldAtOnce(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var n atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			_, _ = io.WriteString(conn, "220 ftp.example.com FTP server ready\r\n")
			go hangUp(conn)
		}
	}()
	c := sftpexport.Credentials{
		Type:                  "sftp",
		Host:                  "127.0.0.1",
		Port:                  sftpexport.Port(l.Addr().(*net.TCPAddr).Port),
		Username:              "u",
		InsecureIgnoreHostKey: true,
	}
	err = login(t, replacing(t, c, "/out"), rossumtest.Secret("password", "p-of-nobody"))
	if !errors.Is(err, sftpexport.ErrConnection) || !strings.Contains(err.Error(), "FTP server ready") || n.Load() != 1 {
		t.Errorf("%d connections, error %v", n.Load(), err)
	}
}

// hangUp ends a connection after what was written to it. It reads what the other side still
// sends: closing a connection with that unread may take back what was written.
func hangUp(conn net.Conn) {
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}

func TestAFileWhereADirectoryShouldBeIsToldAsThat(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]func(*testing.T) site{
		"OpenSSH": openSSH(), "ProFTPD": proFTPD(), "paramiko": paramiko(nil), "missing is failure": paramiko(dict{"missing": "FAILURE"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server(t)
			if err := os.WriteFile(filepath.Join(s.dir, "file"), []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, directory := range []string{"/file", "/file/a/b"} {
				started := time.Now()
				_, err := s.put(t, s.step(t, directory, sftpexport.CollisionRefuse), []byte("x"))
				if !errors.Is(err, sftpexport.ErrNotDirectory) {
					t.Errorf("%s after %v: %v", directory, time.Since(started), err)
				}
			}
		})
	}
}
