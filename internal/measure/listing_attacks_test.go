package measure

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// directory is one that holds files by numbers, whose names are made while they are listed.
type directory struct {
	files int
	name  func(i int) string
	rest  sftp.FileLister // what is asked for by its name
}

// ListAt implements [sftp.ListerAt].
func (d directory) ListAt(list []fs.FileInfo, offset int64) (n int, err error) {
	for n < len(list) && int(offset)+n < d.files {
		list[n] = listedFile(d.name(int(offset) + n))
		n++
	}
	if n < len(list) {
		err = io.EOF
	}
	return n, err
}

// Filelist implements [sftp.FileLister]. "1.pdf" is there when somebody asks for it.
func (d directory) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method == "List" {
		return d, nil
	}
	if r.Filepath == "/1.pdf" {
		return directory{files: 1, name: func(int) string { return "1.pdf" }}, nil
	}
	return d.rest.Filelist(r)
}

type listedFile string

func (f listedFile) Name() string     { return string(f) }
func (listedFile) Size() int64        { return 1 }
func (listedFile) ModTime() time.Time { return time.Unix(0, 0) }
func (listedFile) Sys() any           { return nil }
func (f listedFile) IsDir() bool      { return f == "/" }

func (f listedFile) Mode() fs.FileMode {
	if f.IsDir() {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

// serves speaks SFTP on a channel.
func serves(c ssh.NewChannel, h sftp.Handlers) {
	channel, requests, err := c.Accept()
	if err != nil {
		return
	}
	go func() {
		for r := range requests {
			_ = r.Reply(r.Type == "subsystem", nil)
		}
	}()
	_ = sftp.NewRequestServer(channel, h).Serve()
	_ = channel.Close()
}

// listingAttacks are directories in which a free name is looked for.
func listingAttacks() []row {
	lists := func(name string, files int, names func(i int) string) row {
		return attack("SFTP, "+name, few+100, func(t testing.TB) func(context.Context) error {
			memory := sftp.InMemHandler()
			memory.FileList = directory{files, names, memory.FileList}
			config := withHostKey(t, &ssh.ServerConfig{NoClientAuth: true})
			port := listens(t, func(conn net.Conn) {
				if _, channels, requests, err := ssh.NewServerConn(conn, config); err == nil {
					go ssh.DiscardRequests(requests)
					for c := range channels {
						go serves(c, memory)
					}
				}
			})
			return toServer(t, sftpexport.Credentials{Host: "127.0.0.1", Port: port, InsecureIgnoreHostKey: true})
		})
	}
	const many = 100_000
	return []row{
		lists("100,000 names", many, func(i int) string { return strconv.Itoa(i) + ".pdf" }),
		lists("100,000 numbers of the name", many, func(i int) string { return fmt.Sprintf("1_%d.pdf", i+1) }),
		lists("numbers of 200 digits", many, func(i int) string { return fmt.Sprintf("1_%0200d.pdf", i+1) }),
		lists("names of 2 KB without an end", math.MaxInt32, func(i int) string { return strings.Repeat("n", 2000) + strconv.Itoa(i) }),
		lists("names of control characters", many, func(int) string { return "\x1b[2J\x00\r\n/../\xff" }),
	}
}
