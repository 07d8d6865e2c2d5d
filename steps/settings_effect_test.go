package steps_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/steps"
)

// stepOf makes a step of settings, in which URL stands for an address.
func stepOf(t *testing.T, step pipeline.Step, settings, url string) pipeline.Step {
	t.Helper()
	if err := json.Unmarshal([]byte(strings.ReplaceAll(settings, "URL", url)), step); err != nil {
		t.Fatal(err)
	}
	return step
}

func TestTheFormatOfASourceIsThatOfTheSettings(t *testing.T) {
	t.Parallel()
	const settings = `{"extract": [{FORMAT "source_reference_key": "k", "extract_rules": [{"value_path": "PATH", "target_schema_id": "erp_id"}]}]}`
	for _, c := range []struct{ format, path, reply, want string }{
		{``, `id`, `{"id": 7}`, "7"},
		{`"format": "json",`, `id`, `{"id": 7}`, "7"},
		{`"format": "xml",`, `//id`, `<r><id>8</id></r>`, "8"},
		{`"format": "text",`, `id=(\\d)`, `id=9`, "9"},
	} {
		step := stepOf(t, &steps.Extract{}, strings.NewReplacer("FORMAT", c.format, "PATH", c.path).Replace(settings), "")
		if r := run(t, invoice(), keep("k", c.reply), step); r.err != nil || r.fields["erp_id"] != c.want {
			t.Errorf("%s: %q, %v", c.format, r.fields["erp_id"], r.err)
		}
	}
}

func TestTheModeOfACallIsThatOfTheSettings(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]int32{``: 1, `"mode": "wait",`: 1, `"mode": "retry",`: 2} {
		var calls atomic.Int32
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		t.Cleanup(s.Close)
		step := stepOf(t, &steps.RESTExport{}, `{`+mode+`"request": {"url": "URL", "method": "POST", "content": "{}"}}`, s.URL)
		if r := run(t, invoice(), step); r.err != nil || calls.Load() != want {
			t.Errorf("%s: %d calls, want %d; %v", mode, calls.Load(), want, r.err)
		}
	}
}

func TestTheTypeOfAMessageIsThatOfTheSettings(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{``: "error", `, "type": "warning"`: "warning", `, "type": "info"`: "info"} {
		step := stepOf(t, &steps.Evaluate{}, `{"condition": "True", "message": "Look."`+kind+`}`, "")
		r := run(t, invoice(), step)
		if len(r.response.Messages) == 0 || string(r.response.Messages[0].Type) != want || r.response.Messages[0].Content != "Look." {
			t.Errorf("%s: %+v", kind, r.response)
		}
	}
}
