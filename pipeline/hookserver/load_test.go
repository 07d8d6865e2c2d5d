package hookserver_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// usage is what a process holds.
type usage struct {
	heap                    int64
	goroutines, descriptors int
}

func (u usage) String() string {
	return fmt.Sprintf("%.1f MB, %d goroutines, %d descriptors", float64(u.heap)/1e6, u.goroutines, u.descriptors)
}

func usageNow() usage {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers held is free then
	runtime.ReadMemStats(&m)
	open, _ := os.ReadDir("/proc/self/fd") // where there is no such folder, none are counted
	return usage{int64(m.HeapAlloc), runtime.NumGoroutine(), len(open)}
}

// settlesAt waits until no more goroutines and descriptors are held than before.
func settlesAt(before usage) usage {
	now := usageNow()
	for range 100 {
		if now.goroutines <= before.goroutines && now.descriptors <= before.descriptors {
			break
		}
		time.Sleep(20 * time.Millisecond)
		now = usageNow()
	}
	return now
}

// counts are small, and those of the issue with EXPORTPIPELINE_SOAK set.
func counts(small, large int) int {
	if os.Getenv(soakVariable) != "" {
		return large
	}
	return small
}

// loaded is a server whose exports post to an ERP, on a ledger in memory or in a folder.
type loaded struct {
	*hookserver.Server
	erp    *httptest.Server
	client *http.Client
	mu     sync.Mutex
	posted int
	gate   func() // is called by the ERP at each call
	ledger pipeline.Ledger
	folder string // of the ledger, "" for one in memory
}

func newLoaded(t *testing.T, where string) *loaded {
	t.Helper()
	l := &loaded{gate: func() {}}
	l.erp = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		l.mu.Lock()
		l.posted++
		l.mu.Unlock()
		l.gate()
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"ERP-1"}`)
	}))
	l.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	l.ledger = pipeline.MemoryLedger()
	if where == "folder" {
		var err error
		l.folder = t.TempDir()
		if l.ledger, err = folderledger.Open(l.folder, folderledger.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	journal, err := pipeline.NewJournal(l.ledger, pipeline.JournalOptions{TrustDisk: true})
	if err != nil {
		t.Fatal(err)
	}
	chain := chainOf(
		t,
		pipeline.Named("create", &steps.RESTExport{Request: steps.Request{URL: l.erp.URL, Content: "#{original_file}"}, PayloadKey: "reply"}),
		&steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: "id", TargetField: "status"}}}}},
	)
	l.Server, err = hookserver.New(hookserver.Options{
		Chain: chain, SignatureSecrets: []string{secret}, Journal: journal, Keep: time.Millisecond, Timeout: 5 * time.Minute,
		Run: []pipeline.Option{pipeline.WithHTTPClient(l.client), pipeline.WithOriginal(pipeline.Bytes("%PDF"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// files counts those of the ledger, and adds up their sizes.
func (l *loaded) files(t *testing.T) (n int, size int64) {
	t.Helper()
	if l.folder == "" {
		return 0, 0
	}
	err := filepath.WalkDir(l.folder, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile
			return nil
		}
		if err == nil {
			n, size = n+1, size+info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, size
}

// end ends all that the server has begun.
func (l *loaded) end(t *testing.T) {
	t.Helper()
	err := l.Shutdown(t.Context())
	_, expired := l.ledger.Expire(t.Context(), 0) // a server forgets old runs when it is called
	if err := errors.Join(err, expired, l.ledger.Close()); err != nil {
		t.Error(err)
	}
	l.client.CloseIdleConnections()
	l.erp.Close()
}

func (l *loaded) export(t *testing.T, annotation int) {
	call := invoice(rossumtest.Set("id", annotation), rossumtest.Sideload("base_url", "https://load.rossum.example"))
	if status, answer := serve(l, hookCall(call.Bytes())); status != 200 || answer.Failed() ||
		len(answer.Operations) != 1 {
		t.Errorf("annotation %d: status %d, %+v", annotation, status, answer)
	}
}

// TestExportsAtOnceHoldNothingWhenTheyHaveEnded has every export wait in the ERP until all
// are there.
func TestExportsAtOnceHoldNothingWhenTheyHaveEnded(t *testing.T) { // not beside others, whose goroutines would count
	for _, where := range []string{"memory", "folder"} {
		n := counts(100, 1000)
		first := newLoaded(t, where) // what the process needs for good is there then
		first.export(t, 1)
		first.end(t)
		before := usageNow()
		l := newLoaded(t, where)
		var arrived, done sync.WaitGroup
		arrived.Add(n)
		var during usage
		measured := sync.OnceFunc(func() { during = usageNow() })
		l.gate = func() { arrived.Done(); arrived.Wait(); measured() }
		for i := range n {
			done.Go(func() { l.export(t, i+1) })
		}
		done.Wait()
		l.end(t)
		after := settlesAt(before)
		t.Logf(
			"%d exports at once, ledger in %s: before %v; while all wait for the ERP %v, %.0f kB each; after %v",
			n,
			where,
			before,
			during,
			float64(during.heap-before.heap)/float64(n)/1000,
			after,
		)
		const descriptor = 512 // the runtime keeps those of goroutines that have ended for others
		most := before.heap + 2<<20 + int64(during.goroutines)*descriptor
		if l.posted != n || after.goroutines > before.goroutines || after.descriptors > before.descriptors || after.heap > most {
			t.Errorf("%d exports, %d calls: before %v, after %v", n, l.posted, before, after)
		}
	}
}

// TestExportsInARowDoNotAddUp compares what is held after some exports and after many more.
func TestExportsInARowDoNotAddUp(t *testing.T) { // not beside others, whose memory would count
	for _, where := range []string{"memory", "folder"} {
		n := counts(120, 10_000)
		l := newLoaded(t, where)
		row := func(from, to int) usage {
			for i := from; i < to; i++ {
				l.export(t, i+1)
			}
			return usageNow()
		}
		early := row(0, n/5)
		files, size := l.files(t)
		late := row(n/5, n)
		lateFiles, lateSize := l.files(t)
		t.Logf(
			"ledger in %s: after %d exports %v, %d files of %d bytes; after %d %v, %d files of %d bytes",
			where, n/5, early, files, size, n, late, lateFiles, lateSize,
		)
		if l.posted != n || late.goroutines > early.goroutines+2 || late.descriptors > early.descriptors+2 || late.heap > early.heap+1<<20 {
			t.Errorf("%d exports, %d calls: %v after some, %v after all", n, l.posted, early, late)
		}
		// The ledger keeps some files of runs that have ended for those that begin.
		if lateFiles > 400 || lateSize > 8<<20 {
			t.Errorf("%d exports: %d files of %d bytes after all", n, lateFiles, lateSize)
		}
		l.end(t)
	}
}
