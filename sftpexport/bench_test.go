package sftpexport_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
)

// onFile is content on the disk, as the sftp command has it.
type onFile struct {
	path string
	size int64
}

func (f onFile) Size() int64                                 { return f.size }
func (f onFile) Open(context.Context) (io.ReadCloser, error) { return os.Open(f.path) }

// putAll does what an export does: all files are staged before the first is named.
func putAll(ctx context.Context, b *testing.B, open func(context.Context) (sftpexport.Destination, error), files ...sftpexport.File) {
	d, err := open(ctx)
	if err != nil {
		b.Error(err)
		return
	}
	staged := make([]sftpexport.Staged, len(files))
	for i, f := range files {
		if staged[i], err = d.Stage(ctx, f); err != nil {
			b.Error(err)
			return
		}
	}
	for _, s := range staged {
		if _, err := s.Commit(ctx); err != nil {
			b.Error(err)
		}
	}
}

// peakHeap samples how much memory the heap takes more than at the start.
func peakHeap() (stop func() (mb float64)) {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			if now.HeapInuse > before.HeapInuse {
				peak.Store(max(peak.Load(), now.HeapInuse-before.HeapInuse))
			}
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	return func() float64 {
		close(done)
		wait.Wait()
		return float64(peak.Load()) / 1e6
	}
}

// BenchmarkLargeFile puts 200 MB on OpenSSH, synced, checked and renamed, and
// compares with the sftp command, which does none of that.
func BenchmarkLargeFile(b *testing.B) {
	const size = 200 << 20
	s := realtest.NewOpenSSH(b)
	open := opener(b, s.Credentials(), s.Secrets())
	source := filepath.Join(b.TempDir(), "large.bin")
	large, err := os.Create(source)
	if err != nil {
		b.Fatal(err)
	}
	for range size / len(invoice) {
		if _, err := large.Write(invoice); err != nil {
			b.Fatal(err)
		}
	}
	if err := large.Close(); err != nil {
		b.Fatal(err)
	}
	ours := func() time.Duration {
		started := time.Now()
		putAll(
			b.Context(),
			b,
			open,
			sftpexport.File{Directory: s.Dir, Name: "ours.bin", Content: onFile{source, size}, Collision: sftpexport.CollisionReplace},
		)
		return time.Since(started)
	}
	theirs := func() time.Duration {
		command := s.SFTP(b, "-b", "-")
		command.Stdin = strings.NewReader(fmt.Sprintf("put %s %s\n", source, filepath.Join(s.Dir, "theirs.bin")))
		started := time.Now()
		if out, err := command.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		return time.Since(started)
	}
	ours()
	theirs()
	mine, others := time.Hour, time.Hour // the best of a few, since machines are shared
	var most float64
	for b.Loop() {
		for range 5 {
			stop := peakHeap()
			mine = min(mine, ours())
			most = max(most, stop())
			others = min(others, theirs())
		}
	}
	b.ReportMetric(size/1e6/mine.Seconds(), "MB/s")
	b.ReportMetric(others.Seconds()/mine.Seconds(), "x-sftp-command")
	b.ReportMetric(most, "peak-MB")
}

// BenchmarkManySmallFiles puts 500 files of 4 KB by eight concurrent exports, all of
// an export's files synced and checked before the first is given its name, and compares
// with one batch of the sftp command, which does none of that.
func BenchmarkManySmallFiles(b *testing.B) {
	const files, exporters = 500, 8
	s := realtest.NewOpenSSH(b)
	synced, unsynced := opener(b, s.Credentials(), s.Secrets()), opener(b, s.Credentials(), s.Secrets())
	if d, err := unsynced(b.Context()); err != nil {
		b.Fatal(err)
	} else {
		sftpexport.Unsynced(d)
	}
	data := pipeline.Bytes(invoice[:4<<10])
	sources := b.TempDir()
	var batch strings.Builder
	for i := range files {
		path := filepath.Join(sources, fmt.Sprintf("f%d.bin", i))
		if err := os.WriteFile(path, data, 0o644); err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(&batch, "put %s %s\n", path, filepath.Base(path))
	}
	// Every round has directories of its own: ext4 takes long to make files when others
	// were removed in the last seconds.
	ours := func(round int, name string, open func(context.Context) (sftpexport.Destination, error)) time.Duration {
		dir := filepath.Join(s.Dir, fmt.Sprintf("%s%d", name, round))
		started := time.Now()
		var wait sync.WaitGroup
		for e := range exporters {
			wait.Go(func() {
				var mine []sftpexport.File
				for i := e; i < files; i += exporters {
					mine = append(mine, sftpexport.File{
						Directory: dir, Name: fmt.Sprintf("f%d.bin", i), Content: data, LookFirst: true, MayMakeDirectory: true,
					})
				}
				putAll(b.Context(), b, open, mine...)
			})
		}
		wait.Wait()
		return time.Since(started)
	}
	theirs := func(round int) time.Duration {
		dir := filepath.Join(s.Dir, fmt.Sprintf("theirs%d", round))
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		command := s.SFTP(b, "-b", "-")
		command.Stdin = strings.NewReader("cd " + dir + "\n" + batch.String())
		started := time.Now()
		if out, err := command.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		return time.Since(started)
	}
	mine, transport, others := time.Hour, time.Hour, time.Hour // the best of a few, since machines are shared
	round := 0
	for b.Loop() {
		for range 10 {
			round++
			mine, others = min(mine, ours(round, "ours", synced)), min(others, theirs(round))
			transport = min(transport, ours(round, "unsynced", unsynced))
		}
	}
	b.ReportMetric(files/mine.Seconds(), "files/s")
	b.ReportMetric(others.Seconds()/mine.Seconds(), "x-sftp-batch")
	b.ReportMetric(others.Seconds()/transport.Seconds(), "x-sftp-batch-without-sync")
}
