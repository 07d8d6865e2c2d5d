package requestprocessor_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// sent runs one POST with a text as its body and returns that text.
func sent(t testing.TB, call *rossumtest.Call, content string) string {
	t.Helper()
	a := serve(t, nil)
	r := run(t, a, call, `{"stages":[{"call_api":[{"name":"c","request":{"url":"API","method":"POST","content_type":"json","content":`+content+`}}]}]}`)
	if r.Err != nil {
		_, why, _ := strings.Cut(r.Err.Error(), "(c): ")
		return why
	}
	return a.requests()[0].body
}

func TestFieldsHaveTheTypesOfTheSchema(t *testing.T) {
	t.Parallel()
	call := rossumtest.Annotation(rossumtest.Offline(),
		rossumtest.Number("n", "1.234,50", "1234.50"), rossumtest.Number("long", "12345678901234567890.10", "12345678901234567890.10"), rossumtest.Number("neg", "-0.50", "-0.50"), rossumtest.Number("zero", "0", "0.00"),
		rossumtest.Number("lead", "007", "007"), rossumtest.Number("odd", "twelve", ""), rossumtest.Number("none", "", ""), rossumtest.Date("d", "24.11.2026", "2026-11-24"), rossumtest.Date("nodate", "", ""),
		rossumtest.FieldValue("e", rossumtest.Value{Text: "a", Type: "enum", Hidden: true}), rossumtest.Field("t", "200"))
	for field, want := range map[string]string{
		"n": "1234.5", "n.value": `"1.234,50"`, "n.normalized_value": `"1234.50"`, "long": "12345678901234567890.1", "neg": "-0.5", "zero": "0", "lead": "7", "odd": "null", "odd.value": `"twelve"`,
		"none": "null", "none.value": `""`, "d": `"2026-11-24"`, "d.value": `"24.11.2026"`, "nodate": "null", "e": `"a"`, "e.hidden": "true", "t": `"200"`, "t.attr.value": `"200"`,
	} {
		if got := sent(t, call, `["{field.`+field+`}"]`); got != "["+want+"]" {
			t.Errorf("%s: got %s, want %s", field, got, want)
		}
	}
	// In a text both forms are the same but for how people see a number.
	if got := sent(t, call, `["{field.n}|{field.n.value}|{field.none}|{field.d}"]`); got != `["1234.5|1.234,50||2026-11-24"]` {
		t.Errorf("got %s", got)
	}
}

func TestWithoutASchemaFieldsAreTextsWithAWarning(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	// Several fields in several stages and steps are one warning.
	call := rossumtest.Annotation(
		rossumtest.Offline(), rossumtest.Number("n", "1.50", "1.50"), rossumtest.Number("m", "2", "2"), rossumtest.Sideload("schemas", nil),
	)
	r := run(t, a, call, `{"stages":[
		{"evaluate":[{"name":"n","condition":{"field.n":{"$eq":1.5}}}],"call_api":[{"request":{"url":"API","method":"GET"}}]},
		{"evaluate":[{"name":"m","condition":{"$or":[{"field.m":{"$eq":2}},{"field.n":{"$gt":"9"}}]}}],
			"call_api":[{"request":{"url":"API","method":"GET"}}]}
	]}`)
	if r.Err != nil || len(a.requests()) != 0 || !strings.Contains(decisions(r), "the payload has no schema that can be read, so every field counts as text") {
		t.Errorf("%v %s", r.Err, decisions(r))
	}
	const want = "Without a schema every field counts as text, so conditions on numbers and dates may decide differently. Add " +
		"\"schemas\" to the hook's sideload."
	stages := `{"stages":[{"evaluate":[{"name":"n","condition":{"field.n":{"$eq":1.5}}}],"call_api":[{"request":{"url":"API","method":"GET"}}]}]}`
	chain, err := pipeline.New(step(t, a, stages), step(t, a, stages))
	if err != nil {
		t.Fatal(err)
	}
	two, err := chain.Export(t.Context(), call.Payload(), client(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, all := range [][]rossum.Message{r.Response.Messages, two.Messages} {
		if len(all) != 1 || all[0].Type != rossum.MessageWarning || all[0].Content != want {
			t.Errorf("got %v", all)
		}
	}
}

func TestFieldsThatOnlyTheSchemaKnowsAreEmpty(t *testing.T) {
	t.Parallel()
	point := func(id, kind string) map[string]any {
		return map[string]any{"category": "datapoint", "id": id, "type": kind}
	}
	schema := map[string]any{"id": rossumtest.SchemaID, "url": "https://example.rossum.app/api/v1/schemas/31336", "content": []any{
		map[string]any{"category": "section", "id": "s", "children": []any{point("x", "string"), point("num", "number"),
			map[string]any{"category": "multivalue", "id": "rows", "children": map[string]any{"category": "tuple", "id": "oneof", "children": []any{point("cell", "string"), point("missing", "string")}}}}},
	}}
	call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("number", "1"), rossumtest.Table("tabs", rossumtest.Row("cell", "1")), rossumtest.Sideload("schemas", []any{schema}))
	for field, want := range map[string]string{
		"x.value": `[""]`, "x": `[""]`, "num": "[null]", "x.id": "{field.x.id}: there is no such value: the field x has no id (it has value, id, hidden, normalized_value, attr)",
		"s": "{field.s}: there is no such value: s is a section, which has no value", "rows.value": "rows is a table or a repeated field of 0 elements", "missing.value": "iterate over field.missing.all_values",
	} {
		if got := sent(t, call, `["{field.`+field+`}"]`); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", field, got, want)
		}
	}
	a := serve(t, nil)
	r := run(t, a, call, `{"stages":[{"call_api":[{"request":{"url":"API/{item.cell.value}","method":"GET","iterate_over":"field.rows"}},{"name":"c","request":{"url":"API","method":"GET","iterate_over":"field.missing.all_values"}}]}]}`)
	if r.Err != nil || len(a.requests()) != 0 || !strings.Contains(decisions(r), "field.missing.all_values is empty") {
		t.Errorf("%v %s", r.Err, decisions(r))
	}
}

func TestTheAnnotationAndThePropertiesCanBeSentWhole(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	r := run(t, a, rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("number", "1")), `{"stages":[{"get_content":[{"name":"p","source":"explicit","query":["{field.number}"]}],"call_api":[{"name":"c","request":{"url":"API","method":"POST","content_type":"json","content":{"p":"{property}","a":"{payload.annotation}"}}}]}]}`)
	if r.Err != nil || !strings.HasPrefix(a.requests()[0].body, `{"p": {"p": "1"}, "a": {"automated": false, `) || !strings.Contains(a.requests()[0].body, `"schema_id": "number"`) {
		t.Errorf("%v %v", r.Err, a.requests())
	}
}

// network is a Rossum of several hosts that remembers who got which token.
type network struct {
	mu  sync.Mutex
	got []string
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.got = append(n.got, r.URL.Host+" "+r.Header.Get("Authorization"))
	n.mu.Unlock()
	return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"id":7}`)), Request: r}, nil
}

func TestHostsOfOneDomainShareTheToken(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://example.rossum.app/api/v1/documents/5": true, "https://elis.rossum.app/api/v1/documents/5": true, "https://api.example.rossum.app/x": true,
		"https://elis.rossum.ai/api/v1/documents/5": false, "http://elis.rossum.app/api/v1/documents/5": false, "https://elis.rossum.app:8443/x": false, "https://rossum.app.example/x": false,
	} {
		n := &network{}
		r := run(t, nil, rossumtest.Annotation(madeUpToken, rossumtest.Field("address", address), rossumtest.Field("id", "")),
			`{"stages":[{"call_api":[{"name":"c","request":{"url":"https://erp.example/{field.address.value.@.id}{sequence}","method":"POST"}}]}]}`, pipeline.WithHTTPClient(&http.Client{Transport: n}))
		host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://"), "/")
		want := fmt.Sprintf("[%s Bearer %s erp.example ]", host, rossumtest.Token)
		if !ok {
			want = "[]"
		}
		if got := fmt.Sprint(n.got); (r.Err == nil) != ok || got != want {
			t.Errorf("%s: %v, %s", address, r.Err, got)
		}
	}
}

func TestEachFaultOfARunCanBeFound(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	r := run(t, a, offline(), `{"stages":[{"call_api":[{"name":"a","request":{"url":"API/{payload.document.url.@}","method":"GET"}},{"request":{"url":"API/{field.number.nope}","method":"GET"}}]}]}`)
	var placed *pipeline.StepError
	if !errors.Is(r.Err, pipeline.ErrNoClient) || !errors.As(r.Err, &placed) || !strings.Contains(r.Err.Error(), "2 faults: stages[0].call_api[0].request.url (a): {payload.document.url.@}: fetching") || !strings.Contains(r.Err.Error(), "; stages[0].call_api[1].request.url: {field.number.nope}") {
		t.Errorf("got %v", r.Err)
	}
}

func TestManyElementsThatFailMakeAShortMessage(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{404: "warning: lines: the API answered with status 404: no", 0: "error: Export failed: step Request Processor: 50 faults: stages[0].call_api[0].request.url (lines): POST "} {
		a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			answer(w, status, "text/plain", "no")
		})
		r := run(t, a, rossumtest.Annotation(rossumtest.Offline(), rossumtest.List("many", "one", make([]string, 50)...)), `{"stages":[{"call_api":[{"name":"lines","request":{"url":"API","method":"POST","iterate_over":"field.many"}}]}]}`)
		if len(a.requests()) != 50 || len(r.Response.Messages) != 1 || !strings.HasPrefix(fmt.Sprintf("%s: %s", r.Response.Messages[0].Type, r.Response.Messages[0].Content), want) {
			t.Errorf("%d: %d requests, %v", status, len(a.requests()), r.Response.Messages)
		}
		if status == 0 && (!strings.HasSuffix(r.Err.Error(), "; and 30 more") || len(r.Err.Error()) > 5000) {
			t.Errorf("got %v", r.Err)
		}
	}
}

func TestManyDecisionsAreCut(t *testing.T) {
	t.Parallel()
	a := serve(t, func(w http.ResponseWriter, _ seen, _ int) { answer(w, 404, "text/plain", "no") })
	many := make([]string, 1200)
	r := run(t, a, rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("status", ""), rossumtest.List("many", "one", many...)), `{"stages":[{"call_api":[{"request":{"url":"API","method":"GET","iterate_over":"field.many"},"response_handlers":[{"condition":{"response.ok":{"$eq":true}},"target_type":"schema_id","target_key":"status","value":{"response.text":{"$regex":"x"}}}]}]}]}`)
	if got := decisions(r); r.Err != nil || strings.Count(got, "\n") != 1000 || !strings.HasSuffix(got, "and 1400 decisions more") {
		t.Errorf("%v, %d lines", r.Err, strings.Count(got, "\n"))
	}
}
