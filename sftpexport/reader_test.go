package sftpexport_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// reader is the job on the other side: it looks at the directory every
// millisecond.
type reader struct {
	dir   string
	whole [][]byte
	takes bool // it moves the files that it sees
	taken map[string]int
	known map[string]bool // what was found whole before, by name, size and time
	fault error
	stop  chan struct{}
	ended sync.WaitGroup
}

// watch starts a reader, which accepts nothing but the given contents. The test
// fails if it sees anything else.
func watch(t *testing.T, dir string, takes bool, whole ...[]byte) *reader {
	t.Helper()
	r := &reader{dir: dir, whole: whole, takes: takes, taken: make(map[string]int), known: make(map[string]bool), stop: make(chan struct{})}
	r.ended.Go(func() {
		for {
			select {
			case <-r.stop:
				r.look()
				return
			case <-time.After(time.Millisecond):
				r.look()
			}
		}
	})
	return r
}

func (r *reader) look() {
	entries, _ := os.ReadDir(r.dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(r.dir, e.Name())
		info, err := e.Info()
		if err != nil {
			continue // gone since
		}
		if id := fmt.Sprint(e.Name(), info.Size(), info.ModTime()); !r.known[id] {
			data, err := os.ReadFile(path)
			if err != nil {
				continue
			}
			if !r.isWhole(data) && r.fault == nil {
				r.fault = fmt.Errorf("the reader saw %s with %d bytes", e.Name(), len(data))
			}
			r.known[id] = true
		}
		if r.takes && os.Remove(path) == nil {
			r.taken[e.Name()]++
		}
	}
}

func (r *reader) isWhole(data []byte) bool {
	for _, w := range r.whole {
		if bytes.Equal(w, data) {
			return true
		}
	}
	return false
}

// end stops the reader, and fails the test for what it saw.
func (r *reader) end(t *testing.T) {
	t.Helper()
	close(r.stop)
	r.ended.Wait()
	if r.fault != nil {
		t.Error(r.fault)
	}
}

// invoice is five megabytes that differ in every block.
var invoice = func() []byte {
	data := make([]byte, 5<<20)
	source := rand.NewChaCha8([32]byte{4})
	_, _ = source.Read(data)
	return data
}()

const outSettings = `{"export_rules": [{
	"path_to_directory": "/out", "filename_collision": %s,
	"export_object_configurations": [{"type": "document", "filename_template": "{annotation.id}"}]
}]}`

// rig is a server, a step that puts the invoice there, and a reader.
type rig struct {
	*sftptest.Server
	step   *sftpexport.Step
	reader *reader
}

const invoiceName = "314528.pdf"

func newRig(t *testing.T, collision string) *rig {
	t.Helper()
	s := newServer(t)
	if err := os.Mkdir(filepath.Join(s.Dir, "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &rig{s, decode(t, s, fmt.Sprintf(outSettings, collision)), watch(t, filepath.Join(s.Dir, "out"), false, invoice, []byte("old"))}
}

func (r *rig) export(ctx context.Context, t *testing.T, parts ...rossumtest.Part) error {
	t.Helper()
	_, err := chain(t, r.step).Export(ctx, call(r.Server, parts...).Payload(), pipeline.WithOriginal(pipeline.Bytes(invoice)))
	return err
}

// want checks the directory, down to hidden files, and ends the reader.
func (r *rig) want(t *testing.T, files map[string]string) {
	t.Helper()
	r.reader.end(t)
	got := tree(t, filepath.Join(r.Dir, "out"))
	for name, data := range got {
		if want, ok := files[name]; !ok || want != data {
			t.Errorf("there is %s with %d bytes", name, len(data))
		}
	}
	for name := range files {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

var arrived = map[string]string{invoiceName: string(invoice)}
