package requestprocessor_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// TestValuesOfGoAreSettings holds settings of Go values against the same settings as JSON.
func TestValuesOfGoAreSettings(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	inGo := requestprocessor.Step{Stages: []requestprocessor.Stage{{
		Evaluate:   []requestprocessor.Evaluate{{Name: "has a number", Condition: object{"field.number.value": object{"$exists": true}}}},
		GetContent: []requestprocessor.GetContent{{Name: "kinds", Source: "explicit", Query: []string{"{field.number.value}"}}},
		CallAPI: []requestprocessor.Call{{Name: "create", Request: requestprocessor.Request{
			URL: "https://erp.example/invoices", Method: "POST", ContentType: "json", Params: object{"dry": []int{1, 2}},
			Content: struct {
				Number string   `json:"number"`
				Kinds  []string `json:"kinds"`
			}{"{field.number.value}", []string{"<a>", "&"}},
		}}},
	}}}
	asJSON := step(t, nil, `{"stages": [{"evaluate": [{"name": "has a number", "condition": {"field.number.value": {"$exists": true}}}],
		"get_content": [{"name": "kinds", "source": "explicit", "query": ["{field.number.value}"]}],
		"call_api": [{"name": "create", "request": {"url": "https://erp.example/invoices", "method": "POST", "content_type": "json", "params": {"dry": [1, 2]},
			"content": {"number": "{field.number.value}", "kinds": ["<a>", "&"]}}}]}]}`)
	sends := func(s *requestprocessor.Step) string { return sentBy(t, s) }
	if one, other := sends(&inGo), sends(asJSON); one != other || !strings.Contains(one, `"<a>"`) {
		t.Errorf("Go values send\n%s\nJSON sends\n%s", one, other)
	}
	inGo.Stages[0].CallAPI[0].Request.Content = make(chan int)
	if err := inGo.Validate(); err == nil || !strings.HasPrefix(err.Error(), "stages[0].call_api[0].request.content: ") {
		t.Errorf("a channel as content: %v", err)
	}
	inGo.Stages[0].CallAPI[0].Request.Content = json.RawMessage("null")
	if err := inGo.Validate(); err != nil {
		t.Error(err)
	}
}

// sentBy runs a step and returns the request that it would send.
func sentBy(t testing.TB, s *requestprocessor.Step) (sent string) {
	t.Helper()
	r := runStep(t, s, offline(), pipeline.WithDryRun(pipeline.DryRun{
		Reply: func(c pipeline.DryCall) (pipeline.DryReply, bool) {
			sent = c.Method + " " + c.URL + "\n" + string(c.Body)
			return pipeline.DryReply{}, true
		},
	}))
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if sent == "" {
		t.Fatalf("nothing is sent: %s", r.Report.Text())
	}
	return sent
}
