package requestprocessor_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

var address = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)

// messages has a row for each kind of message that a person sees: on the annotation, or
// when the chain is built. API stands for the API's address.
var messages = []struct{ name, settings, status, mediaType, body string }{
	{"no stages", `{"stages":[]}`, "", "", ""},
	{"an unknown key", `{"stages":[{"call_apis":[]}]}`, "", "", ""},
	{"an empty stage", `{"stages":[{}]}`, "", "", ""},
	{"unknown names", `{"stages":[{"evaluate":[{"name":"","condition":{"fields.a":1}}],"get_content":[{"name":"p","source":"relations","query":{}}],"call_api":[{"request":{"url":"API/{payloda.a}","method":"FETCH","content_type":"xml"}}]}]}`, "", "", ""},
	{"wrong conditions", `{"stages":[{"evaluate":[{"name":"e","condition":{"$not":{},"field.a":{"$gtt":1},"field.b":{"$regex":"["},"field.c":{"$in":5},"field.d":{}}}],"call_api":[{"request":{"url":"API","method":"GET"}}]}]}`, "", "", ""},
	{"wrong placeholders", `{"stages":[{"call_api":[{"request":{"url":"API/{field.a-b}","method":"POST","content":{"a":"{upper(field.a)}","b":"{token}","c":"{property.none}","d":"{field}"}}}]}]}`, "", "", ""},
	{"a token that is not used", `{"stages":[{"call_api":[{"auth":{"url":"API","method":"POST","credential_key":"t"},"request":{"url":"API","method":"GET"}}]}]}`, "", "", ""},
	{"wrong handlers", `{"stages":[{"call_api":[{"request":{"url":"API","method":"GET"},"response_handlers":[{"target_type":"field","target_key":"","value":{}},{"target_type":"property","target_key":"p","value":{"response.bdy":{"$jmespath":"a["}}},{"target_type":"schema_id","target_key":"note","value":{"response.body":{"$xmlpath":"//a"}}}]}]}]}`, "", "", ""},
	{"a field that is missing", handles(toField("nope", "response", "$jmespath", "ok")), "", "", ""},
	{"a payload key that is missing", sends(`"url":"API/{payload.nope}","method":"GET"`), "", "", ""},
	{"a status that nobody looks at", sends(`"url":"API","method":"POST"`), "422", "application/json", `{"error":"The supplier is blocked."}`},
	{"a reply that is not JSON", handles(toField("note", "response.body", "$jmespath", "id")), "200", "application/json", "<html>"},
	{"a reply that is not XML", handles(toField("note", "response.body", "$xmlpath", "id")), "200", "application/xml", "<a>"},
	{"XPath on JSON", handles(toField("note", "response.body", "$xmlpath", "id")), "200", "application/json", "{}"},
	{"an address that is not a host", sends(`"url":"http://{field.empty.value}/x","method":"GET"`), "", "", ""},
	{"a redirect of a POST", sends(`"url":"API","method":"POST"`), "302", "", ""},
	{"a list in a form", sends(`"url":"API","method":"POST","content_type":"form","content":{"a":{"b":1}}`), "", "", ""},
	{"a file without a name", sends(`"url":"API","method":"POST","content_type":"files","content":{"a":["x"]}`), "", "", ""},
	{"unlike operands", `{"stages":[{"evaluate":[{"name":"large","condition":{"field.state":{"$gt":5}}}],"call_api":[{"request":{"url":"API","method":"GET"}}]}]}`, "", "", ""},
	{"two values for a number", `{"stages":[{"call_api":[` + strings.Repeat(`{"request":{"url":"API","method":"POST"},"response_handlers":[`+toField("remote_number", "response", "$jmespath", "status_code")+`]},`, 2) + `{"request":{"url":"API","method":"GET"}}]}]}`, "200", "", ""},
	{"a token request that is refused", `{"stages":[{"call_api":[{"name":"c","auth":{"url":"API/t","method":"POST","credential_key":"t"},"request":{"url":"API","method":"GET","headers":{"Authorization":"{token}"}}}]}]}`, "401", "text/plain", "no"},
	{"a token that is not in the answer", `{"stages":[{"call_api":[{"name":"c","auth":{"url":"API/t","method":"POST","credential_key":"t"},"request":{"url":"API","method":"GET","headers":{"Authorization":"{token}"}}}]}]}`, "200", "application/json", "{}"},
	{"relations without Rossum", `{"stages":[{"get_content":[{"name":"p","source":"relation","query":{}}],"call_api":[{"request":{"url":"API/{property.p}","method":"GET"}}]}]}`, "", "", ""},
}

// TestMessagesAreThoseOfTheGoldenFile shows testdata/messages.txt what a person sees.
func TestMessagesAreThoseOfTheGoldenFile(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	for _, tt := range messages {
		out.WriteString("== " + tt.name + "\n" + address.ReplaceAllString(shownOf(t, tt.settings, tt.status, tt.mediaType, tt.body), "API") + "\n\n")
	}
	const name = "testdata/messages.txt"
	if *update {
		if err := os.WriteFile(name, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(name); err != nil || out.String() != string(want) {
		t.Errorf("the messages are others than those of %s (%v); see what -update makes of them:\n%s", name, err, out.String())
	}
}

func shownOf(t *testing.T, settings, status, mediaType, body string) string {
	a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
		code := 200
		if status != "" {
			code = int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0')
		}
		if code == 302 {
			w.Header().Set("Location", "/elsewhere")
		}
		answer(w, code, mediaType, body)
	})
	s := new(requestprocessor.Step)
	if err := json.Unmarshal([]byte(strings.ReplaceAll(settings, "API", a.URL)), s); err != nil {
		return "settings: " + err.Error()
	}
	if _, err := pipeline.New(s); err != nil {
		return "settings: " + err.Error()
	}
	var lines []string
	for _, m := range runStep(t, s, offline(rossumtest.Field("extra", "old"))).Response.Messages {
		lines = append(lines, string(m.Type)+": "+m.Content)
	}
	return strings.Join(lines, "\n")
}
