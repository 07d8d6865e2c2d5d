package hookserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// faultyLedger is on a disk that has a fault now and then.
type faultyLedger struct {
	pipeline.Ledger
	mu            sync.Mutex
	claim, record func(context.Context) error // nil while nothing is wrong
	load          error
}

func (f *faultyLedger) set(claim, record func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.claim, f.record = claim, record
}

func (f *faultyLedger) try(ctx context.Context, claim bool) error {
	f.mu.Lock()
	fault := f.record
	if claim {
		fault = f.claim
	}
	f.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(ctx)
}

func (f *faultyLedger) Claim(ctx context.Context, k pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	if err := f.try(ctx, true); err != nil {
		return pipeline.Claimed{}, err
	}
	return f.Ledger.Claim(ctx, k, o)
}

func (f *faultyLedger) Append(ctx context.Context, l pipeline.Lease, r ...pipeline.Record) error {
	if err := f.try(ctx, false); err != nil {
		return err
	}
	return f.Ledger.Append(ctx, l, r...)
}

func (f *faultyLedger) Renew(ctx context.Context, l pipeline.Lease) error { return f.Append(ctx, l) }

func (f *faultyLedger) End(ctx context.Context, l pipeline.Lease, r pipeline.Record) error {
	if err := f.try(ctx, false); err != nil {
		return err
	}
	return f.Ledger.End(ctx, l, r)
}

func (f *faultyLedger) Release(ctx context.Context, l pipeline.Lease) error {
	if err := f.try(ctx, false); err != nil {
		return err
	}
	return f.Ledger.Release(ctx, l)
}

func (f *faultyLedger) Load(ctx context.Context, id pipeline.RunID) (pipeline.Run, error) {
	f.mu.Lock()
	err := f.load
	f.mu.Unlock()
	if err != nil {
		return pipeline.Run{}, err
	}
	return f.Ledger.Load(ctx, id)
}

func fails(err error) func(context.Context) error { return func(context.Context) error { return err } }

func hangs(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func takesLong(ctx context.Context) error {
	select {
	case <-time.After(3 * time.Second):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// askTwice makes a call, and polls for its answer if there is an address.
func askTwice(h http.Handler, call *rossumtest.Call) (int, rossum.Response) {
	status, location, answer := ask(h, hookCall(call.Bytes()))
	for status == 202 {
		time.Sleep(10 * time.Second)
		status, answer = poll(h, location)
	}
	return status, answer
}

// TestADiskWithAFaultHasNothingSentThatCannotBeNoted: the answer says so, and when the
// fault is gone the same export goes through, once.
func TestADiskWithAFaultHasNothingSentThatCannotBeNoted(t *testing.T) {
	full, readOnly := &fs.PathError{Op: "write", Path: "run", Err: syscall.ENOSPC}, &fs.PathError{Op: "open", Path: "run", Err: syscall.EROFS}
	for name, tt := range map[string]struct {
		claim, record func(context.Context) error
		status        int // of the first answer
		want          string
	}{
		"full when it begins":      {fails(full), fails(full), 503, "no space left on device"},
		"full when it sends":       {nil, fails(full), 200, "no space left on device"},
		"read-only when it begins": {fails(readOnly), fails(readOnly), 503, "read-only file system"},
		"read-only when it sends":  {nil, fails(readOnly), 200, "read-only file system"},
		"hanging when it begins":   {hangs, hangs, 503, "took longer than"},
		"hanging when it sends":    {nil, hangs, 200, "took longer than"},
		"slow":                     {takesLong, takesLong, 200, ""},
	} {
		for _, async := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, async %v", name, async), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ledger := &faultyLedger{Ledger: pipeline.MemoryLedger()}
					var sent atomic.Int32
					o := hookserver.Options{Chain: chainOf(t, erpStep(&sent, 0)), Journal: journalOn(t, ledger)}
					if async {
						o.Async = later(-1)
						o.Async.Timeout = time.Minute
					}
					h := newServer(t, o)
					ledger.set(tt.claim, tt.record)
					status, answer := askTwice(h, invoice())
					if status == 201 {
						status = 200 // of a poll
					}
					text := texts(answer)
					switch {
					case tt.want == "" && (status != 200 || answer.Failed() || sent.Load() != 1):
						t.Errorf("%d %s, %d sent", status, text, sent.Load())
					case tt.want == "":
						return
					case status != tt.status || !answer.Failed() || sent.Load() != 0:
						t.Errorf("%d %s, %d sent, want %d", status, text, sent.Load(), tt.status)
					case async && status == 200: // the ledger, which took nothing, says all that the poll can
						if !strings.Contains(text, "No call that changes anything was made. Export again") {
							t.Error(text)
						}
					case !strings.Contains(text, tt.want) || status == 200 && !strings.Contains(text, "No call that changes anything was made."):
						t.Errorf("%s, want %s", text, tt.want)
					}
					ledger.set(nil, nil)
					time.Sleep(10 * time.Minute)
					if status, answer := askTwice(h, invoice()); status != 200 && status != 201 || answer.Failed() || sent.Load() != 1 {
						t.Errorf("afterwards: %d %s, %d sent", status, texts(answer), sent.Load())
					}
				})
			})
		}
	}
}

// TestARunThatCannotBeReadNowIsAskedForAgain: the platform calls again after a 503, and the
// run goes on then.
func TestARunThatCannotBeReadNowIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, async := range []bool{false, true} {
		memory := pipeline.MemoryLedger()
		var sent atomic.Int32
		chain := chainOf(t, erpStep(&sent, 0), pipeline.Named("submit", erpStep(&sent, 0)))
		dying, ctx := mortal.New(t.Context(), memory, 4, false) // claim, call, reply, call
		_, _ = chain.Export(ctx, invoice().Payload(), pipeline.WithJournal(journalOn(t, dying)))
		if err := dying.Bury(t.Context()); err != nil || sent.Load() != 1 {
			t.Fatal(err, sent.Load())
		}
		ledger := &faultyLedger{Ledger: memory, load: &fs.PathError{Op: "read", Path: "run", Err: syscall.EIO}}
		o := hookserver.Options{Chain: chain, Journal: journalOn(t, ledger)}
		if async {
			o.Async = later(time.Second)
		}
		h := newServer(t, o)
		status, _, answer := ask(h, hookCall(invoice().Bytes()))
		if text := texts(answer); status != 503 || !strings.Contains(text, "input/output error") ||
			!strings.Contains(text, "nothing more was sent") {
			t.Errorf("async %v: %d %s", async, status, text)
		}
		ledger.mu.Lock()
		ledger.load = nil
		ledger.mu.Unlock()
		if status, answer := askTwice(h, invoice()); status != 200 && status != 201 || answer.Failed() || sent.Load() != 2 {
			t.Errorf("async %v: afterwards %d %s, %d sent, want 2", async, status, texts(answer), sent.Load())
		}
	}
}

// TestARunOfANewerVersionIsAskedForAgain: while a service is deployed, the next call may
// reach a process of that version.
func TestARunOfANewerVersionIsAskedForAgain(t *testing.T) {
	t.Parallel()
	ledger := pipeline.MemoryLedger()
	var sent atomic.Int32
	h := newServer(t, hookserver.Options{Chain: chainOf(t, erpStep(&sent, 0)), Journal: journalOn(t, ledger)})
	p := invoice().Payload()
	claimed, err := ledger.Claim(t.Context(), pipeline.RunKeyOf(p), pipeline.ClaimOptions{
		Owner: "new", Lease: time.Minute, Content: p.ContentHash(), First: []pipeline.Record{{Kind: "begun", Version: 1000}},
	})
	if err = errors.Join(err, ledger.Release(t.Context(), claimed.Lease)); err != nil {
		t.Fatal(err)
	}
	status, _, answer := ask(h, hookCall(invoice().Bytes()))
	if text := texts(answer); status != 503 || !strings.Contains(text, "written by a newer version") || sent.Load() != 0 {
		t.Errorf("%d %s, %d sent", status, text, sent.Load())
	}
}

func texts(r rossum.Response) (text string) {
	for _, m := range r.Messages {
		text += m.Content + "\n"
	}
	return text
}

// TestARunWhoseRecordsAreDamagedSendsNothingMore: nobody knows what it has sent.
func TestARunWhoseRecordsAreDamagedSendsNothingMore(t *testing.T) {
	t.Parallel()
	for _, async := range []bool{false, true} {
		folder := t.TempDir()
		ledger, err := folderledger.Open(folder, folderledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var sent atomic.Int32
		chain := chainOf(t, erpStep(&sent, 0), pipeline.Named("submit", erpStep(&sent, 0)))
		dying, ctx := mortal.New(t.Context(), ledger, 4, false) // claim, call, reply, call
		_, _ = chain.Export(ctx, invoice().Payload(), pipeline.WithJournal(journalOnDisk(t, dying)))
		if err := dying.Bury(t.Context()); err != nil || sent.Load() != 1 {
			t.Fatal(err, sent.Load())
		}
		if err := ledger.Close(); err != nil {
			t.Fatal(err)
		}
		damage(t, folder, "POST https://erp.example/invoices")
		if ledger, err = folderledger.Open(folder, folderledger.Options{}); err != nil {
			t.Fatal(err)
		}
		o := hookserver.Options{Chain: chain, Journal: journalOnDisk(t, ledger)}
		if async {
			o.Async = later(time.Second)
		}
		h := newServer(t, o)
		status, answer := askTwice(h, invoice())
		if text := texts(answer); status != 200 && status != 503 || !answer.Failed() || sent.Load() != 1 ||
			!strings.Contains(text, "its records are damaged") || !strings.Contains(text, "look into the target system") {
			t.Errorf("async %v: %d %s, %d sent", async, status, text, sent.Load())
		}
		// Other annotations are not concerned.
		other := invoice(rossumtest.Set("id", 7))
		if status, answer := askTwice(h, other); status != 200 && status != 201 || answer.Failed() || sent.Load() != 3 {
			t.Errorf("async %v: another annotation: %d %s, %d sent", async, status, texts(answer), sent.Load())
		}
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	}
}

// damage changes a byte of the first text like this in the files of a folder.
func damage(t *testing.T, folder, text string) {
	t.Helper()
	found := false
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || found {
			return err
		}
		data, err := os.ReadFile(path)
		at := bytes.Index(data, []byte(text))
		if err != nil || at < 0 {
			return err
		}
		found = true
		data[at] ^= 0xff
		return os.WriteFile(path, data, 0o600)
	})
	if err != nil || !found {
		t.Fatal(err, found)
	}
}
