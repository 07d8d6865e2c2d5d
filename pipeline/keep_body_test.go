package pipeline_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// stream is a document that is read while it is sent.
type stream struct {
	data string
	name string // "" for one that does not say what it is
	size int64
}

func (s stream) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(s.data)), nil
}

func (s stream) Size() int64 { return s.size }

type document struct{ stream }

func (d document) Source() string { return d.name }

// bodyERP keeps what it gets, and acts on what is complete.
type bodyERP struct {
	*httptest.Server

	mu   sync.Mutex
	got  []string // of each call: key, Content-Type, SHA-256
	torn int
}

func newBodyERP(t *testing.T) *bodyERP {
	t.Helper()
	e := &bodyERP{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil {
			e.torn++
			return
		}
		e.got = append(e.got, fmt.Sprintf("%s %s %x", r.Header.Get("Idempotency-Key"), r.Header.Get("Content-Type"), sha256.Sum256(data)))
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *bodyERP) seen() (got []string, torn int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.got...), e.torn
}

// sendsForm is a step that sends a form with files. That note changes is what another
// process would see of a clock.
func sendsForm(url, note string, files ...pipeline.Content) pipeline.Step {
	return pipeline.Named("upload", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		parts := []send.Part{{Name: "note", Content: pipeline.Bytes(note)}, {Name: "pass", Content: pipeline.Bytes(x.Secrets["password"])}}
		for i, f := range files {
			parts = append(parts, send.Part{Name: fmt.Sprint("file", i), File: true, FileName: "a.pdf", Content: f})
		}
		body, contentType, err := send.Multipart(x.NewID(), parts...)
		if err != nil {
			return err
		}
		call := &send.Call{Name: "request", Method: http.MethodPost, URL: url + "/documents", Body: body}
		call.SetHeader("Content-Type", contentType)
		_, err = send.Do(ctx, x, call)
		return err
	}))
}

// resumed has a process die at a write to its ledger, and another one go on.
func resumed(t *testing.T, at int, done bool, secrets [2]string, first, then pipeline.Step) (died bool, err error) {
	t.Helper()
	died, err, _ = resumedOn(t, pipeline.MemoryLedger(), at, done, secrets, first, then)
	return died, err
}

// resumedOn is resumed that also returns how the other process goes on once more.
func resumedOn(
	t *testing.T,
	shared pipeline.Ledger,
	at int,
	done bool,
	secrets [2]string,
	first, then pipeline.Step,
) (died bool, err error, again func() error) {
	t.Helper()
	ledger, ctx := mortal.New(t.Context(), shared, at, done)
	keys := pipeline.WithIdempotency(pipeline.Idempotency{})
	call := func(password string) *rossum.Payload {
		p := keepCall().Payload()
		p.Secrets = rossum.Secrets{"password": password}
		return p
	}
	_, _ = chainOf(t, first).Export(ctx, call(secrets[0]), keys, pipeline.WithJournal(journal(t, ledger)))
	if !ledger.Dead() {
		return false, nil, nil
	}
	if err := ledger.Bury(t.Context()); err != nil {
		t.Fatal(err)
	}
	chain, j := chainOf(t, then), journal(t, shared)
	again = func() error {
		_, err := chain.Export(t.Context(), call(secrets[1]), keys, pipeline.WithJournal(j))
		return err
	}
	return true, again(), again
}

func TestACallThatIsMadeAgainSendsTheSameBytes(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 3<<16) // 3 MiB
	for name, files := range map[string][]pipeline.Content{
		"texts alone":                         nil,
		"a document":                          {document{stream{large, "document 7", -1}}},
		"a stream that does not say what":     {stream{large, "", int64(len(large))}},
		"a file in memory":                    {pipeline.Bytes(large)},
		"what is made of a file in memory":    {summed{stream{large, "", int64(len(large))}}},
		"a small one, an empty one, a stream": {pipeline.Bytes("small"), stream{}, stream{"x", "", 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 2; ; at++ {
				for _, done := range []bool{false, true} {
					e := newBodyERP(t)
					died, err := resumed(
						t,
						at,
						done,
						[2]string{"old secret", "old secret"},
						sendsForm(e.URL, "noon", files...),
						sendsForm(e.URL, "noon", files...),
					)
					if !died {
						return
					}
					got, torn := e.seen()
					if err != nil && !errors.Is(err, pipeline.ErrStale) || len(got) == 0 || torn > 1 {
						t.Errorf("write %d, done %v: %v, %d calls, %d without their end", at, done, err, len(got), torn)
					}
					for _, one := range got[min(1, len(got)):] {
						if key, _, _ := strings.Cut(one, " "); one != got[0] && strings.HasPrefix(got[0], key) { // another run has another key
							t.Errorf("write %d, done %v: sent %s, and then %s", at, done, got[0], one)
						}
					}
				}
			}
		})
	}
}

// summed is a content that is made while it is sent, of something in memory.
type summed struct{ stream }

func (s summed) Sum() []byte {
	sum := sha256.Sum256([]byte(s.data))
	return sum[:]
}

func TestAKeyIsNotUsedAgainForOtherBytes(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 3<<16)
	other := large[:len(large)-1] + "X"
	called := func(data, name string) pipeline.Content { return document{stream{data, name, -1}} }
	for _, tt := range []struct {
		name        string
		first, then pipeline.Content
		want        string
	}{
		{"another document", called(large, "document 7"), called(large, "document 8"), "it is document 8 now, and was document 7"},
		{"a document that has changed", called(large, "document 7"), called(other, "document 7"), "document 7 has 3145728 bytes with the SHA-256"},
		{"a file that has changed", pipeline.Bytes(large), pipeline.Bytes(other), "a file in it has other bytes now than the 3145728 that it had"},
		{"what is made of a file that has changed", summed{stream{large, "", 3 << 20}}, summed{stream{other, "", 3 << 20}},
			"a file in it has other bytes now than the 3145728 that it had"},
		{"a secret that has changed", pipeline.Bytes("small"), pipeline.Bytes("small"), ""},
		{"a stream that has changed", stream{large, "", -1}, stream{other, "", -1}, "a file in it has 3145728 bytes with the SHA-256"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newBodyERP(t)
			at := 3 // claim, call, what its streams held, reply
			switch tt.first.(type) {
			case pipeline.Bytes, summed: // which are known before they are sent
			default:
				at++
			}
			shared := pipeline.MemoryLedger()
			died, err, again := resumedOn(
				t,
				shared,
				at,
				false,
				[2]string{"old secret", "new secret"},
				sendsForm(e.URL, "noon", tt.first),
				sendsForm(e.URL, "noon", tt.then),
			)
			got, _ := e.seen()
			if tt.want == "" {
				if err != nil || len(got) != 2 {
					t.Errorf("got %v and %d calls", err, len(got))
				}
				return
			}
			if !died || err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, pipeline.ErrMaybeSent) || len(got) != 1 {
				t.Fatalf("got %v and %d whole calls, want 1 and %s", err, len(got), tt.want)
			}
			// It is sent once somebody has said that it is not there.
			j := journal(t, shared)
			for p, err := range j.Pending(t.Context(), pipeline.RunQuery{}) {
				if err := errors.Join(err, j.Settle(t.Context(), p.Run.ID, p.Call, pipeline.Verdict{By: "ann"})); err != nil {
					t.Fatal(err)
				}
			}
			if err := again(); err != nil {
				t.Error(err)
			}
			if got, _ := e.seen(); len(got) != 2 {
				t.Errorf("%d calls after the verdict, want 2", len(got))
			}
		})
	}
}

// forgetful is a ledger that notes announcements once, and nothing that follows them.
type forgetful struct {
	pipeline.Ledger
	mu    sync.Mutex
	calls int
}

func (f *forgetful) Append(ctx context.Context, l pipeline.Lease, records ...pipeline.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range records {
		if r.Kind == "call" {
			f.calls++
		}
	}
	if f.calls > 1 {
		return errors.New("no space left on device")
	}
	return f.Ledger.Append(ctx, l, records...)
}

func TestTheEndOfAStreamDoesNotLeaveBeforeItIsNoted(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{-1, 1 << 20} {
		e := newBodyERP(t)
		ledger := &forgetful{Ledger: pipeline.MemoryLedger()}
		_, err := chainOf(t, sendsForm(e.URL, "noon", stream{string(bytes.Repeat([]byte{'x'}, 1<<20)), "", size})).
			Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(journal(t, ledger)))
		if got, _ := e.seen(); !errors.Is(err, pipeline.ErrNotNoted) || !errors.Is(err, pipeline.ErrNotSent) || len(got) > 0 {
			t.Errorf("got %v and %d whole calls", err, len(got))
		}
	}
}

// With its length known, a body is whole for the other side when its last byte has come.
func TestAStreamThatHasChangedIsBrokenOffBeforeItsEnd(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 3<<16)
	for _, size := range []int64{-1, int64(len(large))} {
		e := newBodyERP(t)
		sends := func(data string) pipeline.Step {
			return pipeline.Named("upload", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
				_, err := send.Do(ctx, x, &send.Call{Name: "request", Method: http.MethodPost, URL: e.URL, Body: stream{data, "", size}})
				return err
			}))
		}
		died, err := resumed(t, 4, false, [2]string{}, sends(large), sends(large[:len(large)-1]+"X"))
		if got, _ := e.seen(); !died || !errors.Is(err, pipeline.ErrMaybeSent) || len(got) != 1 {
			t.Errorf("size %d: died %v, got %v and %d whole calls, want 1", size, died, err, len(got))
		}
	}
}
