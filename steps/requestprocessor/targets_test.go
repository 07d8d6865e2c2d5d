package requestprocessor_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// The public Coupa organisation keeps the status of uploaded attachments in a field that
// its queues lack. Invoices without attachments are exported all the same.
func TestAFieldForRepliesToItemsIsMissedBeforeTheFirstCallIfThereAreItems(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		contents, iterate, table string
		calls                    int
		missed                   bool
	}{
		"no document": {`{"name":"files","source":"document_relation_content","query":{"key":"other"}}`, "property.files", "", 1, false},
		"documents": {`{"name":"files","source":"document_relation_content","query":{"key":{"$regex":"^attachment"}}}`,
			"property.files", "", 0, true},
		"relations":        {`{"name":"files","source":"relation","query":{}}`, "property.files", "", 0, true},
		"an explicit text": {`{"name":"files","source":"explicit","query":["{property.created.id}"]}`, "property.files", "", 1, true},
		"no row":           {``, "field.rows", "", 1, false},
		"rows":             {``, "field.rows", "1", 0, true},
	} {
		a := serve(t, nil)
		var rows []rossumtest.TableRow
		if tt.table != "" {
			rows = append(rows, rossumtest.Row("n", tt.table))
		}
		call := invoice(rossumtest.On(platform(t)), rossumtest.Table("rows", rows...))
		r := run(t, a, call, `{"stages":[{"call_api":[{"name":"create","request":{"url":"API/invoices","method":"POST"},"response_handlers":[
			{"target_type":"property","target_key":"created","value":{"response.body":{"$jmespath":"@"}}}]}]},
			{"get_content":[`+tt.contents+`],"call_api":[{"name":"upload",
			"request":{"url":"API/files","method":"POST","iterate_over":"`+tt.iterate+`","iteration_item_name":"item"},
			"response_handlers":[{"target_type":"schema_id","target_key":"files_status","value":{"response":{"$jmespath":"status_code"}}}]}]}]}`)
		made := len(a.requests())
		missed := r.Err != nil && strings.Contains(r.Err.Error(), `"files_status": no such field`)
		if made != tt.calls || missed != tt.missed {
			t.Errorf("%s: %d calls, %v", name, made, r.Err)
		}
		if tt.calls == 1 && !strings.Contains(decisions(r), tt.iterate+" may have no element") {
			t.Errorf("%s: the report says %s", name, decisions(r))
		}
	}
}

func TestTheFieldsOfAllItemsAreLookedForBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	const upload = `{"call_api":[{"name":"upload","request":{"url":"API/files","method":"POST","content":"{item}","iterate_over":"%s"},
		"response_handlers":[{"target_type":"schema_id","target_key":"line_{sequence}","value":{"response":{"$jmespath":"status_code"}}}]}]}`
	const create = `{"call_api":[{"name":"create","request":{"url":"API/invoices","method":"POST"},
		"response_handlers":[{"target_type":"property","target_key":"made","value":{"response.body":{"$jmespath":"list"}}}]}]}`
	for iterate, calls := range map[string]string{
		"payload.two":     "POST /invoices, POST /files, POST /files",
		"payload.three":   "",               // line_2 is missing, which is known before the run
		"property.made":   "POST /invoices", // which is known with the reply
		"payload.nothing": "POST /invoices",
	} {
		a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
			answer(w, 201, "application/json", `{"list": ["a", "b", "c"]}`)
		})
		call := offline(
			rossumtest.Sideload("two", []string{
				"a", "b",
			}), rossumtest.Sideload("three", []string{"a", "b", "c"}), rossumtest.Sideload("nothing", []string{}),
		)
		r := run(t, a, call, `{"stages":[`+create+`,`+fmt.Sprintf(upload, iterate)+`]}`)
		missed := r.Err != nil && strings.Contains(r.Err.Error(), `"line_2": no such field`)
		if got := a.paths(); got != calls || missed != (iterate == "payload.three" || iterate == "property.made") {
			t.Errorf("%s: calls %q, %v", iterate, got, r.Err)
		}
	}
}
