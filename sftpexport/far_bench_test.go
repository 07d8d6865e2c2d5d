package sftpexport_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
)

// roundTripTime is that of the far server.
const roundTripTime = 50 * time.Millisecond

// linkSpeed is how many bytes a second pass to the far server and back.
const linkSpeed = 20 << 20

// far is a way to a server that takes time: half of the round trip each way, and no more
// bytes a second than the link bears. It holds back as a network does, without a bound of
// how much is under way.
func far(b *testing.B, port sftpexport.Port) sftpexport.Port {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				_ = in.Close()
				continue
			}
			go delay(in, out)
			go delay(out, in)
		}
	}()
	return sftpexport.Port(l.Addr().(*net.TCPAddr).Port)
}

// delay passes on what it reads, half a round trip later.
func delay(from io.ReadCloser, to io.WriteCloser) {
	type piece struct {
		due  time.Time
		data []byte
	}
	pieces := make(chan piece, 4096) // more than the link holds
	go func() {
		defer close(pieces)
		free := time.Now() // when the link can take more
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				if now := time.Now(); free.Before(now) {
					free = now
				}
				free = free.Add(time.Duration(n) * time.Second / linkSpeed)
				pieces <- piece{free.Add(roundTripTime / 2), bytes.Clone(buffer[:n])}
			}
			if err != nil {
				return
			}
			if wait := time.Until(free); wait > 5*time.Millisecond {
				time.Sleep(wait)
			}
		}
	}()
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	_, _ = from.Close(), to.Close()
	for range pieces {
	}
}

// rawTime is how long so many bytes take by the link alone, until the other side has them.
func rawTime(b *testing.B, size int64) time.Duration {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	arrived := make(chan time.Time, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, conn)
		arrived <- time.Now()
	}()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", far(b, sftpexport.Port(l.Addr().(*net.TCPAddr).Port))))
	if err != nil {
		b.Fatal(err)
	}
	started := time.Now()
	_, err = io.Copy(conn, io.LimitReader(zeros{}, size))
	if err := errors.Join(err, conn.Close()); err != nil {
		b.Fatal(err)
	}
	return (<-arrived).Sub(started)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// BenchmarkFarServer puts 200 MB and 500 files of 4 KB on an OpenSSH that is 50 ms away by
// a link of 20 MB a second, and compares with what the link takes for as many bytes, and
// with the sftp command. The peaks of memory contain the proxy's.
func BenchmarkFarServer(b *testing.B) {
	const size, files = 200 << 20, 500
	s := realtest.NewOpenSSH(b)
	s.Port = int(far(b, sftpexport.Port(s.Port)))
	open := opener(b, s.Credentials(), s.Secrets())
	source := filepath.Join(b.TempDir(), "large.bin")
	if err := os.WriteFile(source, make([]byte, size), 0o600); err != nil {
		b.Fatal(err)
	}
	data := pipeline.Bytes(invoice[:4<<10])
	sources, batch := b.TempDir(), new(strings.Builder)
	theirs := filepath.Join(s.Dir, "theirs")
	if err := os.Mkdir(theirs, 0o755); err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(batch, "cd %s\n", theirs)
	for i := range files {
		path := filepath.Join(sources, fmt.Sprintf("f%d.bin", i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			b.Fatal(err)
		}
		if i < files/10 { // the command takes as long for each file
			fmt.Fprintf(batch, "put %s\n", path)
		}
	}
	putAll(b.Context(), b, open, sftpexport.File{Directory: s.Dir, Name: "first.bin", Content: data}) // connects
	for b.Loop() {
		raw := rawTime(b, size)
		stop := peakHeap()
		started := time.Now()
		putAll(
			b.Context(),
			b,
			open,
			sftpexport.File{Directory: s.Dir, Name: "large.bin", Content: onFile{source, size}, Collision: sftpexport.CollisionReplace},
		)
		took := time.Since(started)
		b.ReportMetric(stop(), "large-peak-MB")
		b.ReportMetric(raw.Seconds()/took.Seconds(), "large-x-link")

		stop = peakHeap()
		started = time.Now()
		var wait sync.WaitGroup
		for e := range farExporters {
			wait.Go(func() {
				var mine []sftpexport.File
				for i := e; i < files; i += farExporters {
					mine = append(
						mine,
						sftpexport.File{
							Directory:        filepath.Join(s.Dir, "ours"),
							Name:             fmt.Sprintf("f%d.bin", i),
							Content:          data,
							LookFirst:        true,
							MayMakeDirectory: true,
						},
					)
				}
				putAll(b.Context(), b, open, mine...)
			})
		}
		wait.Wait()
		took = time.Since(started)
		b.ReportMetric(stop(), "small-peak-MB")

		command := s.SFTP(b, "-b", "-")
		command.Stdin = strings.NewReader(batch.String())
		started = time.Now()
		if out, err := command.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		b.ReportMetric((10*time.Since(started)).Seconds()/took.Seconds(), "small-x-sftp-batch")
	}
}

// farExporters are the exports that run at once, as those of a queue do.
const farExporters = 64
