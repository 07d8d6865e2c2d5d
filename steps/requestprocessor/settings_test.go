package requestprocessor_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// check decodes and validates settings.
func check(settings string) error {
	s := new(requestprocessor.Step)
	if err := json.Unmarshal([]byte(settings), s); err != nil {
		return err
	}
	return s.Validate()
}

// callWith are settings of one call with further keys of the call and the request.
func callWith(call, request string) string {
	if call != "" {
		call = "," + call
	}
	if request != "" {
		request = "," + request
	}
	return `{"stages":[{"call_api":[{"name":"c","request":{"url":"https://erp.example/x","method":"POST"` + request + `}` + call + `}]}]}`
}

const usesToken = `"headers":{"Authorization":"Bearer {token}"}`

func TestWrongSettingsAreNamedWithTheirPlace(t *testing.T) {
	t.Parallel()
	handler := func(h string) string { return callWith(`"response_handlers":[`+h+`]`, "") }
	auth := func(a string) string { return callWith(`"auth":`+a, usesToken) }
	const at, rq, rh, au = "stages[0].call_api[0]", "stages[0].call_api[0].request", "stages[0].call_api[0].response_handlers[0]", "stages[0].call_api[0].auth"
	for settings, want := range map[string]string{
		// The whole.
		`{}`:                                   "stages: is missing or empty",
		`{"stages":[]}`:                        "stages: is missing or empty",
		`{"stages":[{}]}`:                      "stages[0]: is empty; a stage has evaluate, get_content or call_api",
		`{"stage":[]}`:                         "stage: unknown key (did you mean stages?)",
		`{"settings":{"stages":[]}}`:           "settings: unknown key (known keys: debugging, stages)",
		`{"stages":[{"call_apy":[]}]}`:         "stages[0].call_apy: unknown key (did you mean call_api?)",
		`{"stages":[],"debugging":"y"}`:        "debugging: is a string, expected true or false",
		callWith(`"responce_handlers":[]`, ""): at + ".responce_handlers: unknown key (did you mean response_handlers?)",
		callWith("", `"header":{}`):            rq + ".header: unknown key (did you mean headers?)",
		callWith("", `"timeout":"5"`):          rq + ".timeout: is a string, expected a whole number",
		// evaluate
		`{"stages":[{"evaluate":[{}]}]}`:                                                     "stages[0].evaluate[0].name: is missing\nstages[0].evaluate[0].condition: is missing",
		`{"stages":[{"evaluate":[{"name":"n","condition":{"field.x":{"$get":1}}}]}]}`:        "stages[0].evaluate[0].condition.field.x.$get: $get is not known (did you mean $gt?)",
		`{"stages":[{"evaluate":[{"name":"n","condition":{"response.ok":{"$eq":1}}}]}]}`:     "stages[0].evaluate[0].condition.response.ok: {response.ok}: response is not available here (expected one of payload, field, property)",
		`{"stages":[{"evaluate":[{"name":"n","condition":{"field.x":{"$eq":"{token}"}}}]}]}`: "{token}: token is not available here (expected one of payload, field, property)",
		// get_content
		`{"stages":[{"get_content":[{"name":"a.b","source":"documents","query":{}}]}]}`:               "stages[0].get_content[0].source: \"documents\" is unknown (expected one of document_relation, document_relation_content, explicit, parent_relation, parent_relation_content, relation, relation_content)",
		`{"stages":[{"get_content":[{"name":"a","source":"document_relations","query":{}}]}]}`:        "did you mean document_relation?",
		`{"stages":[{"get_content":[{"name":"a","source":"relation"}]}]}`:                             "stages[0].get_content[0].query: is missing",
		`{"stages":[{"get_content":[{"name":"a","source":"relation","query":{"kee":{"$eq":1}}}]}]}`:   "stages[0].get_content[0].query.kee: there is no key kee; the keys are id, type, key, parent, annotations, url (did you mean key?)",
		`{"stages":[{"get_content":[{"name":"a","source":"explicit","query":{}}]}]}`:                  `stages[0].get_content[0].query: is not a list of templates, such as ["{payload.document.url.@}"]`,
		`{"stages":[{"get_content":[{"name":"a","source":"explicit","query":[]}]}]}`:                  "stages[0].get_content[0].query: is empty",
		`{"stages":[{"get_content":[{"name":"a","source":"explicit","query":["{sequence}",null]}]}]}`: "stages[0].get_content[0].query[0]: {sequence}: sequence is not available here (expected one of payload, field, property)\nstages[0].get_content[0].query[1]: is null",
		// request
		`{"stages":[{"call_api":[{}]}]}`: rq + ".url: is missing\n" + rq + ".method: is missing",
		`{"stages":[{"call_api":[{"request":{"url":"erp.example/x","method":"POSTE"}}]}]}`: rq + ".url: this is not a URL that begins with http:// or https:// and has a host; if it is made of a field, the field may be empty\n" + rq + ".method: \"POSTE\" is unknown (expected one of GET, POST, PUT, PATCH, DELETE; did you mean POST?)",
		callWith("", `"content_type":"jsn"`):                                               rq + ".content_type: \"jsn\" is unknown (expected one of json, form, files, multipart, raw; did you mean json?)",
		callWith("", `"timeout":-1`):                                                       rq + ".timeout: -1 is not between 1 and 3600 seconds",
		callWith("", `"params":["a"]`):                                                     rq + ".params: is a list, expected an object",
		callWith("", `"headers":{"X":5}`):                                                  rq + ".headers.X: is a number, expected a string",
		callWith("", `"headers":{"X":"{tokn}"}`):                                           rq + ".headers.X: {tokn}: tokn is not known",
		callWith("", `"headers":{"X":"{token}"}`):                                          rq + ".headers.X: {token}: token is not available here (expected one of payload, field, property, sequence)",
		callWith("", `"content":{"a":["{item.x}"]}`):                                       rq + ".content.a[0]: {item.x}: item is not known",
		callWith("", `"headers":{"x-a":"1","X-A":"2"}`):                                    rq + ".headers.X-A: is given twice, in different cases",
		callWith("", `"content":"{field}"`):                                                rq + ".content: {field}: names no field; write field.<schema_id>.value",
		callWith("", `"content":"{payload.secrets}"`):                                      rq + ".content: {payload.secrets}: means all secrets at once; name one, as in payload.secrets.password",
		callWith("", `"content":"{property.x}"`):                                           rq + ".content: {property.x}: there is no such value: property has no x",
		callWith(
			"", `"content":{"f":["a"]},"content_type":"files"`,
		): rq + ".content.f: is a list of length 1, expected a file name, its content, and optionally its media type",
		callWith(
			"", `"content":"x","content_type":"multipart"`,
		): rq + `.content: is a string, expected an object such as {"file": ["name.pdf", "{payload.document.content.@}"]}`,
		callWith(
			"", `"iterate_over":"fields.lines"`,
		): rq + ".iterate_over: fields is not known here (expected one of payload, field, property)",
		callWith(
			"", `"iterate_over":"field..lines"`,
		): rq + `.iterate_over: the path "field..lines" is malformed at "..lines"`,
		callWith(
			"", `"iterate_over":"property.none"`,
		): rq + ".iterate_over: there is no such value: property has no none",
		callWith(
			"", `"iterate_over":"field.lines","iteration_item_name":"field"`,
		): rq + `.iteration_item_name: "field" cannot be the name of an item`,
		callWith("", `"iteration_item_name":"line"`): rq + ".iteration_item_name: needs iterate_over",
		// handlers
		handler(`{}`): rh + ".target_type: \"\" is unknown (expected one of schema_id, property, document_relation)\n" + rh + ".target_key: is missing",
		handler(`{"target_type":"schemaid","target_key":"x"}`):                                                                                  rh + `.target_type: "schemaid" is unknown (expected one of schema_id, property, document_relation; did you mean schema_id?)`,
		handler(`{"target_type":"schema_id","target_key":"x"}`):                                                                                 rh + ".value: is missing, which target_type schema_id needs",
		handler(`{"target_type":"property","target_key":"x{item}","value":{"response":{"$jmespath":"ok"}}}`):                                    rh + ".target_key: only {sequence} can be filled in here: KeyError: 'item'",
		handler(`{"target_type":"property","target_key":"x{sequence:9999999999}","value":{"response":{"$jmespath":"ok"}}}`):                     rh + ".target_key: it becomes longer than 4096 bytes",
		handler(`{"target_type":"document_relation","target_key":"{sequence:>0{sequence}99999999d}"}`):                                          rh + ".target_key: it becomes longer than 4096 bytes",
		handler(`{"target_type":"property","target_key":"x","value":{"response.raw":{"$jmespath":"ok"}}}`):                                      rh + ".value.response.raw: response.raw does not exist (did you mean response.headers_raw?)",
		handler(`{"target_type":"property","target_key":"x","value":{"response":{}}}`):                                                          rh + ".value.response: has 0 operators",
		handler(`{"target_type":"property","target_key":"x","value":{"response":{"$jmespath":"ok"}},"condition":{"response.stats":{"$eq":1}}}`): rh + ".condition.response.stats: {response.stats}: there is no such value: response has no stats",
		callWith(`"priority_response_handlers":[{"target_type":"property","target_key":"x"}]`, ""):                                              at + ".priority_response_handlers[0].value: is missing",
		// auth
		callWith(`"response_handlers":[{"condition":{"field.state":"x"},"target_type":"property","target_key":"x","value":{"response":{"$jmespath":"ok"}}}]`, ""): at + ".response_handlers[0].condition.field.state: {field.state}: field is not available here (expected one of response, found_value)",
		`{"stages":[{"call_api":[{"request":{"url":"https://erp.example","method":"GET","iterate_over":"{field.lines}"}}]}]}`:                                     `stages[0].call_api[0].request.iterate_over: "{field.lines}" is not a path; write field.lines, without braces and blanks`,
		auth(`{"type":"basic"}`): au + `.type: "basic" is unknown (expected one of bearer, oauth1, oauth2_private_certificate)`,
		auth(`{}`):               au + ".url: is missing\n" + au + ".method: is missing\n" + au + ".credential_key: is missing",
		auth(`{"url":"https://a.example","method":"POST","credential_key":"a..b"}`): au +
			`.credential_key: the path "a..b" is malformed`,
		auth(`{"url":"https://a.example","method":"POST","credential_key":"a.@"}`):                         au + ".credential_key: is a path within the answer",
		auth(`{"url":"https://a.example","method":"POST","credential_key":"a","consumer_key":"x"}`):        au + ".consumer_key: is not a key of type bearer (known keys: url,",
		auth(`{"url":"https://a.example","method":"POST","credential_key":"a","content_type":"xml"}`):      au + `.content_type: "xml" is unknown (expected one of json, form`,
		auth(`{"url":"https://a.example","method":"POST","credential_key":"a","content":{"a":"{token}"}}`): au + ".content.a: {token}: token is not available here (expected one of payload, field, property)",
		auth(`{"type":"oauth1"}`): au + ".consumer_key: is missing\n" + au + ".consumer_secret: is missing\n" + au + ".token_key: is missing\n" + au + ".token_secret: is missing",
		auth(`{"type":"oauth1","consumer_key":"a","consumer_secret":"b","token_key":"c","token_secret":"d"}`):                                  rq + ".headers.Authorization: {token}: token is not available here",
		auth(`{"type":"oauth1","consumer_key":"a","consumer_secret":"b","token_key":"c","token_secret":"d","signature_method":"HMAC-SHA512"}`): au + `.signature_method: "HMAC-SHA512" is unknown (expected one of HMAC-SHA256, HMAC-SHA1`,
		auth(`{"type":"oauth2_private_certificate"}`): au + ".url: is missing\n" + au + ".client_id: is missing\n" + au + ".certificate_id: is missing\n" + au + ".private_certificate: is missing",
		auth(`{"type":"oauth2_private_certificate","url":"https://a.example","client_id":"a","certificate_id":"b","private_certificate":"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----","signature_algorithm":"HS256","assertion_expiry":-5,"additional_claims":[]}`): au + ".private_certificate: encrypted private keys are not supported; store the key without a passphrase\n" + au + ".additional_claims: is a list, expected an object\n" + au + `.signature_algorithm: "HS256" is unknown (expected one of PS256`,
		callWith(`"auth":{"url":"https://a.example","method":"POST","credential_key":"a"}`, ""): au + ` gets a token`,
		// Order of properties.
		`{"stages":[{"evaluate":[{"name":"n","condition":{"property.later":{"$eq":1}}}]},{"get_content":[{"name":"later","source":"relation","query":{}}]}]}`:                                    "stages[0].evaluate[0].condition.property.later: {property.later}: there is no such value: property.later is set only later",
		`{"stages":[{"get_content":[{"name":"purchase_order","source":"relation","query":{}}]},{"call_api":[{"request":{"url":"https://a.example/{property.purchaseorder}","method":"GET"}}]}]}`: "stages[1].call_api[0].request.url: {property.purchaseorder}: there is no such value: property has no purchaseorder (did you mean purchase_order?)",
	} {
		err := check(settings)
		text := fmt.Sprint(err)
		want = strings.Replace(want, " gets a token", ": gets a token", 1)
		if !strings.Contains(text, want) {
			t.Errorf("%s\n got %v\nwant %s", settings, err, want)
		}
	}
}

func TestAllFaultsOfAllStagesComeAtOnce(t *testing.T) {
	t.Parallel()
	err := check(
		`{"stages":[{"evaluate":[{"name":"n"}]},{"call_api":[{"request":{"url":"x","method":"GET"}},` +
			`{"request":{"url":"https://a.example/{fild.x}","method":"GET"},` +
			`"response_handlers":[{"target_type":"property"}]}]}]}`,
	)
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("got %v", err)
	}
}

func TestWrongSettingsDoNotRun(t *testing.T) {
	t.Parallel()
	s := step(t, nil, `{"stages":[{"call_api":[{"request":{"url":"https://a.example/{fild.x}","method":"GET"}}]}]}`)
	for range 2 {
		x, err := pipeline.NewExport(offline().Payload())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context(), x); err == nil || !strings.Contains(err.Error(), "fild is not known (did you mean field?)") {
			t.Errorf("got %v", err)
		}
		_ = s.Validate() // its error is the one that Run returns
	}
}
