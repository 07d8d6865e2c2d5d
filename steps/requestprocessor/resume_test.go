package requestprocessor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
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
	return strings.NewReplacer("FIELD", toField("remote_id", "response.body", "$jmespath", "id"), "STATUS", toField("note", "response", "$jmespath", "status_code")).Replace(journey)
}

func TestARunThatWasCutShortGoesOnBehindTheLastReply(t *testing.T) {
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
	crash := errors.New("crash")
	resumed := 0
	for cut := 2; cut <= 10; cut++ {
		a := serve(t, nil)
		chain := newChain(a)
		call := offline()
		var last []byte
		n := 0
		_, err := chain.Export(t.Context(), call.Payload(), client(t), pipeline.WithOriginal(pipeline.Bytes("PDF bytes")), pipeline.WithCheckpoint(func(_ context.Context, x *pipeline.Export) error {
			if n++; n > cut {
				return crash // the process has ended here
			}
			data, err := x.Snapshot()
			last = data
			return err
		}))
		if !errors.Is(err, crash) && n > cut {
			t.Fatalf("cut %d: %v", cut, err)
		}
		if strings.Contains(string(last), "canary") {
			t.Errorf("cut %d: a secret is in the snapshot", cut)
		}
		before := len(a.requests())
		x, err := pipeline.Restore(call.Payload(), last, client(t), pipeline.WithOriginal(pipeline.Bytes("PDF bytes")))
		if err != nil {
			t.Fatal(err)
		}
		response, err := chain.Resume(t.Context(), x)
		paths := a.paths()
		switch {
		case errors.Is(err, pipeline.ErrMaybeSent):
			// The last snapshot was taken as a call began: it may have been made.
			if len(a.requests()) > before || !response.Failed() {
				t.Errorf("cut %d: sent again: %s", cut, paths)
			}
		case err != nil:
			t.Errorf("cut %d: %v", cut, err)
		case paths != all:
			t.Errorf("cut %d: %s", cut, paths)
		default:
			resumed++
			if got, _ := x.Field("note"); got.Value() != "[201, 201, 201]" {
				t.Errorf("cut %d: note is %q", cut, got.Value())
			}
		}
		if strings.Count(paths, "/create") > 1 || strings.Count(paths, "/submit") > 1 {
			t.Errorf("cut %d: sent twice: %s", cut, paths)
		}
	}
	if resumed < 4 {
		t.Errorf("only %d runs went on", resumed)
	}
}

func TestACallThatMayHaveBeenSentIsNotSentAgainAndNothingFollows(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	s := step(t, a, `{"stages":[{"call_api":[{"name":"create","request":{"url":"API/create","method":"POST"},"response_handlers":[`+toField("status", "response", "$jmespath", "status_code")+`]},{"name":"next","request":{"url":"API/next","method":"POST"}}]}]}`)
	chain, err := pipeline.New(s)
	if err != nil {
		t.Fatal(err)
	}
	call := offline(rossumtest.Field("x", ""))
	var first []byte
	if _, err := chain.Export(t.Context(), call.Payload(), client(t), pipeline.WithCheckpoint(func(_ context.Context, x *pipeline.Export) (err error) {
		if first == nil {
			first, err = x.Snapshot()
		}
		return err
	})); err != nil {
		t.Fatal(err)
	}
	x, err := pipeline.Restore(call.Payload(), first, client(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = chain.Resume(t.Context(), x)
	if !errors.Is(err, pipeline.ErrMaybeSent) || a.paths() != "POST /create, POST /next" || !strings.Contains(err.Error(), "step Request Processor, stages[0].call_api[0].request.url (create): POST "+a.URL+"/create (stages[0].call_api[0]), begun ") {
		t.Errorf("%v %s", err, a.paths())
	}
}

func TestAGETMayBeMadeAgain(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	var sent []pipeline.Sending
	r := run(t, a, offline(), `{"stages":[{"call_api":[{"request":{"url":"API/a","method":"GET"}},{"request":{"url":"API/b","method":"POST"}}]}]}`, pipeline.WithCheckpoint(func(_ context.Context, x *pipeline.Export) error {
		sent = x.Sent()
		return nil
	}))
	if r.Err != nil || len(sent) != 1 || !sent[0].Ended || !strings.Contains(sent[0].What, "/b (stages[0].call_api[1])") {
		t.Errorf("%v %+v", r.Err, sent)
	}
}

func TestASecretInAPropertyIsNotSaved(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	var snapshots []string
	r := run(t, a, offline(), `{"stages":[{"get_content":[{"name":"s","source":"explicit","query":["{payload.secrets.client_secret}"]}],"call_api":[{"request":{"url":"API/a","method":"POST","headers":{"X":"{property.s}"}}},{"request":{"url":"API/b","method":"POST"}}]}]}`, pipeline.WithCheckpoint(func(_ context.Context, x *pipeline.Export) error {
		data, err := x.Snapshot()
		snapshots = append(snapshots, string(data))
		return err
	}))
	if r.Err != nil || strings.Contains(strings.Join(snapshots, ""), "canary") || !strings.Contains(decisions(r), "this run cannot go on if it is cut short from here: its properties hold a secret") {
		t.Errorf("%v\n%s", r.Err, decisions(r))
	}
}

func TestACheckpointThatFailsKeepsTheCallFromBeingMade(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	full := errors.New("disk full")
	r := run(t, a, offline(), `{"stages":[{"call_api":[{"request":{"url":"API/a","method":"POST"}},{"request":{"url":"API/b","method":"POST"}}]}]}`, pipeline.WithCheckpoint(func(context.Context, *pipeline.Export) error { return full }))
	if !errors.Is(r.Err, full) || len(a.requests()) != 0 {
		t.Errorf("%v %s", r.Err, a.paths())
	}
}
