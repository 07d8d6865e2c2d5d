package requestprocessor_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// journey has everything that a run keeps: properties of all kinds, fields, iteration.
const journey = `{"stages":[
	{"get_content":[{"name":"d","source":"document_relation_content","query":{"key":{"$eq":"draft"}}},{"name":"e","source":"explicit","query":["{payload.document.content.@}",true,"{payload.annotation.nul}",{"a":[1.50,"x"]}]}],
	 "call_api":[{"name":"create","request":{"url":"API/create","method":"POST","content":"{property.d.content.@}"},"response_handlers":[
		{"target_type":"property","target_key":"created","value":{"response":{"$jmespath":"@"}}},` + "FIELD" + `]}]},
	{"evaluate":[{"name":"created","condition":{"field.remote_id.value":{"$exists":true,"$ne":""}}}],
	 "call_api":[{"name":"lines","request":{"url":"API/{property.created.body.id}/{item.sku.value}/{property.e[3].a[0]}","method":"POST","iterate_over":"field.lines","content":"{property.d.content.@}"},"response_handlers":[` + "STATUS" + `]},
		{"name":"submit","request":{"url":"API/submit/{field.remote_id.value}","method":"POST","content":"{property.e[0]}"},"response_handlers":[` + "STATUS" + `]}]}]}`

func journeySettings() string {
	return strings.NewReplacer(
		"FIELD", toField("remote_id", "response.body", "$jmespath", "id"), "STATUS", toField("note", "response", "$jmespath", "status_code"),
	).
		Replace(journey)
}

func journal(t *testing.T, l pipeline.Ledger) pipeline.Option {
	t.Helper()
	j, err := pipeline.NewJournal(l, pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.WithJournal(j)
}

func TestARunThatWasCutShortGoesOnAfterTheLastReply(t *testing.T) {
	t.Parallel()
	const all = "POST /create, POST /ERP-1/A/1.5, POST /ERP-1/B/1.5, POST /submit/ERP-1"
	newChain := func(a *api) *pipeline.Chain {
		chain, err := pipeline.New(draft("application/json", `{"a":1.50}`), step(t, a, journeySettings()))
		if err != nil {
			t.Fatal(err)
		}
		return chain
	}
	a := serve(t, nil)
	undisturbed := runStep(t, newChain(a), offline())
	if undisturbed.Err != nil || a.paths() != all {
		t.Fatalf("%v %s", undisturbed.Err, a.paths())
	}
	original := pipeline.WithOriginal(pipeline.Bytes("PDF bytes"))
	resumed := 0
	for n := 0; ; n++ {
		cut, done := n/2+1, n%2 == 1
		a := serve(t, nil)
		chain := newChain(a)
		ledger := pipeline.MemoryLedger()
		dying, ctx := mortal.New(t.Context(), ledger, cut, done)
		_, _ = chain.Export(ctx, offline().Payload(), client(t), original, journal(t, dying))
		if err := dying.Bury(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !dying.Dead() {
			break
		}
		before := len(a.requests())
		kept, err := chain.Keep(t.Context(), offline().Payload(), pipeline.KeepOptions{}, client(t), original, journal(t, ledger))
		paths := a.paths()
		switch {
		case errors.Is(err, pipeline.ErrStale): // it had ended
		case errors.Is(err, pipeline.ErrMaybeSent):
			if len(a.requests()) > before || !kept.Response.Failed() {
				t.Errorf("cut %d, done %v: sent again: %s", cut, done, paths)
			}
		case err != nil:
			t.Errorf("cut %d, done %v: %v", cut, done, err)
		case paths != all:
			t.Errorf("cut %d, done %v: %s", cut, done, paths)
		default:
			resumed++
			operations, _ := json.Marshal(kept.Response.Operations)
			if !strings.Contains(string(operations), "[201, 201, 201]") {
				t.Errorf("cut %d, done %v: %s", cut, done, operations)
			}
		}
		if strings.Count(paths, "/create") > 1 || strings.Count(paths, "/submit") > 1 {
			t.Errorf("cut %d, done %v: sent twice: %s", cut, done, paths)
		}
	}
	if resumed < 8 {
		t.Errorf("only %d runs went on", resumed)
	}
}

func TestARunThatWasCutShortAfterARedirectGoesOnWhereItPoints(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{307: "POST /a, POST /b", 303: "POST /a"} {
		a := serve(t, func(w http.ResponseWriter, s seen, n int) {
			if n == 1 {
				w.Header().Set("Location", "/b")
				w.Header().Set("Set-Cookie", "sid=s1")
				w.WriteHeader(status)
				return
			}
			answer(w, 201, "application/json", "{}")
		})
		chain, err := pipeline.New(step(t, a, `{"stages":[{"call_api":[{"request":{"url":"API/a","method":"POST"}}]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		ledger := pipeline.MemoryLedger()
		dying, ctx := mortal.New(t.Context(), ledger, 3, true) // claim, call, reply
		_, _ = chain.Export(ctx, offline().Payload(), client(t), journal(t, dying))
		if err := dying.Bury(t.Context()); err != nil || a.paths() != "POST /a" {
			t.Fatal(err, a.paths())
		}
		_, err = chain.Export(t.Context(), offline().Payload(), client(t), journal(t, ledger))
		if (err == nil) != (status == 307) || a.paths() != want {
			t.Errorf("status %d: %v, %s, want %s", status, err, a.paths(), want)
		}
		if all := a.requests(); err == nil && all[len(all)-1].header.Get("Cookie") != "sid=s1" {
			t.Errorf("the cookie of the redirect that was noted is not sent: %v", all)
		}
		if err != nil && !strings.Contains(err.Error(), "status 303 of a POST points to host ") {
			t.Error(err)
		}
	}
}

func TestACallThatMayHaveBeenSentIsNotSentAgainAndNothingFollows(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	s := step(
		t,
		a,
		`{"stages":[{"call_api":[{"name":"create","request":{"url":"API/create","method":"POST"},"response_handlers":[`+toField(
			"status",
			"response",
			"$jmespath",
			"status_code",
		)+`]},{"name":"next","request":{"url":"API/next","method":"POST"}}]}]}`,
	)
	chain, err := pipeline.New(s)
	if err != nil {
		t.Fatal(err)
	}
	ledger := pipeline.MemoryLedger()
	dying, ctx := mortal.New(t.Context(), ledger, 3, false) // claim, call, reply
	_, _ = chain.Export(ctx, offline().Payload(), client(t), journal(t, dying))
	if err := dying.Bury(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = chain.Export(t.Context(), offline().Payload(), client(t), journal(t, ledger))
	if !errors.Is(err, pipeline.ErrMaybeSent) || a.paths() != "POST /create" ||
		!strings.Contains(
			err.Error(),
			"step Request Processor, stages[0].call_api[0].request.url (create): POST "+a.URL+"/create (stages[0].call_api[0]), started ",
		) {
		t.Errorf("%v %s", err, a.paths())
	}
}

func TestALedgerThatTakesNothingKeepsTheCallFromBeingMade(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	dying, ctx := mortal.New(t.Context(), pipeline.MemoryLedger(), 2, false)
	s := step(t, a, `{"stages":[{"call_api":[{"request":{"url":"API/a","method":"POST"}},{"request":{"url":"API/b","method":"POST"}}]}]}`)
	if r := runStep(t, s, offline(), journal(t, dying)); !errors.Is(r.Err, pipeline.ErrNotNoted) || len(a.requests()) != 0 ||
		ctx.Err() == nil {
		t.Errorf("%v %s", r.Err, a.paths())
	}
}
