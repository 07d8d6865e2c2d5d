package messages

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/workday"
)

const secret = "hook-secret-of-the-test"

// ofHookServer is what a caller gets to read, with the status, and what is wrong with options.
func ofHookServer(t *testing.T) []shown {
	t.Helper()
	options := func(o hookserver.Options) string {
		_, err := hookserver.New(o)
		return said(err)
	}
	chain := chainOf(t)
	signed := []string{secret}
	good := annotation().Bytes()
	all := []shown{
		{"no chain and no secret", options(hookserver.Options{})},
		{"a queue without a chain", options(hookserver.Options{Queues: map[int64]*pipeline.Chain{7: nil}, SignatureSecrets: signed})},
		{"an empty secret", options(hookserver.Options{Chain: chain, SignatureSecrets: []string{""}})},
		{"secrets and unsigned calls", options(hookserver.Options{Chain: chain, SignatureSecrets: signed, Unsigned: true})},
		{"a negative timeout", options(hookserver.Options{Chain: chain, SignatureSecrets: signed, Timeout: -1})},
		{
			"wrong options of slow exports",
			options(
				hookserver.Options{Chain: chain, SignatureSecrets: signed, Async: &hookserver.Async{URL: "exports", Key: []byte("short"), Timeout: -1}},
			),
		},
	}
	for _, c := range []struct {
		when string
		call *http.Request
	}{
		{"no signature", unsigned(http.MethodPost, good)},
		{"a wrong signature", with(hookCall(good), rossum.SignatureHeader, "sha256=00")},
		{"another content type", with(hookCall(good), "Content-Type", "text/plain")},
		{"another method", unsigned(http.MethodPut, good)},
		{"a body that is not JSON", hookCall([]byte("hello"))},
		{"an empty body", hookCall(nil)},
		{"a list", hookCall([]byte("[]"))},
		{"a body that is cut short", hookCall(good[:len(good)/2])},
		{"no annotation", hookCall([]byte(`{"event":"annotation_content","action":"export"}`))},
		{"another event", hookCall(annotation(rossumtest.Event("annotation_content", "started")).Bytes())},
		{"a body that is too large", hookCall(append(bytes.Repeat([]byte(" "), 1<<20), good...))},
		{"a queue without exports", hookCall(annotation().Bytes())},
	} {
		o := hookserver.Options{Chain: chain, SignatureSecrets: signed, BodyLimit: 1 << 20}
		if c.when == "a queue without exports" {
			o.Chain, o.Queues = nil, map[int64]*pipeline.Chain{8: chain}
		}
		all = append(all, shown{c.when, answerOf(t, o, c.call)})
	}
	stopped := func() string {
		s, err := hookserver.New(hookserver.Options{Chain: chain, SignatureSecrets: signed})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		return read(s, hookCall(good))
	}
	return append(all, shown{"a server that is shutting down", stopped()})
}

func unsigned(method string, body []byte) *http.Request {
	r := httptest.NewRequest(method, "/export", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func hookCall(body []byte) *http.Request {
	r := unsigned(http.MethodPost, body)
	rossum.Sign(r.Header, body, secret)
	return r
}

func with(r *http.Request, header, value string) *http.Request {
	r.Header.Set(header, value)
	return r
}

func answerOf(t *testing.T, o hookserver.Options, r *http.Request) string {
	t.Helper()
	s, err := hookserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	return read(s, r)
}

func read(h http.Handler, r *http.Request) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return http.StatusText(w.Code) + ": " + w.Body.String()
}

// organisations are hooks of the queue 1 with faults.
var organisations = []struct {
	when  string
	hooks map[string]string
	o     organisation.Options
}{
	{
		"wrong settings",
		map[string]string{
			"Create_[1]": hook(
				1,
				"Create",
				"rest-api-export",
				"",
				`{"request": {"url": "http://erp.example/", "method": "PUST", "hedders": {}}, "mode": "wiat"}`,
			),
		},
		ofQueue,
	},
	{"settings that are a text", map[string]string{"Odd_[1]": hook(1, "Odd", "rest-api-export", "", `"nothing"`)}, ofQueue},
	{
		"a circle",
		map[string]string{
			"A_[1]": hook(1, "A", "rest-api-export", after(2), creates),
			"B_[2]": hook(2, "B", "data-value-extractor", after(1), extracts("json", "id")),
		},
		ofQueue,
	},
	{"a predecessor that is missing", map[string]string{"A_[1]": hook(1, "A", "rest-api-export", after(9), creates)}, ofQueue},
	{
		"two hooks that make the same file",
		map[string]string{
			"A_[1]": hook(1, "A", "custom-format-templating", "", makes),
			"B_[2]": hook(2, "B", "custom-format-templating", "", makes),
		},
		ofQueue,
	},
	{
		"an unknown extension",
		map[string]string{
			"Master data_[1]": `{"id": 1, "name": "Master data", "type": "webhook", "active": true, "events": ["annotation_content"],
 "queues": ["https://acme.rossum.app/api/v1/queues/1"], "config": {"private": true}}`,
		},
		ofQueue,
	},
	{
		"a function without a step",
		map[string]string{"Rate_[1]": `{"id": 1, "name": "Rate", "type": "function", "active": true, "events": ["annotation_content"],
 "queues": ["https://acme.rossum.app/api/v1/queues/1"], "config": {"code": "def rossum_hook_request_handler(payload):\n    import requests\n"}}`},
		ofQueue,
	},
	{
		"a hook to leave out that is not there",
		map[string]string{"Create_[1]": hook(1, "Create", "rest-api-export", "", creates)},
		organisation.Options{LeaveOut: []string{"Creat"}},
	},
	{
		"a queue without hooks",
		map[string]string{"Create_[1]": hook(1, "Create", "rest-api-export", "", creates)},
		organisation.Options{Queue: "https://acme.rossum.app/api/v1/queues/2"},
	},
	{
		"a field that the schema lacks",
		map[string]string{
			"A_[1]": hook(1, "A", "rest-api-export", "", creates),
			"B_[2]": hook(2, "B", "data-value-extractor", after(1), strings.Replace(extracts("json", "id"), "erp_id", "erp_idd", 1)),
		},
		ofQueue,
	},
	{"a file whose hook is not active", map[string]string{
		"A_[1]": strings.Replace(hook(1, "A", "rest-api-export", "", creates), `"active": true`, `"active": false`, 1),
		"B_[2]": hook(2, "B", "data-value-extractor", after(1), extracts("json", "id")),
	}, ofQueue},
	{
		"a file that is read before it is made",
		map[string]string{
			"A_[1]": hook(1, "A", "rest-api-export", after(2), creates),
			"B_[2]": hook(2, "B", "data-value-extractor", "", extracts("json", "id")),
		},
		ofQueue,
	},
}

var ofQueue = organisation.Options{Queue: "https://acme.rossum.app/api/v1/queues/1"}

const creates = `{"request": {"url": "http://erp.example/", "content": "x"}, "response_payload_reference_key": "reply"}`

const makes = `{"export_configs": [{"export_reference_key": "csv", "file_content_template": "x"}]}`

func after(id int) string {
	return `"run_after": ["https://acme.rossum.app/api/v1/hooks/` + strconv.Itoa(id) + `"],`
}

func hook(id int, name, kind, more, settings string) string {
	return `{"id": ` + strconv.Itoa(
		id,
	) + `, "name": "` + name + `", "type": "webhook", "active": true, "events": ["annotation_content.export"],
 "queues": ["https://acme.rossum.app/api/v1/queues/1"], "config": {"url": "https://us.` + kind + `.rossum-ext.app/"}, ` + more + `
 "settings": ` + settings + `}`
}

func ofOrganisation(t *testing.T) []shown {
	t.Helper()
	registry := new(organisation.Registry)
	steps.Register(registry, steps.RegisterOptions{})
	sftpexport.Register(registry, sftpexport.RegisterOptions{Backends: s3Backend})
	workday.Register(registry, workday.RegisterOptions{})
	var all []shown
	for _, c := range organisations {
		files := fstest.MapFS{}
		for file, text := range c.hooks {
			files["hooks/"+file+".json"] = &fstest.MapFile{Data: []byte(text)}
		}
		org, err := rossum.LoadOrganisation(files)
		if err != nil {
			t.Fatal(err)
		}
		c.o.Check = &organisation.Check{Schema: schemaOf(t)}
		_, err = organisation.FromHooks(org.Hooks, registry, c.o)
		all = append(all, shown{c.when, said(err)})
	}
	return all
}
