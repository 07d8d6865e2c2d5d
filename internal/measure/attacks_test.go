package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// attackMark begins the names of attacks.
const attackMark = "attack: "

// attackDeadline is short, so that what does not look at its context overruns it.
const attackDeadline = time.Second

// attackRows are replies and documents of somebody who knows the library.
func attackRows() []row {
	list := xmlAttacks()
	list = append(list, jsonAttacks()...)
	list = append(list, textAttacks()...)
	list = append(list, workdayAttacks()...)
	list = append(list, documentAttacks()...)
	return append(list, settingsAttacks()...)
}

func attack(name string, memory int, run func(t testing.TB) func(context.Context) error) row {
	return row{name: attackMark + name, deadline: attackDeadline, memory: memory, run: run}
}

// numbered replies with texts that f makes of numbers.
func numbered(t testing.TB, mediaType, head, tail string, size int, f func(b []byte, i int) []byte) string {
	t.Helper()
	b := append(make([]byte, 0, size+1<<10), head...)
	for i := 0; len(b) < size; i++ {
		b = f(b, i)
	}
	b = append(b, tail...)
	return server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(b)
	})
}

const (
	large     = 60 * mb
	treeLimit = 60*7 + slack // of a reply of 60 MB
)

func xmlAttacks() []row {
	xml := func(name, path, head, one, tail string, size int64) row {
		return attack("XML, "+name, treeLimit, func(t testing.TB) func(context.Context) error {
			return extracts(t, replies(t, "application/xml", head, one, tail, size), "xml", path)
		})
	}
	counted := func(name, head, one, tail string) row {
		return attack("XML, "+name, treeLimit, func(t testing.TB) func(context.Context) error {
			return extracts(t, numbered(t, "application/xml", head, tail, large, func(b []byte, i int) []byte { return fmt.Appendf(b, one, i) }), "xml", "/*/@none")
		})
	}
	return []row{
		counted("elements of different names", "<a>", "<a%x/>", "</a>"),
		counted("attributes of different names", "<a ", "a%x='' ", "/>"),
		counted("prefixes in one element", "<a ", "xmlns:p%x='u' ", "/>"),
		counted("a namespace for each element", "<a>", "<b xmlns='%x'/>", "</a>"),
		counted("instructions of different names", "<a>", "<?p%x ?>", "</a>"),
		xml("one text of 60 MB", "/a", "<a>", "text ", "</a>", large),
		xml("one text of 60 MB in which an entity is wrong", "/a", "<a>", "text ", "&wrong;</a>", large),
		xml("one text of 60 MB of references", "/a", "<a>", "&#65;&amp;", "</a>", large),
		xml("one text of 60 MB with carriage returns", "/a", "<a>", "\r\n", "</a>", large),
		xml("one comment of 60 MB", "/a", "<a><!--", "text ", "--></a>", large),
		xml("one comment without an end", "/a", "<a><!--", "text ", "</a>", large),
		xml("one CDATA of 60 MB without an end", "/a", "<a><![CDATA[", "text ", "</a>", large),
		xml("one value of 60 MB", "/a/@b", "<a b='", "text ", "'/>", large),
		xml("one value of 60 MB with line breaks and a name of letters", "/*/@b", "<é b='", "text\n", "'/>", large),
		xml("one name of 60 MB", "name(/*)", "<", "text", "/>", large),
		xml("one name of 60 MB of letters", "name(/*)", "<", "é", "/>", large),
		xml("blanks in a start tag", "/a", "<a ", "      ", "/>", large),
		xml("instructions", "/a", "<a>", "<?p?>", "</a>", large),
		xml("DOCTYPE of 60 MB", "/a", "<!DOCTYPE a [", "<!ENTITY a 'b'>", "]><a/>", large),
		xml("DOCTYPE of 60 MB without an end", "/a", "<!DOCTYPE a ", "<", "", large),
		xml("UTF-16", "/a", "\xff\xfe<\x00a\x00>\x00", "\x01\x01", "<\x00/\x00a\x00>\x00", large),
		xml("a charset of many bytes", "/a", "<?xml version='1.0' encoding='gb18030'?><a>", "\x81\x30\x81\x30", "</a>", large),
		xml("XPath: a text for each node", "//b[contains(/, 'zz')]", "<a>", "<b>text</b>", "</a>", 8*mb),
		xml("XPath: the length of the whole for each node", "//b[string-length(/) = 1]", "<a>", "<b>text</b>", "</a>", 8*mb),
		xml("XPath: texts for each node", "//b[normalize-space(/) = translate(/, 'a', 'b')]", "<a>", "<b>text</b>", "</a>", 8*mb),
		xml("XPath: substring of the whole", "//b[substring(/, 5, 1) = substring-after(/, 'zz')]", "<a>", "<b>text</b>", "</a>", 8*mb),
		xml("XPath: nodes compared with nodes", "//b[. != //c]", "<a>", "<b>text</b>", "</a>", 8*mb),
		xml("XPath: all nodes compared", "//b[//b = 'x']", "<a>", "<b>text</b>", "</a>", 8*mb),
		xml("XPath: sums of sums", "//b[sum(//b) = 1]", "<a>", "<b>1</b>", "</a>", 8*mb),
		xml("XPath: unions", "//b[count(//b | //b | //b) = 1]", "<a>", "<b>1</b>", "</a>", 8*mb),
		xml("XPath: concat of the whole", "concat(/,/,/,/,/,/,/,/,/,/,/,/)", "<a>", "text", "</a>", large),
		xml("XPath: translate by the document", "translate(/, /, /)", "<a>", "text", "</a>", large),
		xml("XPath: a number of 60 MB", "number(/) + 1", "<a>", "1234", "</a>", large),
		xml("XPath: number of many digits, floor", "floor(/)", "<a>", "9", "</a>", large),
		xml("XPath: id and lang", "//b[lang('en')]", "<a xml:lang='de'>", "<b/>", "</a>", 8*mb),
		attack("XML, deep elements with a text for each level", treeLimit, func(t testing.TB) func(context.Context) error {
			return extracts(t, replies(t, "application/xml", strings.Repeat("<a>", 900), "text", strings.Repeat("</a>", 900), large), "xml", "//a[contains(., 'zz')]")
		}),
		attack("XML, $xmlpath of the processor that finds all", treeLimit, func(t testing.TB) func(context.Context) error {
			return reads(t, replies(t, "application/xml", "<a>", "<b/>", "</a>", 8*mb), "response.body", "$xmlpath", ".//b")
		}),
		attack("XML, $xmlpath of deep elements, each as its XML", treeLimit, func(t testing.TB) func(context.Context) error {
			return reads(t, replies(t, "application/xml", strings.Repeat("<a>", 900), "<b/>", strings.Repeat("</a>", 900), 8*mb), "response.body", "$xmlpath", ".//a")
		}),
	}
}

func jsonAttacks() []row {
	of := func(name, path, head, one, tail string, size int64) row {
		return attack("JSON, "+name, treeLimit, func(t testing.TB) func(context.Context) error {
			return extracts(t, replies(t, "application/json", head, one, tail, size), "json", path)
		})
	}
	keys := func(name, path string, size int) row {
		return attack("JSON, "+name, treeLimit, func(t testing.TB) func(context.Context) error {
			return extracts(t, numbered(t, "application/json", `{`, `"":0}`, size, func(b []byte, i int) []byte { return fmt.Appendf(b, `"k%x":%d,`, i, i) }), "json", path)
		})
	}
	condition := func(name, condition, head, one, tail string, size int64) row {
		return attack("JSON, condition: "+name, treeLimit, func(t testing.TB) func(context.Context) error {
			return exports(t, rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.Offline()), settingsOf[requestprocessor.Step](t, fmt.Sprintf(
				`{"stages":[{"call_api":[{"name":"c","request":{"url":%q,"method":"GET","timeout":60},"response_handlers":[
				{"condition":%s,"target_type":"schema_id","target_key":"found","value":{"response.status_code":{"$regex":"2"}}}]}]}]}`,
				replies(t, "application/json", head, one, tail, size), condition)))
		})
	}
	return []row{
		keys("an object of many keys, not found", "nothing", large),
		keys("an object of many keys, all of them", "keys(@)", 8*mb),
		keys("an object of many keys, sorted", "sort(keys(@))", 8*mb),
		keys("an object of many keys, values", "sum(values(@))", 8*mb),
		keys("an object of many keys, merged", "merge(@, @, @, @)", 8*mb),
		of("one text of 60 MB of escapes", "@", `"`, `\u0041`, `"`, large),
		of("one text of 60 MB", "@", `"`, `text`, `"`, large),
		of("one text reversed", "reverse(@)", `"`, `täxt`, `"`, large),
		of("one number of 60 MB", "@", ``, `1234`, ``, large),
		of("one fraction of 60 MB", "@", `0.`, `1234`, ``, large),
		of("many numbers with large exponents", "sum(@)", `[`, `1e307,`, `1]`, 8*mb),
		of("many numbers of 4,000 digits", "sum(@)", `[`, strings.Repeat("9", 4000)+`,`, `1]`, large),
		of("many numbers of 4,000 digits, sorted", "sort(@)", `[`, strings.Repeat("9", 4000)+`,`, `1]`, large),
		of("blanks", "@", `[`, "        ", `1]`, large),
		of("NaN", "[0]", `[`, "NaN,", `1]`, large),
		of("deep lists", "[-1]", `[`, strings.Repeat("[", 900)+strings.Repeat("]", 900)+",", `1]`, large),
		of("deep lists, flattened", "[][][][][][][][]", `[`, `[[[[]]]],`, `1]`, 8*mb),
		of("deep lists, compared", "@[0] == @[1]", `[`, strings.Repeat("[", 900)+strings.Repeat("]", 900)+",", `1]`, 8*mb),
		of("to_string of to_string", "to_string([to_string([to_string([to_string(@)])])])", `"`, `\"`, `"`, 8*mb),
		of("sorted texts", "sort(@)", `[`, `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",`, `"b"]`, 8*mb),
		of("sorted long texts", "sort(@)", `[`, `"`+strings.Repeat("a", 100_000)+`",`, `"b"]`, 60*mb),
		of("sorted by a text", "sort_by(@, &a)[0]", `[`, `{"a":"xxxxxxxxxx"},`, `{"a":"y"}]`, 8*mb),
		of("joined", "join(',', @)", `[`, `"",`, `"b"]`, 8*mb),
		of("contains in each", "[?contains(@, 'zz')] | [0]", `[`, `["a","b"],`, `[]]`, 8*mb),
		of("UTF-16", "@", "\xff\xfe\"\x00", "a\x00", "\"\x00", large),
		of("a list of lists multiplied", "[*].[@,@,@,@,@,@,@,@]", `[`, `[],`, `1]`, 8*mb),
		condition("a path that is not there in many keys", `{"response.body.missing":"x"}`, `{`, `"k":1,"mising":2,`, `"l":1}`, large),
		condition("the whole compared", `{"response.body":{"$eq":[1]}}`, `[`, `{"a":1},`, `1]`, large),
		condition("the whole in a text", `{"response.body":{"$eq":"x{response.body}"}}`, `[`, `{"a":1},`, `1]`, 8*mb),
		condition("a list in a list", `{"response.body[0]":{"$in":"{response.body}"}}`, `[[2],`, `[1],`, `1]`, 8*mb),
		condition("a regex on the text", `{"response.text":{"$regex":"(a|aa)+$"}}`, `"`, `a`, `b"`, 8*mb),
		condition("base64 of the whole", `{"base64(response.body)":"x"}`, `[`, `{"a":1},`, `1]`, 8*mb),
	}
}

func textAttacks() []row {
	of := func(name, pattern, one, tail string, size int64) row {
		return attack("text, "+name, 60*6+slack, func(t testing.TB) func(context.Context) error {
			return extracts(t, replies(t, "text/plain", ``, one, tail, size), "text", pattern)
		})
	}
	return []row{
		of("regex, nothing found", `zz`, "text ", "", large),
		of("regex, classes", `[^a]*a[^b]*b\b`, "text ", "", large),
		of("regex, back references", `(.*)\1\1x`, "text ", "", 8*mb),
		of("regex, case", `(?i)straße`, "STRASSE ", "", large),
		of("regex, look behind", `(?<=zz)a`, "text ", "", large),
		of("regex, everything", `(?s).*`, "text ", "", large),
		of("regex on text of other letters", `zz`, "täxt ", "", large),
		of("regex, repeats", `(?:a{1,100}){1,100}b`, "a", "", 8*mb),
		attack("text, regex on an unknown charset", treeLimit, func(t testing.TB) func(context.Context) error {
			return extracts(t, replies(t, "text/plain; charset=shift_jis", ``, "\x83\x65", "", large), "text", "zz")
		}),
		attack("text into a field", 500, func(t testing.TB) func(context.Context) error {
			return reads(t, replies(t, "text/plain", "", "text\x00\xff ", "", large), "response.text", "$regex", "(?s)(.*)")
		}),
		token("token of 60 MB", large),
		token("token of 900 KB", 900<<10),
		token("token of 60 KB", 60<<10),
	}
}

// token is a token of a size, with which a call is made.
func token(name string, size int64) row {
	return attack(name, 216, func(t testing.TB) func(context.Context) error {
		return exports(t, rossumtest.Annotation(rossumtest.Offline()), &steps.RESTExport{
			Auth:    &steps.Auth{URL: numbered(t, "application/json", `{"access_token":"`, `"}`, int(size), func(b []byte, _ int) []byte { return append(b, "token"...) }), Data: json.RawMessage(`{}`)},
			Request: steps.Request{URL: "http://127.0.0.1:1/", Headers: map[string]string{"Authorization": "Bearer {access_token}"}},
		})
	})
}

func workdayAttacks() []row {
	call := func(name string, status int, head, one, tail string) row {
		return attack("Workday, "+name, treeLimit, func(t testing.TB) func(context.Context) error {
			tenant := workdaytest.NewTenant()
			t.Cleanup(tenant.Close)
			tenant.Next(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "text/xml")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>`+head)
				block := strings.Repeat(one, 1+(64<<10)/len(one))
				for sent := 0; sent < large; sent += len(block) {
					if _, err := io.WriteString(w, block); err != nil {
						return
					}
				}
				_, _ = io.WriteString(w, tail+`</e:Body></e:Envelope>`)
			})
			step := &workday.Step{Configurations: []workday.Configuration{{
				WSDL:        tenant.Coordinates(),
				Request:     workday.Request{Service: "Resource_Management", Operation: "Submit_Supplier_Invoice", Mapping: json.RawMessage(`{"Supplier_Invoice_Data":{"Company_Reference":{}}}`)},
				ResultField: "found",
			}}}
			return exportsWith(t, rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.Offline(),
				rossumtest.Secret("workday_username", workdaytest.Username), rossumtest.Secret("workday_password", workdaytest.Password)), nil, step)
		})
	}
	const (
		fault, ended = `<e:Fault><faultcode>Client.validationError</faultcode><faultstring>`, `</faultstring></e:Fault>`
		response     = `<r:Submit_Supplier_Invoice_Response xmlns:r="urn:com.workday/bsvc">`
		responded    = `</r:Submit_Supplier_Invoice_Response>`
	)
	return []row{
		call("a fault of 60 MB", 500, fault, "wrong ", ended),
		call("a fault of 60 MB of letters", 500, fault, "é", ended),
		call("a code of 60 MB", 500, "<e:Fault><faultcode>", "wrong:", "</faultcode></e:Fault>"),
		call("errors", 500, "<e:Fault><detail>", "<Validation_Error><Message>m</Message><Xpath>/a/b[1]/c</Xpath></Validation_Error>", "</detail></e:Fault>"),
		call("a path of 60 MB", 500, "<e:Fault><detail><Validation_Error><Xpath>", "/a[1]", "</Xpath></Validation_Error></detail></e:Fault>"),
		call("remarks", 200, response, "<r:Exception_Data><r:Message>m</r:Message></r:Exception_Data>", responded),
		call("a remark of 60 MB", 200, response+"<r:Exception_Data><r:Message>", "text ", "</r:Message></r:Exception_Data>"+responded),
		call("an ID of 60 MB", 200, response+`<r:Supplier_Invoice_Reference><r:ID r:type="WID">`, "text ", "</r:ID></r:Supplier_Invoice_Reference>"+responded),
		call("IDs", 200, response+`<r:Supplier_Invoice_Reference>`, `<r:ID r:type="WID">1</r:ID>`, "</r:Supplier_Invoice_Reference>"+responded),
		call("IDs of other kinds", 200, response+`<r:Supplier_Invoice_Reference>`, `<r:ID r:type="X">1</r:ID>`, "</r:Supplier_Invoice_Reference>"+responded),
		call("texts between elements", 200, response, `text<r:b/>`, responded),
	}
}

// documentAttacks are documents of 10,000 line items, whose fields are as hostile.
func documentAttacks() []row {
	const lines = 10_000
	document := func(more ...rossumtest.Part) *rossumtest.Call {
		rows := make([]rossumtest.TableRow, lines)
		for i := range rows {
			rows[i] = rossumtest.Row("item_code", fmt.Sprint("code ", i), "item_amount", "1e999999999", "item_text", strings.Repeat("<&\"'{{}}@{x} ", 20))
		}
		return rossumtest.Annotation(append([]rossumtest.Part{
			rossumtest.Offline(), rossumtest.Table("line_items", rows...), rossumtest.Field("found", ""),
			rossumtest.Number("amount", "1e999999999", "1e999999999"), rossumtest.Field("digits", strings.Repeat("9", 1<<20)),
			rossumtest.Field("spaces", strings.Repeat(" ", 1<<20)),
		}, more...)...)
	}
	template := func(text string) row {
		return attack("10,000 lines, template: "+text, 400, func(t testing.TB) func(context.Context) error {
			return exports(t, document(), &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: text}}})
		})
	}
	long := longDocument{"10,000 lines, ", func() *rossumtest.Call { return document() }}
	condition := func(text string) row {
		return attack("10,000 lines, expr: "+text, 400, func(t testing.TB) func(context.Context) error {
			never := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil })
			return exports(t, document(), expression.When(text, pipeline.Named("never", never)))
		})
	}
	return []row{
		template(`{% for a in field.line_items %}{% for b in field.line_items %}{{ a.item_code }}{% endfor %}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ field.line_items|map(attribute="item_text")|join }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ field.line_items|sort(attribute="item_text")|length }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ field.line_items|groupby("item_text")|length }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ field.line_items|selectattr("item_code", "equalto", a.item_code)|list|length }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ field.digits|int }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ field.digits|float|round(2) }}{{ field.amount|float }}{{ "%.300f"|format(field.digits|float) }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ field.spaces|trim }}{{ field.spaces|wordcount }}{{ field.spaces|title }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ field.digits|e|urlencode|replace("9", "99") }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ a.item_text|striptags|xmlattr if false else a.item_text|striptags }}{{ field.spaces|striptags }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ a|string|length }}{{ field|string|length }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ payload|tojson|length }}{% endfor %}`),
		template(`{% for a in field.line_items %}{{ field.digits in field.spaces }}{{ field.spaces.split("  ")|length }}{% endfor %}`),
		long.function("for a in t.field.line_items:\n    for b in t.field.line_items:\n        b.item_code == a.item_text"),
		long.function("for a in t.field.line_items:\n    sum(len(b.item_text) for b in t.field.line_items)"),
		long.function("for a in t.field.line_items:\n    str(t.field.item_text.all_values)"),
		long.function("for a in t.field.line_items:\n    a.item_text = t.field.digits"),
		long.function("for a in t.field.line_items:\n    json.dumps(payload)"),
		long.function("for a in t.field.line_items:\n    sorted(t.field.item_text.all_values)"),
		long.function("Decimal('1e999999999') + 1"),
		long.function("Decimal('1e999999') * Decimal('1e-999999')\nint(Decimal('1e999999'))"),
		long.function("'{:f}'.format(Decimal('1e999999999'))"),
		long.function("int(t.field.digits)"),
		long.function("re.sub(r'(\\s+)+$', 'x', t.field.spaces)"),
		long.function("re.sub('', t.field.digits, t.field.digits)"),
		long.function("re.findall('(9*)*x', t.field.digits)"),
		long.function("for i in range(100):\n    t.field.spaces.replace(' ', t.field.digits)"),
		long.function("x = t.field.digits\nwhile True:\n    x = x + x"),
		long.function("f'{1:999999999}'"),
		long.function("f'{1.5:.999999999f}'"),
		long.function("'%999999999d' % 1"),
		long.function("payload['x'] = payload\njson.dumps(payload)"),
		long.function("a = {}\nfor i in range(10000000):\n    a[i] = {}"),
		long.function("def f(n):\n    return f(n + 1)\nf(0)"),
		long.function("x = []\nfor i in range(100000):\n    x = [x]\nstr(x)"),
		long.function("x = []\nfor i in range(100000):\n    x = [x]\nx == [x]"),
		long.function("for a in t.field.line_items:\n    t.show_error(t.field.digits, a)"),
		long.request("loops in loops", steps.Request{Data: json.RawMessage(
			`{"a":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":"@{item_text}"}}}}}`)}),
		long.request("loops in loops over columns", steps.Request{Data: json.RawMessage(
			`{"a":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"item_code","mapping":"@{item_text}"}}}}}`)}),
		long.request("conditions in loops", steps.Request{Data: json.RawMessage(
			`{"a":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"$IF_SCHEMA_ID$":{"schema_id":"found","mapping":"@{found}","fallback_mapping":{"$CHILD_COUNT$":{"schema_id":"line_items"}}}}}}}`)}),
		long.request("large fields in loops", steps.Request{Data: json.RawMessage(
			`{"a":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":"@{digits}"}}}`)}),
		long.request("numbers", steps.Request{Data: json.RawMessage(`{"a":{"$DATAPOINT_VALUE$":{"schema_id":"digits","value_type":"integer"}}}`)}),
		long.request("floats", steps.Request{Data: json.RawMessage(`{"a":{"$DATAPOINT_VALUE$":{"schema_id":"digits","value_type":"float"}}}`)}),
		long.request("dates", steps.Request{Data: json.RawMessage(`{"a":{"$DATAPOINT_VALUE$":{"schema_id":"digits","value_type":"iso_datetime"}}}`)}),
		long.processor("loops", `"iterate_over":"field.line_items","content":{"a":"{field.line_items}"}}`),
		condition(`any(1..10000, any(1..10000, field.digits == field.spaces))`),
		condition(`field.digits matches "^(9+)+x$"`),
		condition(`float(field.digits) > 1 or int(field.amount) > 1`),
	}
}
