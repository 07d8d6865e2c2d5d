package workday

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// golden is a case of testdata/cases; the README there says what it means.
type golden struct {
	Verdict   string   `json:"verdict"`
	WSDL      string   `json:"wsdl"`
	Operation string   `json:"operation"`
	Action    string   `json:"action"`
	Names     []string `json:"names"`
	Ours      struct {
		Error []string `json:"error"`
		XML   bool     `json:"xml"`
	} `json:"ours"`
	User     string          `json:"user"`
	Password string          `json:"password"`
	Mapping  json.RawMessage `json:"mapping"`
}

// TestBodiesAreZeeps compares what we send with what zeep sends for the same
// mapping, and with what we decided to send instead.
func TestBodiesAreZeeps(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/cases/*.json")
	if err != nil || len(paths) < 68 {
		t.Fatalf("%d cases, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(path, ".json")
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			var c golden
			if err := json.Unmarshal(read(t, path), &c); err != nil {
				t.Fatal(err)
			}
			got, err := c.request(t)
			switch {
			case c.Verdict == "error":
				checkNames(t, err, c.Names)
			case c.Verdict == "differs" && c.Ours.Error != nil:
				checkNames(t, err, c.Ours.Error)
			case c.Verdict == "differs":
				checkRequest(t, got, err, name+".ours.xml")
			default:
				checkRequest(t, got, err, name+".xml")
			}
		})
	}
}

func checkRequest(t *testing.T, got string, err error, path string) {
	t.Helper()
	want := strings.TrimSpace(string(read(t, path)))
	if err != nil {
		t.Fatalf("error: %v\nwant %s", err, want)
	}
	if g, w := canonical(t, got), canonical(t, want); g != w {
		t.Error(firstDifference(g, w))
	}
}

func checkNames(t *testing.T, err error, names []string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that names %q", names)
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q does not name %q", err, name)
		}
	}
}

// request makes the whole request of a case.
func (c *golden) request(t *testing.T) (string, error) {
	t.Helper()
	template, err := jsontemplate.Compile(c.Mapping, jsontemplate.Options{Resources: true})
	if err != nil {
		t.Fatal(err)
	}
	mapping, err := template.Render(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	doc := document(t, cmp.Or(c.WSDL, "Resource_Management.wsdl"))
	w := WSDL{Domain: "services.example.test", Tenant: "acme_dpt1", APIVersion: "v1"}
	p, err := prepare(t.Context(), doc, &w, "Service", cmp.Or(c.Operation, "Submit_Supplier_Invoice"), withBytes(t, mapping))
	if err != nil {
		return "", err
	}
	if c.Action != "" && `"`+p.operation.Action+`"` != c.Action {
		t.Errorf("SOAPAction %q, want %s", p.operation.Action, c.Action)
	}
	signed, _, err := newCredentials(cmp.Or(c.User, "ISU_Rossum"), cmp.Or(c.Password, "not-a-secret"), "acme_dpt1")
	if err != nil {
		t.Fatal(err)
	}
	return readBody(t, envelope(p.message, signed)), nil
}

func document(t testing.TB, name string) *wsdl.Document {
	t.Helper()
	path := "testdata/" + name
	if name == "Resource_Management.wsdl" {
		path = "workdaytest/" + name
	}
	doc, err := wsdl.Parse(t.Context(), read(t, path), wsdl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func readBody(t *testing.T, b *message.Body) string {
	t.Helper()
	r, err := b.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if b.Size() >= 0 && int64(len(data)) != b.Size() {
		t.Errorf("the body has %d bytes and says %d", len(data), b.Size())
	}
	return string(data)
}

// withBytes puts files where a case has {"$bytes": …}.
func withBytes(t *testing.T, v pyvalue.Value) pyvalue.Value {
	if list := v.List(); list != nil {
		for i := range list.Items {
			list.Items[i] = withBytes(t, list.Items[i])
		}
	}
	if d := v.Dict(); d != nil {
		if text, ok := d.GetStr("$bytes"); ok {
			data, err := base64.StdEncoding.DecodeString(text.Text())
			if err != nil {
				t.Fatal(err)
			}
			return pyvalue.Bytes(data)
		}
		for _, key := range d.Keys() {
			item, _ := d.GetStr(key.Text())
			d.SetStr(key.Text(), withBytes(t, item))
		}
	}
	return v
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// canonical writes XML with namespaces resolved and attributes sorted.
func canonical(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	d, depth := xml.NewDecoder(strings.NewReader(text)), 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			var attrs []string
			for _, a := range token.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					attrs = append(attrs, fmt.Sprintf(" {%s}%s=%q", a.Name.Space, a.Name.Local, a.Value))
				}
			}
			slices.Sort(attrs)
			fmt.Fprintf(&b, "\n<{%s}%s%s>", token.Name.Space, token.Name.Local, strings.Join(attrs, ""))
		case xml.EndElement:
			depth--
			b.WriteString("</>")
		case xml.CharData:
			if depth == 0 {
				continue
			}
			fmt.Fprintf(&b, "%q", string(token))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i, g[i], w[i])
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(g), len(w))
}
