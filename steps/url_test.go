package steps_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// Who chooses the host of a call, and whether it is made.
func TestTheHostOfACallIsOneThatSomebodyHasNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, url, value, formula, auth string
		allow                           []string
		made                            bool
	}{
		{name: "settings", url: "ERP/@{x}", value: "1", made: true},
		{name: "a plain field", url: "@{x}", value: "ERP/a"},
		{name: "a plain field, allowed", url: "@{x}", value: "ERP/a", allow: []string{"127.0.0.1"}, made: true},
		{name: "a plain field that repeats the host of auth", url: "@{x}", value: "ERP/a", auth: "ERP/token", made: true},
		{name: "a formula's own text", url: "@{x}", value: "ERP/a", formula: `f"ERP/{field.y}"`, made: true},
		{name: "a formula that passes text on", url: "@{x}", value: "ERP/a", formula: `field.y`},
		{name: "the rest of the URL by a formula", url: "ERP@{x}", value: "/a?b=c", formula: `f"/{field.y}?b=c"`, made: true},
		{name: "the end of the host's name", url: "http://127.0.0.@{x}/", value: "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/token" {
					calls.Add(1)
				}
				_, _ = w.Write([]byte(`{"access_token":"t1"}`))
			}))
			t.Cleanup(s.Close)
			here := func(text string) string { return strings.ReplaceAll(text, "ERP", s.URL) }
			step := &steps.RESTExport{Request: steps.Request{URL: here(tt.url), Headers: map[string]string{"Authorization": "Bearer {secret.key}"}}}
			if tt.auth != "" {
				step.Auth = &steps.Auth{URL: here(tt.auth)}
			}
			schema := &rossum.Schema{Content: []rossum.SchemaField{{Category: "datapoint", ID: "x", Formula: here(tt.formula)}, {Category: "datapoint", ID: "y"}}}
			options := []pipeline.Option{pipeline.WithAllowedHosts(tt.allow...), pipeline.WithFormulas(pipeline.Formulas{Schema: schema})}
			call := rossumtest.Annotation(rossumtest.Field("x", here(tt.value)), rossumtest.Field("y", ""), rossumtest.Secret("key", "k-1234567"))
			r := pipelinetest.Run(t, step, call, options...)
			if made := calls.Load() == 1; made != tt.made || (r.Err == nil) != tt.made {
				t.Errorf("%d calls, %v", calls.Load(), r.Err)
			}
			if !tt.made && !strings.Contains(fmt.Sprint(r.Err), "request.url: the value of @{x}") {
				t.Errorf("the error names no place: %v", r.Err)
			}
		})
	}
}
