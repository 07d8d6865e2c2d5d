package pipeline_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// slowERP answers after a second, and knows how many calls there were at once.
type slowERP struct {
	mu        sync.Mutex
	now, most int
	refuse    int // so many calls, with Retry-After
}

func (e *slowERP) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	e.mu.Lock()
	e.now++
	e.most = max(e.most, e.now)
	e.mu.Unlock()
	time.Sleep(time.Second)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now--
	resp := &http.Response{StatusCode: 201, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}
	if e.refuse > 0 {
		e.refuse--
		resp.StatusCode = http.StatusTooManyRequests
		resp.Header.Set("Retry-After", "20")
	}
	return resp, nil
}

// posting posts to an address, and then reads a list of Rossum's.
func posting(address string) pipeline.Step {
	return pipeline.Named("post", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		_, err := send.Do(ctx, x, &send.Call{Name: "c", Method: "POST", URL: address, Body: pipeline.Bytes("{}"), Retry: send.RetryIfRefused})
		return err
	}))
}

func export(t *testing.T, address string, options ...pipeline.Option) (*pipeline.Report, error) {
	t.Helper()
	chain, err := pipeline.New(posting(address))
	if err != nil {
		t.Fatal(err)
	}
	var report *pipeline.Report
	options = append(options, pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	_, err = chain.Export(t.Context(), rossumtest.Annotation(rossumtest.Offline()).Payload(), options...)
	return report, err
}

func TestExportsOfAProcessShareTheLimitsOfASystem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		erp, other := &slowERP{}, &slowERP{}
		l := pipeline.WithLimiter(pipeline.NewLimiter(pipeline.LimitPerHost(pipeline.Limit{AtOnce: 2}, nil)))
		var all sync.WaitGroup
		var mu sync.Mutex
		var waited, called time.Duration
		started := time.Now()
		for range 6 {
			all.Go(func() {
				r, err := export(t, "https://erp.example/invoices", l, pipeline.WithHTTPClient(&http.Client{Transport: erp}))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				waited += time.Duration(r.Steps[0].Waited)
				called += time.Duration(r.Steps[0].Calls[0].Waited)
			})
		}
		synctest.Wait()
		if _, err := export(t, "https://other.example/", l, pipeline.WithHTTPClient(&http.Client{Transport: other})); err != nil ||
			time.Since(started) != time.Second {
			t.Errorf("another system: %v after %v", err, time.Since(started))
		}
		all.Wait()
		if erp.most != 2 || time.Since(started) != 3*time.Second || waited != 6*time.Second || called != waited {
			t.Errorf("%d at once, all took %v, the report has %v and %v", erp.most, time.Since(started), waited, called)
		}
	})
}

func TestARefusalOfOneExportHoldsTheOthersBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		erp := &slowERP{refuse: 1}
		options := []pipeline.Option{
			pipeline.WithLimiter(pipeline.NewLimiter(pipeline.LimitPerHost(pipeline.Limit{PerSecond: 1}, nil))),
			pipeline.WithHTTPClient(&http.Client{Transport: erp}),
		}
		started := time.Now()
		if r, err := export(t, "https://erp.example", options...); err != nil || r.Steps[0].Calls[0].Status != 201 ||
			time.Since(started) != 22*time.Second {
			t.Errorf("%v after %v: %+v", err, time.Since(started), r.Steps[0].Calls)
		}
		erp.refuse = 1
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := export(t, "https://erp.example", options...); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(5 * time.Second)
		started = time.Now()
		if r, err := export(t, "https://erp.example", options...); err != nil || r.Steps[0].Waited == 0 || time.Since(started) < 17*time.Second {
			t.Errorf("%v after %v", err, time.Since(started))
		}
		all.Wait()
	})
}

// Nothing is announced of a call that has not got its turn, so that it is not open when the
// run ends.
func TestACallThatDoesNotGetItsTurnInTimeWasNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		erp := &slowERP{}
		ledger := pipeline.MemoryLedger()
		journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{Owner: "one"})
		if err != nil {
			t.Fatal(err)
		}
		options := []pipeline.Option{
			pipeline.WithLimiter(pipeline.NewLimiter(pipeline.LimitPerHost(pipeline.Limit{PerSecond: 0.01}, nil))),
			pipeline.WithHTTPClient(&http.Client{Transport: erp}), pipeline.WithTimeout(30 * time.Second),
		}
		if _, err := export(t, "https://erp.example", options...); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		_, err = export(t, "https://erp.example", append(options, pipeline.WithJournal(journal))...)
		if !errors.Is(err, pipeline.ErrNotSent) || errors.Is(err, pipeline.ErrMaybeSent) || time.Since(started) != 0 {
			t.Errorf("%v after %v", err, time.Since(started))
		}
		if !strings.Contains(err.Error(), "step post") || !strings.Contains(err.Error(), "the limit of calls to https://erp.example") {
			t.Errorf("%v", err)
		}
		for p, err := range journal.Pending(t.Context(), pipeline.RunQuery{}) {
			t.Errorf("pending: %+v %v", p, err)
		}
	})
}

func TestARuleMayGiveEachOrganisationLimitsOfItsOwn(t *testing.T) {
	t.Parallel()
	limits := map[string]pipeline.Limit{"HTTPS://Slow.example:443": {AtOnce: 1}}
	host, tenant := pipeline.LimitPerHost(pipeline.Limit{AtOnce: 9}, limits), pipeline.LimitPerTenant(pipeline.Limit{AtOnce: 9}, limits)
	for _, tt := range []struct {
		rule   pipeline.LimitRule
		target pipeline.CallTarget
		key    string
		limit  pipeline.Limit
	}{
		{host, pipeline.CallTarget{Organization: "a", Origin: "https://erp.example"}, "https://erp.example", pipeline.Limit{AtOnce: 9}},
		{host, pipeline.CallTarget{Organization: "b", Origin: "https://slow.example"}, "https://slow.example", pipeline.Limit{AtOnce: 1}},
		{tenant, pipeline.CallTarget{Organization: "a", Origin: "https://erp.example"}, "a https://erp.example", pipeline.Limit{AtOnce: 9}},
		{tenant, pipeline.CallTarget{Organization: "b", Origin: "https://slow.example"}, "b https://slow.example", pipeline.Limit{AtOnce: 1}},
		{tenant, pipeline.CallTarget{Organization: "b", Origin: "https://b.rossum.app", Rossum: true}, "rossum https://b.rossum.app", pipeline.RossumLimit()},
		{nil, pipeline.CallTarget{Origin: "https://b.rossum.app", Rossum: true}, "rossum https://b.rossum.app", pipeline.RossumLimit()},
		{nil, pipeline.CallTarget{Origin: "https://erp.example"}, "", pipeline.Limit{}},
	} {
		if key, l := tt.rule.Of(tt.target); key != tt.key || l != tt.limit {
			t.Errorf("%+v: %q %+v, want %q", tt.target, key, l, tt.key)
		}
	}
}
