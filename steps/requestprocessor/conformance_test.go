package requestprocessor_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// everySetting uses about everything at once.
const everySetting = `{"debugging":true,"stages":[
	{"evaluate":[{"name":"approved","condition":{"field.state.value":{"$eq":"approved"}}}],
	 "get_content":[{"name":"draft","source":"document_relation_content","query":{"key":{"$eq":"draft"}}},{"name":"secret","source":"explicit","query":["{payload.secrets.client_secret}"]}],
	 "call_api":[{"name":"create","auth":{"url":"API/token","method":"POST","content":{"client_secret":"{property.secret}"},"credential_key":"access_token"},
		"request":{"url":"API/create","method":"POST","params":{"key":"{payload.secrets.client_secret}"},"content_type":"json","content":{"t":"{payload.rossum_authorization_token}","s":"{property.secret}","d":"{property.draft}"},"headers":{"Authorization":"Bearer {token}"}},
		"priority_response_handlers":[{"condition":{"response.ok":{"$eq":false}},"target_type":"schema_id","target_key":"note","value":{"response.text":{"$regex":"error"}}}],
		"response_handlers":[{"target_type":"schema_id","target_key":"status","value":{"response":{"$jmespath":"status_code"}}},{"target_type":"property","target_key":"reply","value":{"response.body":{"$jmespath":"@"}}}]}]},
	{"evaluate":[{"name":"created","condition":{"property.reply.id":{"$exists":true}}}],
	 "call_api":[{"name":"lines","request":{"url":"API/{property.reply.id}/{item.sku.value}","method":"POST","iterate_over":"field.lines"},"response_handlers":[{"target_type":"schema_id","target_key":"line_{sequence}","value":{"response.body":{"$jmespath":"id"}}}]}]}]}`

// echo answers with what it was sent: secrets come back.
func echo(w http.ResponseWriter, s seen, _ int) {
	if s.uri == "/token" {
		answer(w, 200, "application/json", `{"access_token":"canary-access-token"}`)
		return
	}
	answer(w, 201, "application/json", fmt.Sprintf(`{"id":"ERP","you_sent":%q,"auth":%q}`, s.uri+s.body, s.auth))
}

// It counts goroutines, so that no other test may run meanwhile.
func TestTheStepKeepsThePromisesOfSteps(t *testing.T) {
	good, bad := serve(t, echo), serve(t, func(w http.ResponseWriter, s seen, _ int) {
		if s.uri != "/token" {
			panic(http.ErrAbortHandler)
		}
		echo(w, s, 0)
	})
	transport := &http.Transport{MaxIdleConnsPerHost: 50, DisableKeepAlives: true}
	options := []pipeline.Option{pipeline.WithHTTPClient(&http.Client{Transport: transport}), pipeline.WithOriginal(pipeline.Bytes("PDF bytes")), pipeline.WithRossum(nil)}
	pipelinetest.TestStep(t, step(t, good, everySetting), pipelinetest.Case{Name: "good", Call: invoice(madeUpToken), Options: options})
	pipelinetest.TestStep(t, step(t, bad, everySetting), pipelinetest.Case{Name: "bad", Call: invoice(madeUpToken), Options: options, Fails: true})
}

func TestNoSecretIsShownAnywhere(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]func(w http.ResponseWriter, s seen, n int){
		"good": echo,
		"refused": func(w http.ResponseWriter, s seen, n int) {
			if s.uri == "/token" {
				echo(w, s, n)
				return
			}
			answer(w, 403, "text/plain", "error: "+s.uri+" "+s.body+" "+s.auth)
		},
		"reset": func(w http.ResponseWriter, s seen, n int) {
			if s.uri != "/token" {
				panic(http.ErrAbortHandler)
			}
			echo(w, s, n)
		},
		"no token": func(w http.ResponseWriter, s seen, n int) { answer(w, 400, "text/plain", s.body) },
		"bad JSON": func(w http.ResponseWriter, s seen, n int) {
			if s.uri == "/token" {
				echo(w, s, n)
				return
			}
			answer(w, 200, "application/json", s.auth+s.body)
		},
	} {
		a := serve(t, answers)
		platform := platform(t)
		r := run(t, a, invoice(rossumtest.On(platform)), everySetting)
		report := new(bytes.Buffer)
		fmt.Fprint(report, r.Report.Text(), r.Log, r.Err, r.Response.Messages)
		for _, s := range r.Report.All() {
			fmt.Fprint(report, s.Decisions, s.Calls, s.Messages, s.Error)
		}
		for _, secret := range []string{"canary", rossumtest.Token} {
			if strings.Contains(report.String(), secret) {
				t.Errorf("%s: %s", name, report)
			}
		}
		if len(a.requests()) == 0 {
			t.Errorf("%s: nothing was sent", name)
		}
	}
}

func TestManyExportsShareAStep(t *testing.T) {
	t.Parallel()
	a := serve(t, echo)
	chain, err := pipeline.New(step(t, a, everySetting))
	if err != nil {
		t.Fatal(err)
	}
	shared := client(t)
	body := invoice(madeUpToken).Bytes()
	var wait sync.WaitGroup
	limit := make(chan struct{}, 40)
	for i := range 200 {
		wait.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			text := bytes.ReplaceAll(bytes.Clone(body), []byte(`"value":"A"`), fmt.Appendf(nil, `"value":"A%d"`, i))
			p, err := rossum.ParsePayload(text)
			if err != nil {
				t.Error(err)
				return
			}
			response, err := chain.Export(t.Context(), p, shared, pipeline.WithRossum(nil))
			if err != nil || response.Failed() || len(response.Operations) != 3 {
				t.Errorf("%v %+v", err, response)
			}
		})
	}
	wait.Wait()
	paths := a.paths()
	if strings.Count(paths, "/token") != 1 || strings.Count(paths, "/create") != 200 {
		t.Errorf("%d tokens, %d calls", strings.Count(paths, "/token"), strings.Count(paths, "/create"))
	}
	for i := range 200 {
		if strings.Count(paths+",", fmt.Sprintf("/ERP/A%d,", i)) != 1 {
			t.Errorf("line A%d was sent %d times", i, strings.Count(paths+",", fmt.Sprintf("/ERP/A%d,", i)))
		}
	}
}
