package requestprocessor_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// utf16 is a text in UTF-16 with a byte order mark.
func utf16(text string) string {
	out := []byte("\xff\xfe")
	for _, c := range text {
		out = append(out, byte(c), byte(c>>8))
	}
	return string(out)
}

// TestRepliesThatOtherClientsStumbleOver has replies from public bug reports of programs
// that do the same job; each is named by its report.
func TestRepliesThatOtherClientsStumbleOver(t *testing.T) {
	t.Parallel()
	var deflated bytes.Buffer
	w := zlib.NewWriter(&deflated)
	_, _ = w.Write([]byte(`{"id": "v"}`))
	w.Close()
	const id = `{"response.body":{"$jmespath":"id"}}`
	for name, tt := range map[string]struct{ mediaType, encoding, body, value, want string }{
		"microsoftgraph/microsoft-graph-docs#679: a byte order mark":       {"application/json", "", "\ufeff{\"id\": \"v\"}", id, "v"},
		"jmespath/jmespath.js#69: infinity":                                {"application/json", "", `{"id": "v", "r": -Infinity, "n": NaN}`, id, "v"},
		"woocommerce/wc-api-python#40: deflate that nobody asked for":      {"application/json", "deflate", deflated.String(), id, "v"},
		"aacerox/node-rest-client#197: JSON in UTF-16":                     {"application/json; charset=utf-16", "", utf16(`{"id": "v"}`), id, "v"},
		"veewee/xml#75: UTF-8 that is declared as UTF-16":                  {"text/xml; charset=utf-8", "", `<?xml version="1.0" encoding="utf-16"?><r><id>ž</id></r>`, `{"response.body":{"$xmlpath":"id"}}`, "ž"},
		"veewee/xml#75: the same without a charset in the header":          {"application/xml", "", `<?xml version="1.0" encoding="utf-16"?><r><id>v</id></r>`, `{"response.body":{"$xmlpath":"id"}}`, "v"},
		"golang/go#38335: XML in UTF-16":                                   {"text/xml; charset=utf-16", "", utf16(`<?xml version="1.0" encoding="utf-16"?><r><id>v</id></r>`), `{"response.body":{"$xmlpath":"id"}}`, "v"},
		"axiak/pyre2#40: the end of a line":                                {"text/plain", "", "Order 7\n", `{"response.text":{"$regex":"Order (\\d+)$"}}`, "7"},
		"ruby/rexml#319: nodes in the order of the document":               {"application/xml", "", `<r><a><n>1</n></a><n>2</n><b><n>3</n></b></r>`, `{"response.body":{"$xmlpath":".//n"}}`, "['1', '2', '3']"},
		"a document type in a comment, and in CDATA":                       {"application/xml", "", `<r><!-- <!DOCTYPE x> --><n><![CDATA[<!DOCTYPE y>]]></n></r>`, `{"response.body":{"$xmlpath":"n"}}`, "<!DOCTYPE y>"},
		"windows-1250 in the declaration, and another charset in a header": {"application/xml; charset=windows-1252", "", "<?xml version=\"1.0\" encoding=\"windows-1250\"?><r><n>\x9e</n></r>", `{"response.body":{"$xmlpath":"n"}}`, "ž"},
	} {
		a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
			if tt.encoding != "" {
				w.Header().Set("Content-Encoding", tt.encoding)
			}
			answer(w, 200, tt.mediaType, tt.body)
		})
		r := run(t, a, offline(), handles(`{"target_type":"schema_id","target_key":"note","value":`+tt.value+`}`))
		if r.Err != nil || r.Values["note"] != tt.want {
			t.Errorf("%s: got %q, %v", name, r.Values["note"], r.Err)
		}
	}
}

// The engine compares the last two labels of the hosts. What of its answers is refused
// here would send the token of the hook to a stranger, or in the clear.
func TestAddressesAreFetchedWithinTheOwnDomainAlone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, url, engine, here string }{
		{"https://elis.example.test", "https://api.elis.example.test/x", "fetched", "fetched"},
		{"https://acme.example.test", "https://evil.test/x", "refused", "refused"},
		{"https://acme.example.test", "http://acme.example.test/x", "fetched", "refused"},
		{"https://a.co.uk", "https://attacker.co.uk/x", "fetched", "refused"},
		{"https://127.0.0.1:1", "https://127.0.0.1:2/x", "refused", "refused"},
		{"https://localhost:1", "https://localhost:1/x", "fetched", "fetched"},
		{"https://acme.example.test", "https://user@evil.test:443@acme.example.test/x", "fetched", "refused"},
		{"https://acme.example.test", "ftp://acme.example.test/x", "passed through", "passed through"},
		{"https://acme.example.test", "not a url", "passed through", "passed through"},
		{"https://acme.rossum.app", "https://elis.rossum.ai/api/v1/documents/1", "refused", "refused"},
		{"https://acme.rossum.app", "HTTPS://acme.rossum.app/x", "fetched", "fetched"},
		{"https://acme.example.test", "https://other.example.test/x", "fetched", "refused"},
	} {
		if got := fetches(t, tt.base, tt.url); got != tt.here || got != tt.engine && strings.HasPrefix(got, "passed") {
			t.Errorf("%s from %s: got %s, want %s", tt.url, tt.base, got, tt.here)
		}
	}
}

// fetches reports what {….@} does with an address.
func fetches(t *testing.T, base, address string) string {
	n := &network{}
	call := rossumtest.Annotation(rossumtest.From(base, rossumtest.Token), rossumtest.Field("address", address))
	r := run(t, nil, call, `{"stages":[{"call_api":[{"name":"c","request":{"url":"https://erp.example/","method":"POST","content":"{field.address.value.@}"}}]}]}`,
		pipeline.WithHTTPClient(&http.Client{Transport: n}))
	switch {
	case r.Err != nil && len(n.got) == 0:
		return "refused"
	case r.Err == nil && len(n.got) == 2 && strings.HasSuffix(n.got[0], " Bearer "+rossumtest.Token):
		return "fetched"
	case r.Err == nil && len(n.got) == 1 && strings.Contains(decisions(r), ".@ fetches nothing"):
		return "passed through"
	}
	return fmt.Sprint(n.got, r.Err)
}

func TestFieldsThatRepliesNeedAreFoundBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	const missing = `"scan_status": no such field in the annotation`
	for name, tt := range map[string]struct{ evaluate, handler, want string }{
		"after a call that succeeds":      {`{"field.status":{"$in":["201"]}}`, `"target_key":"scan_status"`, missing},
		"under a condition that is true":  {`{"field.state":"approved"}`, `"target_key":"scan_status"`, missing},
		"under one that is false":         {`{"field.state":"draft"}`, `"target_key":"scan_status"`, ""},
		"under one that hangs on a reply": {`{"property.created.id":{"$exists":true}}`, `"target_key":"scan_status"`, missing},
		"of a handler with a condition":   {`{}`, `"target_key":"scan_status","condition":{"response.ok":false}`, ""},
		"with the sequence":               {`{}`, `"target_key":"scan_{sequence}"`, `"scan_0"`},
	} {
		a := serve(t, nil)
		r := run(t, a, offline(), `{"stages":[{"call_api":[{"name":"create","request":{"url":"API/invoices","method":"POST"},"response_handlers":[`+toField("status", "response", "$jmespath", "status_code")+
			`,{"target_type":"property","target_key":"created","value":{"response.body":{"$jmespath":"@"}}}]}]},
			{"evaluate":[{"name":"e","condition":`+tt.evaluate+`}],"call_api":[{"name":"scan","request":{"url":"API/scan","method":"PUT"},"response_handlers":[{"target_type":"schema_id",`+tt.handler+`,"value":{"response":{"$jmespath":"status_code"}}}]}]}]}`)
		switch {
		case tt.want == "" && r.Err != nil:
			t.Errorf("%s: %v", name, r.Err)
		case tt.want != "" && (r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) || len(a.requests()) != 0):
			t.Errorf("%s: %v, %s", name, r.Err, a.paths())
		}
	}
}

func TestWithoutASchemaNumbersAreNotSentAsTexts(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`{"total":"{field.total}"}`:        "stages[0].call_api[0].request.content (c): {field.total} goes out with the type of the field",
		`{"none":"{field.none}"}`:          "write {field.none.value} to send a string",
		`{"vendor":"{field.vendor}"}`:      "",
		`{"sku":"{item.qty}"}`:             "{item.qty} goes out with the type",
		`{"sku":"{item.sku}"}`:             "",
		`{"total":"{field.total.value}"}`:  "",
		`{"id":"{payload.annotation.id}"}`: "",
	} {
		a, iterate := serve(t, nil), ""
		if strings.Contains(content, "{item") {
			iterate = `,"iterate_over":"field.lines"`
		}
		r := run(t, a, offline(rossumtest.Sideload("schemas", nil)), `{"stages":[{"call_api":[{"name":"c","request":{"url":"API","method":"POST","content_type":"json","content":`+content+iterate+`}}]}]}`)
		switch {
		case want == "" && (r.Err != nil || len(a.requests()) == 0):
			t.Errorf("%s: %v", content, r.Err)
		case want != "" && (r.Err == nil || !strings.Contains(r.Err.Error(), want) || len(a.requests()) != 0):
			t.Errorf("%s: %v, %v", content, r.Err, a.requests())
		}
	}
}
