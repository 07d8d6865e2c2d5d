package formula_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// looked is a payload of everything that a node can have.
func looked(t *testing.T) *rossum.Payload {
	t.Helper()
	c := rossumtest.Annotation(rossumtest.Field("document_id", "INV-1"), rossumtest.Field("empty", ""),
		rossumtest.Number("amount_total", "1 210,5", "1210.5"), rossumtest.Table("none"),
		rossumtest.Table("line_items", rossumtest.Row("code", "a\"\n", "note", "é"), rossumtest.Row("code", "", "note", "z")))
	raw := strings.Replace(string(c.Bytes()), `"settings":`, `"other":[1,2.5,{"x":null}],"settings":`, 1)
	raw = strings.Replace(raw, `"hidden":false`, `"hidden":true,"more":{"a":[1]}`, 1)
	raw = strings.Replace(raw, `"value":"é"`, `"value":12.50`, 1)
	raw = strings.Replace(raw, `"normalized_value":null,`, ``, 1)
	p, err := rossum.ParsePayload([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// said runs a function and returns what it shows.
func said(t *testing.T, p *rossum.Payload, body string) string {
	t.Helper()
	code := "import copy, json\nfrom txscript import TxScript\n" +
		"def find(nodes, name):\n  for n in nodes:\n    if n['schema_id'] == name: return n\n" +
		"    f = find(n.get('children') or [], name)\n    if f: return f\n" +
		"def rossum_hook_request_handler(payload):\n  content = payload['annotation']['content']\n  " +
		strings.ReplaceAll(body, "\n", "\n  ") + "\n"
	f, err := formula.CompileFunction(code)
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	show := func(m rossum.Message) { shown = append(shown, m.Content) }
	if err := f.Run(t.Context(), p, formula.FunctionOptions{Show: show}); err != nil {
		return "error: " + err.Error()
	}
	return strings.Join(shown, "\n")
}

// A payload whose parts are made when they are looked at is the dict that json.loads makes.
func TestPayloadIsADictLikeAnyOther(t *testing.T) {
	t.Parallel()
	for _, look := range []string{
		"payload", "list(payload)", "payload.keys()", "sorted(payload)", "len(payload)", "payload == json.loads(json.dumps(payload))",
		"payload.get('annotation', {}).get('id')", "payload['other']", "'secrets' in payload", "'rossum_authorization_token' in payload", "payload.get('nothing', 5)",
		"payload.get(5)", "payload['nothing']", "payload[[]]", "list(payload['annotation'])", "payload['annotation']['status']", "payload['annotation'].get('nothing')",
		"content[0]", "list(content[0].items())", "len(content), len(content[0]['children'])", "[n['schema_id'] for n in content[0]['children']]",
		"[n.get('children') for n in content[0]['children']]", "['children' in n for n in content[0]['children']]", "[n.get('content') for n in content[0]['children']]",
		"[n['id'] for n in find(content, 'line_items')['children']]", "find(content, 'line_items')['children'][0]['children'][1]['content']['value']",
		"[c['content'].get('normalized_value', 'none') for c in content[0]['children'] if 'content' in c]", "[c['content']['value'] for c in content[0]['children'] if c.get('content')]",
		"find(content, 'document_id')['content']['normalized_value']", "find(content, 'document_id')['content'] or 'empty'", "bool(find(content, 'line_items'))",
		"find(content, 'document_id')['hidden'], find(content, 'document_id')['more']", "find(content, 'none')", "find(content, 'none')['children'] or 'none'",
		"list(find(content, 'document_id'))", "list(find(content, 'document_id')['content'])", "find(content, 'empty')['content']['value'] == ''",
		"copy.deepcopy(payload) == payload", "copy.copy(content[0]) == content[0]", "dict(content[0]) == content[0]", "{**content[0]} == content[0]", "content[0] | {'id': 1}",
		"json.dumps(payload, indent=1, sort_keys=True)", "str(payload)", "f'{content[0]}'", "isinstance(content[0], dict), type(content[0])", "content[0] is content[0]",
		"find(content, 'empty') is find(content, 'empty')", "find(content, 'empty')['content'] is find(content, 'empty')['content']", "content[0] in content", "content.index(content[0])",
		"find(content, 'empty')['content'] == find(content, 'line_items')", "content[0] < content[0]", "hash(content[0])", "content[0]['children'][0]['content']['rir_text']",
		"[(k, v) for k, v in find(content, 'amount_total')['content'].items()]", "find(content, 'amount_total').pop('id'), 'id' in find(content, 'amount_total'), find(content, 'amount_total')",
		"find(content, 'amount_total')['content'].update(value=1), find(content, 'amount_total')", "find(content, 'amount_total').setdefault('id', 3), find(content, 'amount_total').setdefault('new', 3), content",
		"find(content, 'amount_total').clear(), content", "content.pop(), content, payload['annotation']['content']", "find(content, 'line_items')['children'].reverse(), content",
		"find(content, 'amount_total').popitem(), content", "[x for x in reversed(find(content, 'amount_total'))]", "payload['settings'], payload.get('secrets')", "payload.copy() == payload",
	} {
		lazily := said(t, looked(t), "show_info(repr(("+look+")))")
		atOnce := said(
			t,
			looked(t),
			"payload = json.loads(json.dumps(payload))\ncontent = payload['annotation']['content']\nshow_info(repr(("+look+")))",
		)
		atOnce = strings.Replace(atOnce, "line 12", "line 10", 1)
		if lazily == "" || lazily != atOnce {
			t.Errorf("%s:\n%s\nbut read at once:\n%s", look, lazily, atOnce)
		}
	}
}

// What a function writes does not show in the payload that it was called with, nor does a
// change of that dict write anything.
func TestPayloadStaysAsItWas(t *testing.T) {
	t.Parallel()
	const write = "t = TxScript.from_payload(payload)\n"
	for _, change := range []string{
		"t.field.document_id = 'new'", "t.field.document_id = ''", "t.field.document_id.attr.hidden = False", "t.field.amount_total.attr.options = []",
		"t.field.line_items = []", "t.field.line_items.append({'code': 'b'})", "t.field.line_items = [{'code': 'c'}]",
		"for row in t.field.line_items: row.code = 'n'", "t.field.code.all_values = ['1', '2']", "find(content, 'line_items')['children'].append(find(content, 'line_items'))\nt.field.document_id = 'x'",
		"find(content, 'line_items')['children'] = 5\nt.field.line_items = []", "payload['annotation']['content'].append(5)\nt.field.document_id = 'x'",
	} {
		before, loop := "", strings.Contains(change, "append(find")
		if loop {
			before = "find(content, 'line_items')['children'].pop()\n"
		}
		untouched := ""
		if !strings.Contains(change, "content, '") && !strings.Contains(change, "['content']") {
			untouched = said(t, looked(t), "show_info(json.dumps(payload))")
		}
		late := said(t, looked(t), write+change+"\n"+before+"show_info(json.dumps(payload))")
		if strings.HasPrefix(late, "error") || untouched != "" && late != untouched {
			t.Errorf("%s: the payload is\n%s\nit was\n%s", change, late, untouched)
		}
	}
	p := looked(t)
	said(t, p, "find(content, 'document_id')['content']['value'] = 'x'\ndel payload['annotation']")
	if ops := p.Annotation.Content.Operations(); len(ops) != 0 {
		t.Errorf("changing the payload made operations: %v", ops)
	}
}

// What earlier steps have changed is what a function finds in its payload.
func TestPayloadHasEarlierChanges(t *testing.T) {
	t.Parallel()
	p := looked(t)
	content := p.Annotation.Content
	field, err := content.Field("document_id")
	if err != nil {
		t.Fatal(err)
	}
	table := content.Find("line_items")[0]
	if err := field.SetValue("changed"); err != nil {
		t.Fatal(err)
	}
	if _, err := table.AddRow(rossum.Cell{SchemaID: "code", Value: "added"}); err != nil {
		t.Fatal(err)
	}
	if err := table.Children()[0].Remove(); err != nil {
		t.Fatal(err)
	}
	const rows = "find(content, 'document_id')['content']['value'], [[c['content']['value'] for c in r['children']] for r in find(content, 'line_items')['children']]"
	if got, want := said(t, p, "show_info(repr(("+rows+")))"), "('changed', [['', 'z'], ['added']])"; got != want {
		t.Errorf("the function sees %s, want %s", got, want)
	}
	whole, err := p.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	var is, seen struct{ Annotation map[string]any }
	got := said(t, p, "show_info(json.dumps(payload))")
	if json.Unmarshal(whole, &is) != nil || json.Unmarshal([]byte(got), &seen) != nil || !reflect.DeepEqual(is, seen) {
		t.Errorf("the function sees\n%s\nthe payload is\n%s", got, whole)
	}
}

// Functions that only read may have one payload at the same time, and see no change that
// is made after them.
func TestFunctionsReadOnePayloadAtTheSameTime(t *testing.T) {
	t.Parallel()
	p := looked(t)
	f, err := formula.CompileFunction("import json\ndef rossum_hook_request_handler(payload):\n  show_info(json.dumps(payload))\n")
	if err != nil {
		t.Fatal(err)
	}
	texts := make([]string, 4)
	var all sync.WaitGroup
	for i := range texts {
		all.Go(func() {
			if err := f.Run(t.Context(), p, formula.FunctionOptions{Show: func(m rossum.Message) { texts[i] = m.Content }}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, text := range texts {
		if text == "" || text != texts[0] {
			t.Errorf("one sees\n%s\nanother\n%s", texts[0], text)
		}
	}
	field, err := p.Annotation.Content.Field("document_id")
	if err == nil {
		err = field.SetValue("later")
	}
	if err != nil {
		t.Fatal(err)
	}
	if later := said(t, p, "show_info(find(content, 'document_id')['content']['value'])"); later != "later" {
		t.Errorf("after a change the function sees %q", later)
	}
}
