package hostile

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// sftpFault is what an SFTP server does, by itself or before it is one.
type sftpFault struct {
	name  string
	dial  func(net.Conn)   // instead of a server
	fails []sftptest.Fault // of a server
	says  []string
	lasts bool
}

var errFull = errors.New("no space left on device")

// Words by which an export says what was wrong with a server.
var (
	noServer  = append(lost, "no SSH server answers at")
	badPacket = []string{"packet"}
)

var sftpFaults = []sftpFault{
	{name: "hangs up when it is dialled", dial: func(net.Conn) {}, says: lost},
	{name: "says nothing", dial: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, says: late, lasts: true},
	{
		name: "speaks HTTP",
		dial: func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		says: noServer,
	},
	{name: "sends a banner without end", dial: func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, strings.Repeat("x", 4096)); err != nil {
				return
			}
		}
	}, says: noServer},
	{name: "sends lines before its banner without end", dial: func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, "hello\r\n"); err != nil {
				return
			}
		}
	}, says: noServer},
	{name: "sends its banner byte by byte", dial: func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, "S"); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}, says: late, lasts: true},
	{name: "sends a banner and then noise", dial: func(c net.Conn) {
		_, _ = io.WriteString(c, "SSH-2.0-x\r\n"+strings.Repeat("\xff", 1000))
		_, _ = io.Copy(io.Discard, c)
	}, says: badPacket},
	{name: "sends a banner and a packet of 4 GB", dial: func(c net.Conn) {
		_, _ = io.WriteString(c, "SSH-2.0-x\r\n\xff\xff\xff\xf0\x04"+strings.Repeat("\x00", 1000))
		_, _ = io.Copy(io.Discard, c)
	}, says: badPacket},
	{name: "closes the connection when a file is opened", fails: []sftptest.Fault{{Op: "open", Cut: true, Times: -1}}, says: lost},
	{name: "closes the connection within a file", fails: []sftptest.Fault{{Op: "write", Cut: true, Times: -1}}, says: lost},
	{name: "closes the connection before a rename", fails: []sftptest.Fault{
		{Op: "rename", Cut: true, Times: -1}, {Op: "posix-rename", Cut: true, Times: -1}, {Op: "link", Cut: true, Times: -1},
	}, says: append(lost, "answer was lost")},
	{name: "forbids to open a file", fails: []sftptest.Fault{{Op: "open", Err: os.ErrPermission, Times: -1}}, says: []string{"permission"}},
	{name: "has no space left", fails: []sftptest.Fault{{Op: "write", Err: errFull, Times: -1}}, says: []string{errFull.Error()}},
	{name: "never answers a write", fails: []sftptest.Fault{{Op: "write", Delay: time.Minute, Times: -1}}, says: late, lasts: true},
	{name: "never answers an open", fails: []sftptest.Fault{{Op: "open", Delay: time.Minute, Times: -1}}, says: late, lasts: true},
	{name: "forbids every rename", fails: []sftptest.Fault{
		{
			Op:    "rename",
			Err:   os.ErrPermission,
			Times: -1,
		}, {Op: "posix-rename", Err: os.ErrPermission, Times: -1}, {Op: "link", Err: os.ErrPermission, Times: -1},
	}, says: []string{"permission"}},
}

// TestWhateverAnSFTPServerDoesAnExportEndsAndSaysSo plays each fault; after it no partial
// file has its name.
func TestWhateverAnSFTPServerDoesAnExportEndsAndSaysSo(t *testing.T) {
	t.Parallel()
	atOnce(t, 8, func(yield func(name string, play func() string)) {
		for _, f := range sftpFaults {
			yield(f.name, func() string { return store(t, f) })
		}
	})
}

func store(t *testing.T, f sftpFault) string {
	step := &sftpexport.Step{Rules: []sftpexport.Rule{{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}}}
	defer func() { _ = step.Close() }()
	dir := ""
	if f.dial != nil {
		p := &peer{f: fault{dial: f.dial}}
		defer listen(p)()
		host, port, _ := net.SplitHostPort(p.address)
		number := 0
		_, _ = fmt.Sscan(port, &number)
		step.Credentials = sftpexport.Credentials{
			Type:                  "sftp",
			Host:                  host,
			Port:                  sftpexport.Port(number),
			Username:              sftptest.Username,
			InsecureIgnoreHostKey: true,
		}
	} else {
		s, err := sftptest.NewServer("")
		if err != nil {
			return err.Error()
		}
		defer func() { _ = s.Close() }()
		s.Fail(f.fails...)
		step.Credentials, dir = s.Credentials(), s.Dir
	}
	timeout := longTime
	if f.lasts {
		timeout = shortTime
	}
	got := export(t, []pipeline.Step{step}, "sftp", []pipeline.Option{pipeline.WithTimeout(timeout)})
	if *show {
		fmt.Printf("SFTP\n  %s\n    %s\n", f.name, got.text)
	}
	if dir != "" {
		if data, err := os.ReadFile(dir + "/1.pdf"); err == nil {
			return fmt.Sprintf("%d bytes are there under the file's name", len(data))
		}
	}
	if !got.failed || !containsAny(got.text, f.says) || strings.Contains(got.text, "panic") {
		return fmt.Sprintf("it says %q, and none of %q", got.text, f.says)
	}
	return ""
}
