package requestprocessor

import (
	"encoding/json"
	"io"
	"mime"
	"os"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// sentCase is a case of testdata/sent.json; see oracle.py beside it.
type sentCase struct {
	URL    string          `json:"url"`
	Params json.RawMessage `json:"params"`
	Data   json.RawMessage `json:"data"`
	JSON   json.RawMessage `json:"json"`
	Files  json.RawMessage `json:"files"`
	Want   string          `json:"want"`
}

// settings puts the case into the request that the engine would send so.
func (c sentCase) settings(t *testing.T) Request {
	r := Request{URL: "https://erp.example/", Method: "POST", Params: c.Params}
	switch {
	case c.URL != "":
		r.URL = c.URL
	case c.JSON != nil:
		r.ContentType, r.Content = "json", c.JSON
	case c.Files != nil:
		r.ContentType, r.Content = "files", c.Files
		if c.Data != nil {
			r.ContentType = "multipart"
			r.Content = json.RawMessage(strings.TrimSuffix(string(c.Files), "}") + "," + strings.TrimPrefix(string(c.Data), "{"))
		}
	default:
		r.Content = c.Data
	}
	if raw, err := settings.JSON(r.Content); err != nil || raw != nil && !json.Valid(raw) {
		t.Fatalf("%s", r.Content)
	}
	return r
}

func TestRequestsAreThoseOfPythonsRequests(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/sent.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []sentCase
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 15 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, tt := range cases {
		var c compiler
		q := c.request("request", tt.settings(t), dataRoots)
		if err := c.faults.Err(); err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		x, err := pipeline.NewExport(rossumtest.Annotation(rossumtest.Offline()).Payload())
		if err != nil {
			t.Fatal(err)
		}
		r := newRun(x, &program{})
		out, err := q.fill(t.Context(), r, r.scope("request"))
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		got := out.call.URL
		if tt.URL == "" {
			got = wire(t, out.call)
		}
		if got != tt.Want {
			t.Errorf("%+v\n got %q\nwant %q", tt, got, tt.Want)
		}
	}
}

// wire is the Content-Type and the body of a call, its boundary called BOUNDARY.
func wire(t *testing.T, call *send.Call) string {
	t.Helper()
	kind, body := call.Header.Get("Content-Type"), ""
	if call.Body != nil {
		opened, err := call.Body.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		data, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		body = string(data)
	}
	if mediaType, params, err := mime.ParseMediaType(kind); err == nil && params["boundary"] != "" {
		kind, body = mediaType, strings.ReplaceAll(body, params["boundary"], "BOUNDARY")
	}
	return kind + "\n" + body
}
