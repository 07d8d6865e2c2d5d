package reqproc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

func TestExtractorsTakeValuesOutOfReplies(t *testing.T) {
	t.Parallel()
	response := jsonValue(
		t,
		`{"status_code": 201, "headers": {"location": "/x/7"}, "body": {"id": 9007199254740993, "items": [{"n": `+
			`"a"}, {"n": "b"}], "x": null}, "text": "<r><s>ok</s><n>1</n><n>2</n>Order: 55 ok</r>"}`,
	)
	response.Dict().SetStr("content", pyvalue.Bytes([]byte("\xc5\xbe")))
	for _, tt := range []struct{ path, operator, query, want string }{
		{"response", "$jmespath", "status_code", "201"},
		{"response", "$jmespath", "body.id", "9007199254740993"},
		{"response", "$jmespath", "{code: status_code, to: headers.location}", `{'code': 201, 'to': '/x/7'}`},
		{"response.body", "$jmespath", "items[*].n", "['a', 'b']"},
		{"response.body", "$jmespath", "nothing", "None"},
		{"response.headers.content-type", "$jmespath", "@", "{}"}, // names have underscores there
		{"response.headers.location", "$regex", `/x/(\d+)`, "7"},
		{"response.text", "$regex", `Order: \d+`, "Order: 55"},
		{"response.text", "$regex", `none`, "None"},
		{"response.body", "$regex", `'n': '(b)'`, "b"},
		{"response.status_code", "$regex", `^2`, "2"},
		{"response.content", "$regex", `b'.x.*`, `b'\xc5\xbe'`}, // as Python prints bytes
		{"response.content", "$xmlpath", ".//s", "ok"},
		{"response.content", "$xmlpath", "n", "['1', '2']"},
		{"response.url", "$jmespath", "a", "None"}, // a part that is missing counts as {}
		{"response.cookies.a-b.c", "$jmespath", "@", "{}"},
		{"response.url", "$xmlpath", "s", "ok"}, // the whole reply is searched
	} {
		var faults settings.Faults
		e := CompileExtractor("value", map[string]map[string]string{tt.path: {tt.operator: tt.query}}, &faults)
		if err := faults.Err(); err != nil {
			t.Errorf("%v: %v", tt, err)
			continue
		}
		v, err := e.Extract(t.Context(), &Scope{Roots: map[string]pyvalue.Value{"response": response}})
		got, _ := pyvalue.String(nil, v)
		if err != nil || got != tt.want {
			t.Errorf("%v: got %q, %v", tt, got, err)
		}
	}
}

func TestWrongExtractorsAreNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		spec map[string]map[string]string
		want string
	}{
		{nil, `value: has 0 keys, expected exactly one, such as {"response.body": {"$jmespath": "id"}}`},
		{map[string]map[string]string{"response": {}, "x": {}}, "value: has 2 keys"},
		{map[string]map[string]string{"response": {}}, "value.response: has 0 operators, expected exactly one of $jmespath, $xmlpath, $regex"},
		{map[string]map[string]string{"response": {"$jmespath": "a", "$regex": "b"}}, "value.response: has 2 operators"},
		{map[string]map[string]string{"response": {"$jsonpath": "a"}}, "value.response.$jsonpath: $jsonpath is not known (did you mean $jmespath?)"},
		{map[string]map[string]string{"response.body": {"$jmespath": "a["}}, `value.response.body.$jmespath: JMESPath "a["`},
		{map[string]map[string]string{"response.body": {"$xmlpath": "a["}}, `value.response.body.$xmlpath: path "a[": a bracket is not closed`},
		{
			map[string]map[string]string{"response.body": {"$xmlpath": strings.Repeat("./", 1000)}},
			"value.response.body.$xmlpath: a path has more than 990 parts",
		},
		{
			map[string]map[string]string{"response.body": {"$xmlpath": strings.Repeat("a/", 1<<16)}},
			"value.response.body.$xmlpath: a path has more than 65536 bytes",
		},
		{map[string]map[string]string{"response.body": {"$regex": "("}}, `value.response.body.$regex: pattern "("`},
		{map[string]map[string]string{"body": {"$regex": "a"}}, "value.body: body is not part of the reply; a path begins with response"},
		{map[string]map[string]string{"response.raw": {"$regex": "a"}}, "value.response.raw: response.raw does not exist (did you mean response.headers_raw?)"},
		{map[string]map[string]string{"response.bdy": {"$regex": "a"}}, "value.response.bdy: there is no such value: response has no bdy (did you mean body?)"},
		{map[string]map[string]string{"response": {"$jmespath": "raw"}}, "value.response.$jmespath: response.raw does not exist (did you mean response.headers_raw?)"},
		{map[string]map[string]string{"response": {"$jmespath": "statuscode"}}, "response has no statuscode (did you mean status_code?)"},
		{map[string]map[string]string{"response..x": {"$regex": "a"}}, `the path "response..x" is malformed at "..x"`},
		{map[string]map[string]string{"response.body.items[0]": {"$regex": "a"}}, `has brackets, which belong into $jmespath`},
	} {
		var faults settings.Faults
		CompileExtractor("value", tt.spec, &faults)
		if err := faults.Err(); err == nil || !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%v: got %v", tt.spec, err)
		}
	}
}

func TestAReplyThatIsNoXMLOrWouldBlowUpIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{}", "<a>", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>`} {
		var faults settings.Faults
		e := CompileExtractor("value", map[string]map[string]string{"response.text": {"$xmlpath": "a"}}, &faults)
		response := pyvalue.NewDict()
		response.SetStr("text", pyvalue.Str(text))
		if _, err := e.Extract(t.Context(), &Scope{Roots: map[string]pyvalue.Value{"response": response.Value()}}); err == nil ||
			!strings.Contains(err.Error(), "cannot be read as XML") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
