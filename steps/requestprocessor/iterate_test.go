package requestprocessor_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// over are settings of one call that iterates.
func over(list, request, handlers string) string {
	return `{"stages":[{"get_content":[{"name":"docs","source":"document_relation_content","query":{"key":{"$regex":"^attachment"}}},{"name":"one","source":"document_relation_content","query":{"key":{"$eq":"draft"}}},{"name":"none","source":"document_relation","query":{"key":{"$eq":"x"}}}],
		"call_api":[{"name":"c","request":{"method":"POST","iterate_over":"` + list + `",` + request + `},"response_handlers":[` + handlers + `]}]}]}`
}

func TestARequestIsMadeForEachElement(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, list, request, want string }{
		{"a table", "field.lines", `"url":"API/{item.sku.value}","content":"{sequence} {item.qty} {field.number.value}"`, "POST /A 0 1 2026/0042, POST /B 1 2 2026/0042"},
		{"named", "field.lines", `"iteration_item_name":"line","url":"API","content_type":"json","content":{"sku":"{line.sku.value}","i":"{sequence}"}`, `POST / {"sku": "A", "i": 0}, POST / {"sku": "B", "i": 1}`},
		{"params and headers", "field.lines", `"url":"API","params":{"s":"{item.sku.value}"}`, "POST /?s=A, POST /?s=B"},
		{"rows by their own id", "field.line", `"url":"API/{item.sku.value}"`, "POST /A, POST /B"},
		{"a repeated field", "field.tags", `"url":"API/{item.value}","content":"{item}"`, "POST /red red, POST /blue blue"},
		{"a column", "field.sku.all_values", `"url":"API/{item.value}"`, "POST /A, POST /B"},
		{"the field of a repeated one", "field.tag.all_values", `"url":"API/{item.value}"`, "POST /red, POST /blue"},
		{"documents", "property.docs", `"url":"API/{item.original_file_name}","content":"{item.content.@}"`, "POST /f702 file 702, POST /f703 file 703, POST /f704 file 704"},
		{"one match", "property.one", `"url":"API/{item.original_file_name}"`, "POST /f701"},
		{"no match", "property.none", `"url":"API/{item.key}"`, ""},
		{"an empty table", "field.nothing", `"url":"API/{item.value}"`, ""},
		{"null", "payload.annotation.nul", `"url":"API/{item}"`, ""},
		{"objects of the payload", "payload.schemas", `"url":"API/{item.id}"`, "POST /31336"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, nil)
			r := run(t, a, invoice(rossumtest.On(platform(t))), over(tt.list, tt.request, ""))
			var got []string
			for _, s := range a.requests() {
				got = append(got, s.String())
			}
			if r.Err != nil || strings.Join(got, ", ") != tt.want {
				t.Errorf("got %s, %v", strings.Join(got, ", "), r.Err)
			}
			if tt.want == "" && !strings.Contains(decisions(r), "skipped stages[0].call_api[0] (c): "+tt.list+" is empty") {
				t.Errorf("the report says %s", decisions(r))
			}
		})
	}
}

func TestItemsOfTheWrongShapeAreNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ list, url, want string }{
		{"field.lines", "{item.value}", "request.url (c): {item.value}: there is no such value: a row has no single value; name a column, as in item.<schema_id>.value"},
		{"field.lines", "{item.skuu.value}", `request.url: the table lines has no column "skuu"; did you mean "sku"?`},
		{"field.lines", "{item}", "a row, whose columns are in .<schema_id>.value, cannot be used as a value"},
		{"field.tags", "{item.tag.value}", "the field tag has no tag (it has value, id, hidden, normalized_value, attr); the elements of a repeated field are its values, so leave the name out"},
		{"field.tag", "{item.value}", "request.iterate_over (c): field.tag is a column or the field within a repeated one, not a list by itself; write field.tag.all_values"},
		{"field.line_itms", "{item.value}", `request.iterate_over: field "line_itms": no such field in the annotation`},
		{"property.docs", "{item.name}", "{item.name}: there is no such value: item has no name"},
	} {
		a := serve(t, nil)
		r := run(t, a, invoice(rossumtest.On(platform(t))), over(tt.list, `"url":"API/`+tt.url+`"`, ""))
		if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) || len(a.requests()) != 0 {
			t.Errorf("%s %s\n got %v\nwant %s", tt.list, tt.url, r.Err, tt.want)
		}
	}
}

func TestEachElementHasItsReply(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	r := run(t, a, invoice(rossumtest.On(platform(t))), over("field.lines", `"url":"API"`, toField("line_{sequence}", "response.body", "$jmespath", "id")+","+toField("remote_id", "response.body", "$jmespath", "id")+
		`,{"target_type":"property","target_key":"id_{sequence}","value":{"response.body":{"$jmespath":"id"}}}`))
	if r.Err != nil || r.Values["line_0"]+r.Values["line_1"]+r.Values["remote_id"] != "ERP-1ERP-2['ERP-1', 'ERP-2']" {
		t.Errorf("%v %v", r.Values, r.Err)
	}
}

func TestAnElementMayUseWhatTheOneBeforeItHasSet(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	settings := `{"stages":[{"get_content":[{"name":"last","source":"explicit","query":["first"]}],"call_api":[{"name":"c","request":{"url":"API/{property.last}","method":"POST","iterate_over":"field.lines"},"response_handlers":[{"target_type":"property","target_key":"last","value":{"response.body":{"$jmespath":"id"}}}]}]}]}`
	if r := run(t, a, offline(), settings); r.Err != nil || a.paths() != "POST /first, POST /ERP-1" {
		t.Errorf("%s %v", a.paths(), r.Err)
	}
}

// A request that is not answered does not keep the others from being made; one that
// cannot be made ends its call_api.
func TestFaultsOfElements(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, request, paths, want, line0, line1 string }{
		{"reset", `"url":"API/{item.sku.value}"`, "POST /A, POST /B", "stages[0].call_api[0].request.url (c): POST", "", "ERP-2"},
		{"time-out", `"url":"API/slow{item.sku.value}","timeout":1`, "POST /slowA, POST /slowB", "the other side took too long: nothing happened for 1s", "", "ERP-2"},
		{"ignored time-out", `"url":"API/slow{item.sku.value}","timeout":1,"ignore_timeout":true`, "POST /slowA, POST /slowB", "", "", "ERP-2"},
		{"a reset is no time-out", `"url":"API/{item.sku.value}","ignore_timeout":true`, "POST /A, POST /B", "the other side may have received it", "", "ERP-2"},
		{"a placeholder", `"url":"API/x{item.sku.value}/{property.docs[1].id}"`, "", "property.docs", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, func(w http.ResponseWriter, s seen, n int) {
				switch s.uri {
				case "/A":
					panic(http.ErrAbortHandler)
				case "/slowA":
					time.Sleep(1500 * time.Millisecond)
				}
				answer(w, 200, "application/json", fmt.Sprintf(`{"id":"ERP-%d"}`, n))
			})
			settings := `{"stages":[{"get_content":[{"name":"docs","source":"document_relation","query":{}}],"call_api":[{"name":"c","request":{"method":"POST","iterate_over":"field.lines",` + tt.request + `},"response_handlers":[` + toField("old_{sequence}", "response.body", "$jmespath", "id") + `]}]}]}`
			r := run(t, a, offline(rossumtest.Field("old_0", "old"), rossumtest.Field("old_1", "old")), settings)
			if (r.Err == nil) != (tt.want == "") || r.Err != nil && !strings.Contains(r.Err.Error(), tt.want) || a.paths() != tt.paths {
				t.Errorf("%v, %s", r.Err, a.paths())
			}
			if r.Values["old_0"] != tt.line0 || r.Values["old_1"] != tt.line1 {
				t.Errorf("fields %q and %q", r.Values["old_0"], r.Values["old_1"])
			}
		})
	}
}

func TestAListThatASkippedStageWouldHaveSetIsEmpty(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	r := run(t, a, offline(), `{"stages":[{"evaluate":[{"name":"no","condition":{"field.state.value":{"$eq":"x"}}}],"get_content":[{"name":"docs","source":"document_relation","query":{}}]},{"call_api":[{"name":"c","request":{"url":"API/{item.key}","method":"POST","iterate_over":"property.docs"}}]}]}`)
	if r.Err != nil || len(a.requests()) != 0 || !strings.Contains(decisions(r), "skipped stages[1].call_api[0] (c): there is no such value: property.docs was not set in this run") {
		t.Errorf("%v %s", r.Err, decisions(r))
	}
}

func TestTooManyElementsAreRefused(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	many := make([]string, 10_001)
	r := run(t, a, rossumtest.Annotation(rossumtest.Offline(), rossumtest.List("many", "one", many...)), `{"stages":[{"call_api":[{"request":{"url":"API","method":"GET","iterate_over":"field.many"}}]}]}`)
	if r.Err == nil || !strings.Contains(r.Err.Error(), "10001 elements, more than the limit of 10000") || len(a.requests()) != 0 {
		t.Errorf("%v", r.Err)
	}
}
