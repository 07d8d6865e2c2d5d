package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// erp answers at once, with what a small ERP would say.
type erp struct{}

// RoundTrip implements [http.RoundTripper].
func (erp) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body) // bytes
		_ = r.Body.Close()
	}
	body := `{"id":"` + strings.Repeat("7", 400) + `"}`
	return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// work is what is exported: so many calls of 2 kB, for a document of so many lines.
type work struct {
	calls, lines int
	chain        *pipeline.Chain
	call         *rossumtest.Call
	options      []pipeline.Option
}

func newWork(calls, lines int) (*work, error) {
	w := &work{calls: calls, lines: lines, options: []pipeline.Option{pipeline.WithHTTPClient(&http.Client{Transport: erp{}}), pipeline.WithLogger(nil)}}
	body := pipeline.Bytes(`{"invoice":"` + strings.Repeat("x", 2000) + `"}`)
	var steps []pipeline.Step
	for i := range calls {
		steps = append(steps, pipeline.Named(fmt.Sprintf("call %d", i), pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			_, err := send.Do(ctx, x, &send.Call{Name: "call", Method: http.MethodPost, URL: "https://erp.example/invoices", Body: body})
			return err
		})))
	}
	parts := []rossumtest.Part{rossumtest.Offline(), rossumtest.Field("document_id", "2026-0042"), rossumtest.Field("amount_total", "12.50")}
	var rows []rossumtest.TableRow
	for i := range lines {
		rows = append(rows, rossumtest.Row("item_description", fmt.Sprintf("Paper %d", i), "item_quantity", "2", "item_amount", "12.50", "item_code", "PPR"))
	}
	w.call = rossumtest.Annotation(append(parts, rossumtest.Table("line_items", rows...))...)
	var err error
	w.chain, err = pipeline.New(steps...)
	return w, err
}

var annotations atomic.Int64

func init() { annotations.Store(rand.Int64N(1 << 50)) }

// export exports one annotation.
func (w *work) export(ctx context.Context, j *pipeline.Journal) (time.Duration, error) {
	p := w.call.Payload()
	p.Annotation.ID = annotations.Add(1)
	began := time.Now()
	k, err := w.chain.Keep(ctx, p, pipeline.KeepOptions{}, append(w.options[:len(w.options):len(w.options)], pipeline.WithJournal(j))...)
	took := time.Since(began)
	if err == nil && k.Response.Failed() {
		err = fmt.Errorf("an export failed: %+v", k.Response.Messages)
	}
	return took, err
}

// load exports for a time, so many at once, and returns how long each took, in order.
func (w *work) load(ctx context.Context, j *pipeline.Journal, atOnce int, each time.Duration) ([]time.Duration, float64, error) {
	var mu sync.Mutex
	var took []time.Duration
	var fault error
	var all sync.WaitGroup
	began := time.Now()
	for range atOnce {
		all.Go(func() {
			for time.Since(began) < each {
				d, err := w.export(ctx, j)
				mu.Lock()
				if err != nil {
					fault = err
					mu.Unlock()
					return
				}
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	seconds := time.Since(began).Seconds()
	slices.Sort(took)
	return took, float64(len(took)) / seconds, fault
}

func journalOn(l pipeline.Ledger) (*pipeline.Journal, error) {
	return pipeline.NewJournal(l, pipeline.JournalOptions{Key: pipeline.SealKey{ID: "1", Secret: []byte("32 bytes that seal what is noted.")}})
}
