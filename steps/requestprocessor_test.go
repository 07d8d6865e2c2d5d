package steps_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

const processorSettings = `{"stages":[{"call_api":[{"name":"create","request":{"url":"https://erp.example/x","method":"POST"}}]}]}`

func hookOf(t testing.TB, kind, config, settings string, events ...string) *rossum.Hook {
	t.Helper()
	if events == nil {
		events = []string{"annotation_content.export"}
	}
	list, _ := json.Marshal(events)
	h, err := rossum.ParseHook(
		[]byte(
			`{"id":7,"name":"Export","type":"` + kind + `","active":true,"events":` + string(
				list,
			) + `,"config":` + config + `,"settings":` + settings + `}`,
		),
	)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTheRequestProcessorIsKnownByAddressAndByCode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hook *rossum.Hook
		want string // in the error; "" for none
	}{
		"by address":        {hookOf(t, "webhook", `{"url":"https://x.example/svc/request-processor/api/v1/export"}`, processorSettings), ""},
		"by its settings":   {hookOf(t, "function", `{}`, processorSettings), ""},
		"by its code":       {hookOf(t, "function", `{"code":"def fill_template(t): pass\nimport requests"}`, processorSettings), ""},
		"other code":        {hookOf(t, "function", `{"code":"import socket\ndef rossum_hook_request_handler(payload):\n    return {}"}`, processorSettings), "function hook without a step"},
		"no stages":         {hookOf(t, "function", `{}`, `{"stages":[]}`), "function hook without a step"},
		"other settings":    {hookOf(t, "function", `{}`, `{"a":1}`), "function hook without a step"},
		"no settings":       {hookOf(t, "webhook", `{"url":"https://x.example/request-processor"}`, `null`), "stages: is missing or empty"},
		"wrong settings":    {hookOf(t, "function", `{}`, strings.Replace(processorSettings, `"POST"`, `"PUST"`, 1)), `hook "Export" (id 7): settings.stages[0].call_api[0].request.method: "PUST" is unknown`},
		"an unknown key":    {hookOf(t, "function", `{}`, strings.Replace(processorSettings, `"request"`, `"requst"`, 1)), "stages[0].call_api[0].requst: unknown key (did you mean request?)"},
		"settings that lie": {hookOf(t, "function", `{}`, `{"stages":{"a":1}}`), "function hook without a step"},
	} {
		registry := &organisation.Registry{}
		steps.Register(registry, steps.RegisterOptions{})
		chain, err := organisation.FromHooks([]*rossum.Hook{tt.hook}, registry, organisation.Options{})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err == nil && pipeline.NameOf(chain.Steps()[0]) != "Export" {
			t.Errorf("%s: %s", name, pipeline.NameOf(chain.Steps()[0]))
		}
	}
}

func TestTheRequestProcessorRunsOnTheEventsOfItsHook(t *testing.T) {
	t.Parallel()
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	url, got := erp(t, 200, "")
	settings := strings.Replace(processorSettings, "https://erp.example", url, 1)
	hook := hookOf(t, "function", `{}`, settings, "annotation_content.confirm", "annotation_content.export")
	chain, err := organisation.FromHooks([]*rossum.Hook{hook}, registry, organisation.Options{Event: "annotation_content", Action: "confirm"})
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"confirm", "export", "initialize"} {
		if r := run(t, rossumtest.Annotation(rossumtest.Offline(), rossumtest.Event("annotation_content", action)), chain); r.err != nil {
			t.Fatal(r.err)
		}
	}
	if len(*got) != 2 {
		t.Errorf("%d calls", len(*got))
	}
}

func TestTheRequestProcessorIsServedAtAPathOfItsOwn(t *testing.T) {
	t.Parallel()
	platform := rossumtest.NewServer()
	defer platform.Close()
	url, got := erp(t, 201, `{"id":7}`)
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	e, err := hookserver.New(
		hookserver.Options{
			Extensions: registry,
			Unsigned:   true,
			Run:        []pipeline.Option{pipeline.WithHTTPClient(&http.Client{Transport: transport})},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	var settings any
	if err := json.Unmarshal([]byte(`{"stages":[{"call_api":[{"name":"c","request":{"url":"`+url+`","method":"POST"},"response_handlers":[{"target_type":"schema_id","target_key":"erp_status","value":{"response":{"$jmespath":"status_code"}}},{"target_type":"document_relation","target_key":"reply"}]}]}]}`), &settings); err != nil {
		t.Fatal(err)
	}
	body := rossumtest.Annotation(rossumtest.Field("erp_status", ""), rossumtest.On(platform), rossumtest.Settings(settings)).Bytes()
	w := httptest.NewRecorder()
	call := httptest.NewRequest(http.MethodPost, "/svc/request-processor", bytes.NewReader(body))
	call.Header.Set("Content-Type", "application/json")
	e.ServeHTTP(w, call)
	if w.Code != 200 || len(*got) != 1 || !strings.Contains(w.Body.String(), `"value":"201"`) ||
		string(platform.Artefacts(rossumtest.AnnotationID)["reply"]) != `{"id":7}` {
		t.Errorf("%d %s, %d calls", w.Code, w.Body, len(*got))
	}
}
