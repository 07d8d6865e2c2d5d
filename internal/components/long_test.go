package components_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// longSize is the size of the long texts in bytes.
const longSize = 100 << 10

// longTexts are what a document or another system may say at length.
func longTexts() map[string]string {
	fill := func(s string) string { return strings.Repeat(s, longSize/len(s)) }
	return map[string]string{"letters": fill("a"), "all kinds": fill("a<\x01\"ž\\\n\"password\":\"x\", http://x:y@z/?sig=1 ")}
}

// longReplies are replies made of a text.
var longReplies = map[string]func(w http.ResponseWriter, text string){
	"an error": func(w http.ResponseWriter, text string) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, text)
	},
	"errors in JSON": func(w http.ResponseWriter, text string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": map[string]any{text: []string{text, text + "2"}}, "error": text})
	},
	"JSON": func(w http.ResponseWriter, text string) {
		_ = json.NewEncoder(w).Encode(map[string]any{"id": text, "access_token": text})
	},
	"not JSON": func(w http.ResponseWriter, text string) { _, _ = io.WriteString(w, `{"id": "`+text) },
	"a redirect": func(w http.ResponseWriter, text string) {
		w.Header().Set("Location", "/"+strings.NewReplacer("\n", "", "\x01", "").Replace(text[:longSize-100]))
		w.WriteHeader(http.StatusFound)
	},
	"a fault": func(w http.ResponseWriter, text string) {
		var b bytes.Buffer
		for _, r := range []byte(text) {
			fmt.Fprintf(&b, "&#%d;", max(r, ' '))
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = fmt.Fprintf(
			w,
			`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Server</faultcode><faultstring>%s`+
				`</faultstring></e:Fault></e:Body></e:Envelope>`,
			&b,
		)
	},
}

// quoting are chains that say what is in a field, each in the way of its language.
func quoting() map[string][]pipeline.Step {
	all := make(map[string][]pipeline.Step)
	for name, code := range map[string]string{
		"int": "int(f)", "float": "float(f)", "KeyError": "{}[f]", "ValueError": "raise_(ValueError(f))",
		"date": "datetime.datetime.strptime(f, '%Y')", "Decimal": "decimal.Decimal(f)", "JSON": "json.loads(f)",
		"pattern": "re.compile(f)", "XML": "ElementTree.fromstring(f)", "attribute": "getattr(1, f)", "format": "f.format()",
		"percent": "'%d' % f", "number": "1 + f", "isoformat": "datetime.date.fromisoformat(f)",
		"base64": "base64.b64decode(f)", "name": "f.encode(f)", "messages": "messages.append({'type': 'error', 'content': f})",
		"many": "messages.extend([{'type': 'info', 'content': f}] * 100)", "print": "print(f)", "assertion": "assert_(f)",
	} {
		all["function "+name] = []pipeline.Step{
			&steps.Function{Code: "import base64, datetime, decimal, json, re\nfrom xml.etree import ElementTree\n\n" +
				"def raise_(e):\n    raise e\n\ndef assert_(f):\n    assert not f, f\n\n" +
				"def rossum_hook_request_handler(payload):\n    messages = []\n" +
				"    f = payload['annotation']['content'][0]['children'][0]['content']['value']\n    " + code +
				"\n    return {'messages': messages}\n"},
		}
	}
	for name, template := range map[string]string{
		"int": "{{ field.found.value | tojson | int + 'x' }}", "filter": "{{ {}[field.found] }}", "get": "{{ none[field.found] }}",
	} {
		all["template "+name] = []pipeline.Step{&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "p", Template: template}}}}
	}
	status := func(s string) steps.ReplyCheck {
		return steps.ReplyCheck{Label: "x", StatusField: s, BodyField: "found"}
	}
	all["replies"] = []pipeline.Step{&steps.EvaluateReplies{Replies: []steps.ReplyCheck{status("found"), status("failed")}}}
	return all
}

// sending are chains that say what is in a reply, or in the address that they call.
func sending(t *testing.T, base string) map[string][]pipeline.Step {
	t.Helper()
	all := canarySteps(t, base)
	for name, u := range map[string]string{"address": base + "/@{found}", "host": "http://h@{found}.invalid/", "query": base + "?a=@{found}"} {
		all["REST "+name] = []pipeline.Step{
			&steps.RESTExport{Request: steps.Request{URL: u, Headers: map[string]string{"X-A": "@{found}"}}},
		}
	}
	return all
}

// What people are shown of a long text is its beginning, in whatever message, error, line of a
// log and place of a report it comes, and how many there are of it is bounded as well.
func TestNothingThatIsSaidIsLong(t *testing.T) {
	t.Parallel()
	for text, long := range longTexts() {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			for name, chained := range quoting() {
				checkSaid(t, name, long, chained)
			}
		})
	}
	long := longTexts()["all kinds"]
	for reply, answer := range longReplies {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" && reply != "JSON" {
				_, _ = io.WriteString(w, `{"access_token":"`+canaries["oauth"]+`"}`)
				return
			}
			answer(w, long)
		}))
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		t.Cleanup(s.Close)
		t.Run(reply, func(t *testing.T) {
			t.Parallel()
			for name, chained := range sending(t, s.URL) {
				checkSaid(t, name, long, chained)
			}
		})
	}
}

func checkSaid(t *testing.T, name, long string, chained []pipeline.Step) {
	t.Helper()
	chain, err := pipeline.New(chained...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	log := &lengths{}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var report *pipeline.Report
	call := rossumtest.Annotation(
		rossumtest.Field("found", long),
		rossumtest.Field("failed", "500"),
		rossumtest.From("https://acme.rossum.app", "t"),
	)
	for _, name := range []string{"hook", "login", "workday_username", "workday_password", "access_key_id", "secret_access_key"} {
		call.With(rossumtest.Secret(name, "secret-of-"+name))
	}
	payload := call.Payload()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := chain.Export(
		ctx,
		payload,
		pipeline.WithLogger(slog.New(log)),
		pipeline.WithRossum(nil),
		pipeline.WithOriginal(pipeline.Bytes("x")),
		pipeline.WithHTTPClient(&http.Client{Transport: transport}),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	)
	const most = redact.MaxSaid + 5<<10
	for e := err; e != nil; e = errors.Unwrap(e) {
		if n := len(e.Error()); n > most {
			t.Errorf("%s: an error has %d bytes: %.300s", name, n, e)
		}
	}
	total := 0
	if response == nil {
		response = &rossum.Response{}
	}
	for _, m := range response.Messages {
		if total += len(m.Content); len(m.Content) > most {
			t.Errorf("%s: a message has %d bytes: %.300s", name, len(m.Content), m.Content)
		}
	}
	if total > 400<<10 {
		t.Errorf("%s: the messages have %d bytes", name, total)
	}
	if log.most > most {
		t.Errorf("%s: a text of the log has %d bytes: %.300s", name, log.most, log.text)
	}
	if report == nil {
		return
	}
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if n, text := longest(v); n > most {
		t.Errorf("%s: a text of the report has %d bytes: %.300s", name, n, text)
	}
}

// longest is the longest text of a value of JSON.
func longest(v any) (most int, text string) {
	look := func(member any) {
		if n, t := longest(member); n > most {
			most, text = n, t
		}
	}
	switch v := v.(type) {
	case string:
		return len(v), v
	case []any:
		for _, item := range v {
			look(item)
		}
	case map[string]any:
		for name, item := range v {
			look(name)
			look(item)
		}
	}
	return most, text
}

// lengths is a log of which the longest text is kept.
type lengths struct {
	mu   sync.Mutex
	most int
	text string
}

func (l *lengths) Enabled(context.Context, slog.Level) bool { return true }

func (l *lengths) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		l.add(a.Value.String())
		return true
	})
	return nil
}

func (l *lengths) add(text string) {
	if len(text) > l.most {
		l.most, l.text = len(text), text
	}
}

func (l *lengths) WithAttrs(all []slog.Attr) slog.Handler {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range all {
		l.add(a.Value.String())
	}
	return l
}

func (l *lengths) WithGroup(string) slog.Handler { return l }
