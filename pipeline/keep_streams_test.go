package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// pipe is a body that can be read a single time.
type pipe struct {
	io.Reader
	open *atomic.Int64
}

func (p pipe) Close() error {
	p.open.Add(-1)
	return nil
}

// TestWhatAResumedRunDoesWithEachKindOfBody kills the process at each write to the ledger.
// The ledger has no stream: the step makes it again, and its sum is compared.
func TestWhatAResumedRunDoesWithEachKindOfBody(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 2<<16) // 2 MiB
	var open atomic.Int64                              // bodies of requests
	byCall := func(body pipeline.Content) func(context.Context, *pipeline.Export, string) error {
		return func(ctx context.Context, x *pipeline.Export, url string) error {
			_, err := send.Do(ctx, x, &send.Call{Name: "request", Method: http.MethodPost, URL: url, Body: body})
			return err
		}
	}
	byClient := func(body func() io.Reader) func(context.Context, *pipeline.Export, string) error {
		return func(ctx context.Context, x *pipeline.Export, url string) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body())
			if err != nil {
				return err
			}
			got, err := send.Client(x).Do(r)
			if err == nil {
				err = got.Body.Close()
			}
			return err
		}
	}
	once := func(data string) func() io.Reader {
		return func() io.Reader {
			open.Add(1)
			return pipe{strings.NewReader(data), &open}
		}
	}
	for name, post := range map[string]func(context.Context, *pipeline.Export, string) error{
		"call, in memory":                   byCall(pipeline.Bytes("small")),
		"call, in memory, too much to keep": byCall(pipeline.Bytes(large)),
		"call, a document with a name":      byCall(document{stream{large, "document 7", int64(len(large))}}),
		"call, a stream of unknown length":  byCall(stream{large, "", -1}),
		"client, small, read once":          byClient(once("small")),
		"client, large, read once":          byClient(once(large)),
		"client, large, made again":         byClient(func() io.Reader { return bytes.NewReader([]byte(large)) }),
		"client, no body":                   byClient(func() io.Reader { return http.NoBody }),
	} {
		for _, keyed := range []bool{false, true} {
			killEachWrite(t, name, keyed, post)
		}
	}
	if n := open.Load(); n != 0 {
		t.Errorf("%d bodies of requests were not closed", n)
	}
}

func ended(t *testing.T, l pipeline.Ledger) (all bool) {
	t.Helper()
	for info, err := range l.Find(t.Context(), pipeline.RunQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = info.State == pipeline.RunEnded
	}
	return all
}

func killEachWrite(t *testing.T, name string, keyed bool, post func(context.Context, *pipeline.Export, string) error) {
	t.Helper()
	deaths, repeats := 0, 0
	for at := 2; ; at++ {
		for _, done := range []bool{false, true} {
			e, shared := newBodyERP(t), pipeline.MemoryLedger()
			step := pipeline.Named("post", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
				return post(ctx, x, e.URL)
			}))
			ledger, ctx := mortal.New(t.Context(), shared, at, done)
			export := func(ctx context.Context, l pipeline.Ledger) error {
				options := []pipeline.Option{pipeline.WithJournal(journal(t, l))}
				if keyed {
					options = append(options, pipeline.WithIdempotency(pipeline.Idempotency{}))
				}
				_, err := chainOf(t, step).Export(ctx, keepCall().Payload(), options...)
				return err
			}
			if _ = export(ctx, ledger); !ledger.Dead() {
				if deaths < 3 || keyed && repeats == 0 {
					t.Errorf("%s, key %v: %d deaths, %d calls made again: this can't fail", name, keyed, deaths, repeats)
				}
				return
			}
			deaths++
			if err := ledger.Bury(t.Context()); err != nil {
				t.Fatal(err)
			}
			if ended(t, shared) {
				continue // the next export is another run
			}
			err := export(t.Context(), shared)
			got, _ := e.seen()
			switch {
			case keyed && len(got) == 2 && got[0] == got[1] && err == nil:
				repeats++ // the ERP knows the key, and the bytes are the same
			case len(got) == 1 && (err == nil || errors.Is(err, pipeline.ErrUnsettled) && !keyed || errors.Is(err, pipeline.ErrStale)):
			case len(got) == 0 && errors.Is(err, pipeline.ErrUnsettled) && !keyed:
			default:
				t.Errorf("%s, key %v, write %d, done %v: %d calls, %v: %v", name, keyed, at, done, len(got), got, err)
			}
		}
	}
}
