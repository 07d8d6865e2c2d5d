package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// countingERP acts on calls, once for each idempotency key if it honours them.
type countingERP struct {
	honours bool

	mu   sync.Mutex
	acts map[string]int // by path
	keys map[string]bool
}

func newCountingERP(honours bool) *countingERP {
	return &countingERP{honours: honours, acts: make(map[string]int), keys: make(map[string]bool)}
}

func (e *countingERP) post(path, key string) *pipeline.Reply {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.honours || key == "" || !e.keys[path+key] {
		e.acts[path]++
		e.keys[path+key] = true
	}
	return &pipeline.Reply{
		Status: http.StatusCreated,
		Header: http.Header{"Location": {path + "/7"}},
		Body:   []byte(`{"id":"` + path + `-7"}`),
	}
}

// most is the highest number of acts for one path.
func (e *countingERP) most() (most int, all string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for path, n := range e.acts {
		most = max(most, n)
		all += fmt.Sprintf(" %s:%d", path, n)
	}
	return most, all
}

// posts is a step that makes a call and keeps a part of its answer in a field.
func posts(e *countingERP, path, field string) pipeline.Step {
	return pipeline.Named("post "+path, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		answer, err := x.Once(
			ctx,
			pipeline.Act{Call: "request", What: "POST https://erp.example" + path},
			func(_ context.Context, a pipeline.Attempt) (*pipeline.Reply, error) {
				return e.post(path, a.Key), nil
			},
		)
		if err != nil {
			return err
		}
		if err := x.Files.Put(ctx, pipeline.File{Key: path, Data: answer.Body}); err != nil {
			return err
		}
		return x.Set(field, fmt.Sprintf("%d %s", answer.Status, answer.Body))
	}))
}

// reads is a step that needs what an earlier one has left.
func reads(key, field string) pipeline.Step {
	return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		f, err := x.Files.Get(ctx, key)
		if err != nil {
			return err
		}
		x.Info("read %s", f.Data)
		return x.Set(field, string(f.Data))
	})
}

func keepCall() *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Offline(),
		rossumtest.Field("a", ""),
		rossumtest.Field("b", ""),
		rossumtest.Field("c", ""),
		rossumtest.Field("d", ""),
		rossumtest.Field("e", ""),
		rossumtest.Field("f", ""),
	)
}

func crashChain(t *testing.T, e *countingERP) *pipeline.Chain {
	t.Helper()
	branch, err := pipeline.New(posts(e, "/left", "c"), reads("/left", "d"), posts(e, "/left2", "d"))
	if err != nil {
		t.Fatal(err)
	}
	nested, err := pipeline.New(posts(e, "/nested", "b"), reads("/nested", "f"))
	if err != nil {
		t.Fatal(err)
	}
	return chainOf(
		t,
		posts(e, "/first", "a"),
		nested,
		pipeline.Parallel(pipeline.Named("left", branch), posts(e, "/right", "e")),
		reads("/left2", "a"),
		pipeline.Finally(posts(e, "/notify", "f")),
	)
}

func journal(t *testing.T, l pipeline.Ledger) *pipeline.Journal {
	t.Helper()
	j, err := pipeline.NewJournal(
		l,
		pipeline.JournalOptions{Key: pipeline.SealKey{ID: "1", Secret: []byte(strings.Repeat("k", 32))}, Owner: "test", Lease: 30 * time.Second},
	)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestARunThatIsKilledAtAnyWriteGoesOn kills a process at each of its writes to the
// ledger, before and after, and has another one go on.
func TestARunThatIsKilledAtAnyWriteGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain := newCountingERP(false)
		undisturbed, err := crashChain(t, plain).Export(t.Context(), keepCall().Payload())
		if err != nil {
			t.Fatal(err)
		}
		for _, honours := range []bool{false, true} {
			for _, after := range []bool{false, true} {
				for at := 1; ; at++ {
					name := fmt.Sprintf("write %d, done %v, with a key %v", at, after, honours)
					shared := pipeline.MemoryLedger()
					first, ctx := mortal.New(t.Context(), shared, at, after)
					erp := newCountingERP(honours)
					chain := crashChain(t, erp)
					options := []pipeline.Option{}
					if honours {
						options = append(options, pipeline.WithIdempotency(pipeline.Idempotency{}))
					}
					_, _ = chain.Export(ctx, keepCall().Payload(), append(options, pipeline.WithJournal(journal(t, first)))...)
					if !first.Dead() {
						break // it had fewer writes
					}
					time.Sleep(31 * time.Second) // the lease ends
					kept, err := chain.Keep(
						t.Context(),
						keepCall().Payload(),
						pipeline.KeepOptions{},
						append(options, pipeline.WithJournal(journal(t, shared)))...)
					answer := kept.Response
					most, all := erp.most()
					switch {
					case most > 1:
						t.Errorf("%s: acts%s", name, all)
					case errors.Is(err, pipeline.ErrStale): // it had ended
					case errors.Is(err, pipeline.ErrMaybeSent) && honours:
						t.Errorf("%s: %v", name, err)
					case errors.Is(err, pipeline.ErrMaybeSent):
						if !answer.Failed() || !strings.Contains(texts(answer.Messages), "POST https://erp.example/") {
							t.Errorf("%s: %+v", name, answer)
						}
					case err != nil:
						t.Errorf("%s: %v", name, err)
					case texts(answer.Operations) != texts(undisturbed.Operations) || texts(answer.Messages) != texts(undisturbed.Messages):
						t.Errorf(
							"%s: got\n%s %s, want\n%s %s",
							name,
							texts(answer.Messages),
							texts(answer.Operations),
							texts(undisturbed.Messages),
							texts(undisturbed.Operations),
						)
					}
				}
			}
		}
	})
}

func TestAPersonsVerdictHasTheRunGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, there := range []bool{true, false} {
			shared := pipeline.MemoryLedger()
			erp := newCountingERP(false)
			chain := chainOf(t, posts(erp, "/first", "a"), posts(erp, "/second", "b"))
			// Writes: claim, call, reply.
			first, ctx := mortal.New(t.Context(), shared, 3, false)
			_, _ = chain.Export(ctx, keepCall().Payload(), pipeline.WithJournal(journal(t, first)))
			time.Sleep(31 * time.Second)
			j := journal(t, shared)
			for range 2 { // it waits for as long as nobody says anything
				if _, err := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(j)); !errors.Is(err, pipeline.ErrMaybeSent) {
					t.Fatal(err)
				}
			}
			n := 0
			for p, err := range j.Pending(t.Context(), pipeline.RunQuery{}) {
				if err != nil || p.What != "POST https://erp.example/first" || p.Step != "post /first" {
					t.Fatalf("%+v, %v", p, err)
				}
				n++
				if err := j.Settle(t.Context(), p.Run.ID, p.Call, pipeline.Verdict{There: there, Status: 201, Body: []byte("seen")}); err != nil {
					t.Fatal(err)
				}
			}
			answer, err := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(j))
			if err != nil || n != 1 {
				t.Fatalf("%d calls are pending, then %v", n, err)
			}
			if got := strings.Contains(texts(answer.Operations), "201 seen"); got != there || erp.acts["/second"] != 1 {
				t.Errorf("there %v: %s, %v", there, texts(answer.Operations), erp.acts)
			}
			if want := map[bool]int{true: 1, false: 2}[there]; erp.acts["/first"] != want { // the ERP had acted in either case
				t.Errorf("there %v: %v", there, erp.acts)
			}
		}
	})
}

// lostAnswer runs a chain in a process that dies with the answer to its first call.
func lostAnswer(t *testing.T, chain *pipeline.Chain, call *rossumtest.Call, options ...pipeline.Option) pipeline.Ledger {
	t.Helper()
	ledger := pipeline.MemoryLedger()
	dying, ctx := mortal.New(t.Context(), ledger, 3, false) // claim, call, reply
	_, _ = chain.Export(ctx, call.Payload(), append(options, pipeline.WithJournal(journal(t, dying)))...)
	if err := dying.Bury(t.Context()); err != nil || !dying.Dead() {
		t.Fatal(err, dying.Dead())
	}
	return ledger
}

func TestAProbeDecidesAboutACallWhoseAnswerWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			answer *pipeline.Reply
			there  bool
			err    error
			acts   int
			want   string
		}{
			"it is there":     {&pipeline.Reply{Status: 201, Body: []byte("found")}, true, nil, 1, "201 found"},
			"it is not there": {nil, false, nil, 2, `201 {\"id\":\"/first-7\"}`},
			"nobody can say":  {nil, false, errors.New("the ERP is closed"), 1, ""},
		} {
			erp := newCountingERP(false)
			asked := 0
			chain := chainOf(t, posts(erp, "/first", "a"))
			probe := pipeline.WithProbe(
				"post /first",
				time.Minute,
				func(_ context.Context, _ *pipeline.Export, q pipeline.Question) (*pipeline.Reply, bool, error) {
					if asked++; q.What != "POST https://erp.example/first" || time.Since(q.Started) < time.Minute {
						t.Errorf("%s: asked %+v after %v", name, q, time.Since(q.Started))
					}
					return tt.answer, tt.there, tt.err
				},
			)
			ledger := lostAnswer(t, chain, keepCall())
			answer, err := chain.Export(t.Context(), keepCall().Payload(), probe, pipeline.WithJournal(journal(t, ledger)))
			if errors.Is(err, pipeline.ErrMaybeSent) != (tt.err != nil) || !strings.Contains(texts(answer.Operations), tt.want) ||
				erp.acts["/first"] != tt.acts ||
				asked != 1 {
				t.Errorf("%s: %v, %s, %v, asked %d times", name, err, texts(answer.Operations), erp.acts, asked)
			}
		}
	})
}

// TestAVerdictCountsWhereNothingElseCanSay: the probe of the program or of the step fails,
// or may not be asked before the run must end.
func TestAVerdictCountsWhereNothingElseCanSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := errors.New("the ERP is closed")
		fails := func(context.Context, *pipeline.Export, pipeline.Question) (*pipeline.Reply, bool, error) {
			return nil, false, closed
		}
		for name, tt := range map[string]struct {
			own     error // of the step's own probe
			options []pipeline.Option
		}{
			"the program's probe fails":      {nil, []pipeline.Option{pipeline.WithProbe("post", 0, fails)}},
			"it cannot be asked yet":         {nil, []pipeline.Option{pipeline.WithProbe("post", time.Hour, fails), pipeline.WithTimeout(time.Minute)}},
			"the step's own probe fails":     {closed, nil},
			"nobody is asked but the person": {nil, nil},
		} {
			for _, there := range []bool{true, false} {
				acts := 0
				chain := chainOf(t, pipeline.Named("post", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
					act := pipeline.Act{Call: "request", What: "POST https://erp.example/first"}
					if tt.own != nil {
						act.Probe = func(context.Context) (*pipeline.Reply, error) { return nil, tt.own }
					}
					answer, err := x.Once(ctx, act, func(context.Context, pipeline.Attempt) (*pipeline.Reply, error) {
						acts++
						return &pipeline.Reply{Status: 201, Body: []byte("made")}, nil
					})
					if err != nil {
						return err
					}
					return x.Set("a", string(answer.Body))
				})))
				j := journal(t, lostAnswer(t, chain, keepCall()))
				if _, err := chain.Export(t.Context(), keepCall().Payload(), append(tt.options, pipeline.WithJournal(j))...); !errors.Is(
					err,
					pipeline.ErrMaybeSent,
				) {
					t.Errorf("%s: without a verdict: %v", name, err)
				}
				for p, err := range j.Pending(t.Context(), pipeline.RunQuery{}) {
					if err := errors.Join(err, j.Settle(t.Context(), p.Run.ID, p.Call, pipeline.Verdict{There: there, Status: 201, Body: []byte("seen")})); err != nil {
						t.Fatal(err)
					}
				}
				answer, err := chain.Export(t.Context(), keepCall().Payload(), append(tt.options, pipeline.WithJournal(j))...)
				want, made := map[bool]string{true: "seen", false: "made"}[there], map[bool]int{true: 1, false: 2}[there]
				if err != nil || !strings.Contains(texts(answer.Operations), want) || acts != made {
					t.Errorf("%s, there %v: %v, %s, %d acts", name, there, err, texts(answer.Operations), acts)
				}
			}
		}
	})
}

func TestARunWithOtherContentKnowsWhatTheEarlierOneHadSent(t *testing.T) {
	t.Parallel()
	changed := keepCall().With(rossumtest.Field("corrected", "yes"))
	for name, tt := range map[string]struct {
		at      int // write at which the first process dies
		options []pipeline.Option
		acts    int
		want    string
		fails   bool
	}{
		"the answer is known":              {4, nil, 2, "These calls were made: POST https://erp.example/first (answered 201, /first/7, id /first-7).", false},
		"and the program says stop":        {4, []pipeline.Option{pipeline.WithStopIfSent()}, 1, "does not export such an annotation anew", true},
		"nothing was sent":                 {2, []pipeline.Option{pipeline.WithStopIfSent()}, 1, "", false},
		"nobody knows whether it was sent": {3, nil, 1, "may have sent this already", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			erp := newCountingERP(false)
			chain := chainOf(t, posts(erp, "/first", "a"), posts(erp, "/second", "b"))
			ledger := pipeline.MemoryLedger()
			dying, ctx := mortal.New(t.Context(), ledger, tt.at, false)
			_, _ = chain.Export(ctx, keepCall().Payload(), pipeline.WithJournal(journal(t, dying)))
			if err := dying.Bury(t.Context()); err != nil {
				t.Fatal(err)
			}
			second := erp.acts["/second"]
			answer, _ := chain.Export(t.Context(), changed.Payload(), append(tt.options, pipeline.WithJournal(journal(t, ledger)))...)
			if answer.Failed() != tt.fails || erp.acts["/first"] != tt.acts || !strings.Contains(texts(answer.Messages), tt.want) {
				t.Errorf("%+v, %v (%d before)", answer, erp.acts, second)
			}
		})
	}
}

func TestADocumentInRossumIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	for at := 1; at <= 6; at++ {
		platform := rossumtest.NewServer()
		defer platform.Close()
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		options := []pipeline.Option{pipeline.WithStore(pipeline.InRossum()), pipeline.WithHTTPClient(&http.Client{Transport: transport})}
		chain := chainOf(t, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			return x.Files.Put(ctx, pipeline.File{Key: "k", Name: "k.txt", Data: []byte("one")})
		}), posts(newCountingERP(true), "/first", "a"))
		call := keepCall().With(rossumtest.On(platform))
		ledger := pipeline.MemoryLedger()
		dying, ctx := mortal.New(t.Context(), ledger, at, true)
		_, _ = chain.Export(ctx, call.Payload(), append(options, pipeline.WithJournal(journal(t, dying)))...)
		if err := dying.Bury(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := chain.Keep(t.Context(), call.Payload(), pipeline.KeepOptions{}, append(options, pipeline.WithJournal(journal(t, ledger)))...)
		if err != nil && !errors.Is(err, pipeline.ErrStale) && !errors.Is(err, pipeline.ErrMaybeSent) {
			t.Errorf("write %d: %v", at, err)
		}
		if got := platform.Artefacts(rossumtest.AnnotationID); at > 2 && string(got["k"]) != "one" {
			t.Errorf("write %d: %q", at, got)
		}
	}
}

func texts(v any) string {
	data, _ := json.Marshal(v)
	return string(data)
}

// TestAPanicOfTheProgramsOwnFunctionEndsTheRun: otherwise the run would stay with this
// process, and every later export of the annotation would wait for it.
func TestAPanicOfTheProgramsOwnFunctionEndsTheRun(t *testing.T) {
	t.Parallel()
	j := journal(t, pipeline.MemoryLedger())
	chain := chainOf(t, pipeline.ForHook(&rossum.Hook{ID: 7}, posts(newCountingERP(false), "/first", "a")))
	broken := true
	secrets := pipeline.WithSecrets(func(context.Context, *rossum.Hook) (rossum.Secrets, error) {
		if broken {
			panic("no vault")
		}
		return nil, nil
	})
	answer, err := chain.Export(t.Context(), keepCall().Payload(), secrets, pipeline.WithJournal(j))
	if !errors.Is(err, pipeline.ErrPanic) || !answer.Failed() ||
		!strings.HasSuffix(answer.Messages[0].Content, "no vault. No call that changes anything was made.") {
		t.Errorf("%v, %+v", err, answer)
	}
	broken = false
	if answer, err := chain.Export(t.Context(), keepCall().Payload(), secrets, pipeline.WithJournal(j)); err != nil ||
		len(answer.Operations) != 1 {
		t.Errorf("%v, %+v", err, answer)
	}
}

func TestWhatWasMadeNamesStatusPlaceAndID(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer *pipeline.Reply
		want   string
	}{
		"place and id":      {&pipeline.Reply{Status: 201, Header: http.Header{"Location": {"/bills/1"}}, Body: []byte(`{"id":7}`)}, "(answered 201, /bills/1, id 7)."},
		"the same id":       {&pipeline.Reply{Status: 201, Header: http.Header{"Location": {"/bills/7"}}, Body: []byte(`{"id":"7"}`)}, "(answered 201, /bills/7)."},
		"a long number":     {&pipeline.Reply{Status: 200, Body: []byte(`{"a":1,"ID":12345678901234567890}`)}, "(answered 200, id 12345678901234567890)."},
		"within":            {&pipeline.Reply{Status: 200, Body: []byte(`{"links":["x"],"bill":{"Id":"B 7"}}`)}, "(answered 200, id B 7)."},
		"no id":             {&pipeline.Reply{Status: 200, Body: []byte(`{"id":null,"bill":{"id":{}}}`)}, "(answered 200)."},
		"not JSON":          {&pipeline.Reply{Status: 422, Body: []byte(`id: 7`)}, "(answered 422)."},
		"what is no status": {&pipeline.Reply{Body: []byte(`[{"id":"x"}]`)}, "(answered, id x)."},
	} {
		chain := chainOf(t, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			_, err := x.Once(
				ctx,
				pipeline.Act{Call: "request", What: "POST https://erp.example/bills"},
				func(context.Context, pipeline.Attempt) (*pipeline.Reply, error) {
					return tt.answer, nil
				},
			)
			return errors.Join(err, errors.New("then it failed"))
		}))
		answer, err := chain.Export(t.Context(), keepCall().Payload())
		if err == nil || !strings.HasSuffix(answer.Messages[0].Content, "These calls were made: POST https://erp.example/bills "+tt.want) {
			t.Errorf("%s: %q, want its end to be %q", name, answer.Messages[0].Content, tt.want)
		}
	}
}

// TestWhatHasAProbeOfItsOwnIsNotRepeatedByAKey: a file carries no key, so that nobody
// could know the second one by it.
func TestWhatHasAProbeOfItsOwnIsNotRepeatedByAKey(t *testing.T) {
	t.Parallel()
	acts := 0
	chain := chainOf(t, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		act := pipeline.Act{Call: "file", What: "put a.csv", Probe: func(context.Context) (*pipeline.Reply, error) { return nil, nil }}
		_, err := x.Once(ctx, act, func(_ context.Context, a pipeline.Attempt) (*pipeline.Reply, error) {
			if acts++; a.Key != "" {
				t.Errorf("the key is %q", a.Key)
			}
			return &pipeline.Reply{}, nil
		})
		return err
	}))
	keys := pipeline.WithIdempotency(pipeline.Idempotency{})
	ledger := lostAnswer(t, chain, keepCall(), keys)
	if _, err := chain.Export(t.Context(), keepCall().Payload(), keys, pipeline.WithJournal(journal(t, ledger))); !errors.Is(
		err,
		pipeline.ErrUnsettled,
	) ||
		acts != 1 {
		t.Errorf("%v, %d acts", err, acts)
	}
}
