package steps_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/steps"
)

func TestATokenRequestHasTheMethodAndHeadersOfTheSettings(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Tenant"))
		_, _ = io.WriteString(w, `{"access_token":"t"}`)
	}))
	defer api.Close()
	for auth, want := range map[string]string{
		`"method":"PUT","headers":{"X-Tenant":"acme"}`: "PUT /token acme|POST /call ",
		`"data":{"a":"b"}`: "POST /token |POST /call ",
	} {
		settings := fmt.Sprintf(`{"request":{"url":%q,"method":"POST"},"auth":{"url":%q,%s}}`, api.URL+"/call", api.URL+"/token", auth)
		got = nil
		if r := run(t, invoice(), fromJSON[steps.RESTExport](t, settings)); r.err != nil || strings.Join(got, "|") != want {
			t.Errorf("%s: %v %q, expected %q", auth, r.err, got, want)
		}
	}
}

func TestHeadersAreKeptUnderTheKeyOfTheSettings(t *testing.T) {
	t.Parallel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
	defer api.Close()
	for key, want := range map[string]string{`,"response_headers_reference_key":"h"`: "201", "": ""} {
		extract := fromJSON[steps.Extract](t, `{"extract":[{"format":"json","source_reference_key":"h","extract_rules":[`+
			`{"value_path":"status_code","target_schema_id":"erp_status"}]}]}`)
		call := fromJSON[steps.RESTExport](t, `{"request":{"url":"`+api.URL+`","method":"POST"}`+key+`}`)
		var status string
		look := pipeline.Finally(pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			n, err := x.Field("erp_status")
			if err == nil {
				status = n.Value()
			}
			return err
		}))
		if r := run(t, invoice(), call, extract, look); status != want || (r.err != nil) != (key == "") {
			t.Errorf("%s: status %q, %v", key, status, r.err)
		}
	}
}

func TestASourceIsReadIfItsConditionHolds(t *testing.T) {
	t.Parallel()
	reply := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "r", Data: []byte(`{"id":7}`)})
	})
	for condition, want := range map[string]string{"@{api_gate}": "7", "": "7", "false": "", "@{erp_status}": ""} {
		member := ""
		if condition != "" {
			member = `"condition":"` + condition + `",`
		}
		var id string
		look := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			n, err := x.Field("erp_id")
			if err == nil {
				id = n.Value()
			}
			return err
		})
		extract := fromJSON[steps.Extract](t, `{"extract":[{"format":"json","source_reference_key":"r",`+member+
			`"extract_rules":[{"value_path":"id","target_schema_id":"erp_id"}]}]}`)
		if r := run(t, invoice(), reply, extract, look); r.err != nil || id != want {
			t.Errorf("%q: erp_id is %q, %v", condition, id, r.err)
		}
	}
}

func TestRepliesAreJudgedWithTheTypeOfTheSettings(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]rossum.MessageType{"": "error", `,"type":"warning"`: "warning", `,"type":"info"`: "info"} {
		settings := `{"replies":[{"label":"API","status_schema_id":"erp_status","body_schema_id":"erp_body"` + kind + `}]}`
		r := run(t, invoice(), fromJSON[steps.EvaluateReplies](t, settings)) // no status
		if r.err != nil || len(r.response.Messages) != 1 || r.response.Messages[0].Type != want {
			t.Errorf("%s: %+v, %v", kind, r.response.Messages, r.err)
		}
	}
}
