package measure

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// few is what a peer may cost that has nothing of use to say.
const few = 60

// peerAttacks are what SFTP servers say, and files of keys and certificates.
func peerAttacks() []row {
	list := append(handshakeAttacks(), listingAttacks()...)
	return append(list, trustAttacks()...)
}

// listens answers each connection by f, until the connection is closed.
func listens(t testing.TB, f func(conn net.Conn)) sftpexport.Port {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f(conn)
			}()
		}
	}()
	return sftpexport.Port(l.Addr().(*net.TCPAddr).Port)
}

// toServer exports a small document to an SFTP server, under the next free number.
func toServer(t testing.TB, c sftpexport.Credentials) func(context.Context) error {
	t.Helper()
	c.Type, c.Username = "sftp", sftptest.Username
	step := &sftpexport.Step{Credentials: c, Rules: []sftpexport.Rule{{
		Directory: "/", FilenameCollision: &sftpexport.Collision{Number: true}, Objects: []sftpexport.Object{{Type: "document", Name: "1"}},
	}}}
	t.Cleanup(func() { _ = step.Close() })
	call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("type", "sftp"), rossumtest.Secret("password", sftptest.Password))
	return exportsWith(t, call, []pipeline.Option{pipeline.WithOriginal(generated(1000))}, step)
}

// sshPacket is a packet before anything is encrypted (RFC 4253, section 6).
func sshPacket(payload []byte) []byte {
	padding := 8 - (5+len(payload))%8 + 4
	packet := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	packet = append(append(packet, byte(padding)), payload...)
	return append(packet, make([]byte, padding)...)
}

// withHostKey gives a server a key.
func withHostKey(t testing.TB, c *ssh.ServerConfig) *ssh.ServerConfig {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c.AddHostKey(signer)
	return c
}

// handshakeAttacks are servers that never come to the files.
func handshakeAttacks() []row {
	const version = "SSH-2.0-flood\r\n"
	floods := func(name, head string, block []byte) row {
		return attack("SSH, "+name, few, func(t testing.TB) func(context.Context) error {
			port := listens(t, func(conn net.Conn) {
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				_, err := io.WriteString(conn, head)
				for err == nil {
					_, err = conn.Write(block)
				}
			})
			return toServer(t, sftpexport.Credentials{Host: "127.0.0.1", Port: port, InsecureIgnoreHostKey: true})
		})
	}
	payload := func(kind byte, size int) []byte {
		p := append([]byte{kind}, binary.BigEndian.AppendUint32(nil, uint32(size))...)
		return append(p, bytes.Repeat([]byte("a"), size)...)
	}
	names := []byte{20}
	names = append(names, make([]byte, 16)...)
	for range 10 {
		list := strings.Repeat("a,", 10_000)
		names = append(binary.BigEndian.AppendUint32(names, uint32(len(list))), list...)
	}
	names = append(names, 0, 0, 0, 0, 0)
	logsIn := func(name string, config func() *ssh.ServerConfig) row {
		return attack("SSH, "+name, few, func(t testing.TB) func(context.Context) error {
			c := withHostKey(t, config())
			port := listens(t, func(conn net.Conn) { _, _, _, _ = ssh.NewServerConn(conn, c) })
			return toServer(t, sftpexport.Credentials{Host: "127.0.0.1", Port: port, InsecureIgnoreHostKey: true})
		})
	}
	return []row{
		floods("a version without an end", "", bytes.Repeat([]byte("a"), 64<<10)),
		floods("lines before the version without an end", "", bytes.Repeat([]byte("hello\r\n"), 8<<10)),
		floods("messages to ignore without an end", version, sshPacket(payload(2, 32<<10))),
		floods("empty messages without an end", version, bytes.Repeat(sshPacket([]byte{2, 0, 0, 0, 0}), 4<<10)),
		floods("lists of 10,000 algorithms without an end", version, sshPacket(names)),
		floods("packets of 4 GB", version, bytes.Repeat([]byte{0xff}, 64<<10)),
		logsIn("banners without an end", func() *ssh.ServerConfig {
			return &ssh.ServerConfig{PreAuthConnCallback: func(c ssh.ServerPreAuthConn) {
				for banner := strings.Repeat("hello\n", 5000); c.SendAuthBanner(banner) == nil; {
				}
			}}
		}),
		logsIn("questions without an end", func() *ssh.ServerConfig {
			questions, echo := make([]string, 2000), make([]bool, 2000)
			for i := range questions {
				questions[i] = strings.Repeat("?", 100)
			}
			return &ssh.ServerConfig{KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
				for {
					if _, err := ask("name", strings.Repeat("text ", 1000), questions, echo); err != nil {
						return nil, err
					}
				}
			}}
		}),
		logsIn("logins that are refused without an end", func() *ssh.ServerConfig {
			return &ssh.ServerConfig{MaxAuthTries: -1, PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
				return nil, fmt.Errorf("no")
			}}
		}),
	}
}
