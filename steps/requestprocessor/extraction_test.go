package requestprocessor

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// extraction is a case that was recorded on the engine that Rossum publishes: a reply,
// what a handler asks of it, and what it gets, or the name of what the engine raises.
type extraction struct {
	ContentType *string           `json:"content_type"`
	Body        string            `json:"body"`
	Status      int               `json:"status"`
	Headers     [][2]string       `json:"headers"`
	Path        string            `json:"path"`
	Op          map[string]string `json:"op"`
	Value       json.RawMessage   `json:"value"`
	Error       string            `json:"error"`
}

func (c extraction) reply() *reply {
	r := &send.Reply{Status: c.Status, Reason: "OK", URL: "https://api.example.test/x", Body: []byte(c.Body), Header: make(http.Header)}
	if r.Status == 0 {
		r.Status = 200
	}
	if r.Status != 200 {
		r.Reason = "Created"
	}
	fields := c.Headers
	if fields == nil {
		fields = [][2]string{{"X-Multi", "1, 2"}}
	}
	if c.ContentType != nil {
		fields = append([][2]string{{"Content-Type", c.mediaType()}}, fields...)
	}
	for _, f := range fields {
		r.Header.Add(f[0], f[1])
	}
	return &reply{excerpt: func() string { return string(r.Body) }, Reply: r, mediaType: c.mediaType()}
}

func (c extraction) mediaType() string {
	if c.ContentType == nil {
		return ""
	}
	return *c.ContentType
}

// extract does what a handler does with a reply. The note says why the engine would fail
// where this does not.
func (c extraction) extract(t *testing.T) (got, note string, err error) {
	var faults settings.Faults
	e := reqproc.CompileExtractor("value", map[string]map[string]string{c.Path: c.Op}, &faults)
	if err := faults.Err(); err != nil {
		return "error", "", err
	}
	h, r := &handler{value: e}, c.reply()
	r.build(t.Context(), reqproc.ResponseKeys, e.ReadsAll())
	note = strings.Join(r.notes, "; ")
	if broken := r.broken(t.Context()); broken != nil {
		note = broken.Error()
	}
	if err := h.reads(r); err != nil {
		return "error", "", err
	}
	v, err := e.Extract(t.Context(), &reqproc.Scope{Roots: map[string]pyvalue.Value{"response": r.response}})
	if err != nil {
		return "error", "", err
	}
	out, err := pyvalue.JSON{Unicode: true}.Append(nil, nil, encoded(v))
	return string(out), note, err
}

var updateExtraction = flag.Bool("update-extraction", false, "write testdata/extraction_differences.txt anew")

// encoded puts {"$bytes": base64} in the place of bytes.
func encoded(v pyvalue.Value) pyvalue.Value {
	if v.Kind() == pyvalue.KindBytes {
		d := pyvalue.NewDict()
		d.SetStr("$bytes", pyvalue.Str(base64.StdEncoding.EncodeToString(v.Data())))
		return d.Value()
	}
	if items, ok := v.Items(); ok {
		list := make([]pyvalue.Value, len(items))
		for i, item := range items {
			list[i] = encoded(item)
		}
		return pyvalue.NewList(list...)
	}
	if d := v.Dict(); d != nil {
		out := pyvalue.NewDict()
		for k, item := range d.All() {
			out.SetStr(k.Text(), encoded(item))
		}
		return out.Value()
	}
	return v
}

func (c extraction) want(t *testing.T) string {
	if c.Error != "" {
		return "error"
	}
	v, err := pyvalue.FromJSON(c.Value, true)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pyvalue.JSON{Unicode: true}.Append(nil, nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestValuesAreExtractedAsTheEngineDoes lists what differs in
// testdata/extraction_differences.txt: nothing is ever found that the engine does not find.
func TestValuesAreExtractedAsTheEngineDoes(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/extraction.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []extraction
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 300 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	var differences strings.Builder
	for _, c := range cases {
		got, note, err := c.extract(t)
		switch want := c.want(t); {
		case got == want:
		case err != nil:
			fmt.Fprintf(&differences, "%s %q from %s gives %s; refused: %v\n", c.Path, c.Op, c.mediaType(), want, err)
		case note != "" && c.Error != "":
			fmt.Fprintf(&differences, "%s %q from %s fails; gives %s and notes: %s\n", c.Path, c.Op, c.mediaType(), got, note)
		default:
			t.Errorf("%s %v of %s %q\n got %s\nwant %s %s", c.Path, c.Op, c.mediaType(), c.Body, got, want, c.Error)
		}
	}
	const name = "testdata/extraction_differences.txt"
	if *updateExtraction {
		if err := os.WriteFile(name, []byte(differences.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil || differences.String() != string(want) {
		t.Errorf("the differences are (%v):\n%s", err, differences.String())
	}
}
