package main

// section is a part of the page: a language, or a part of one.
type section struct {
	title, text string
	language    language
	rows        []string // texts of the language
}

// language says how a text is computed.
type language int

const (
	jinjaExpression language = iota // between {{ and }}
	jinjaTemplate
	jsonTemplate
	pythonCondition
	goCondition
	formulaCode
	jmesPath
	requestText
	requestCondition
	requestExtractor
)

// sections are the page, from its top. The values are those of the invoice in main.go.
var sections = []section{
	{"Jinja2: values", "Custom format templating is Jinja2 as stock Jinja2 3.1 renders it. `field` has each field by its schema_id: its normalised value, or else the text that is " +
		"shown, always as text. A table is a list of rows. `payload` is the hook call, without its token and secrets.", jinjaExpression, []string{
		`field.document_id`, `field.amount_total`, `field.notes`, `field.line_items[0].description`, `field.line_items|length`, `payload.annotation.id`,
		`field.amount_total|float * 2`, `field.amount_total + 1`, `"yes" if field.notes else "no"`, `"a" ~ 1`, `[1, 2] + [3]`, `7 // 2`, `7 % 2`, `2 ** 10`, `7 / 2`, `7 - 2`, `-7`, `"Paper" in field.sender_name`, `"x" not in "abc"`,
		`1 == 1.0`, `1 != 2`, `1 < 2 <= 2`, `2 > 1 and 1 >= 1`, `not true or false`, `"a" < "b"`, `(1, 2)[0]`, `{"a": 1}.a`, `{"a": 1}["b"]`,
		`range(3)|list`, `dict(a=1)`, `namespace(a=1).a`, `joiner(", ")()`, `cycler("a", "b").next()`, `lipsum is defined`,
		`field.document_id[:4]`, `field.document_id.split("-")`, `field.document_id is defined`, `field.nothing|default("none")`,
	}},
	{"Jinja2: filters", "Every filter of Jinja2, and `b64encode` and `b64decode`.", jinjaExpression, []string{
		`-3|abs`, `field|attr("items") is callable`, `[1, 2, 3]|batch(2)|list`, `"paper a4"|capitalize`, `"x"|center(5)`, `[1, 2]|count`, `""|d("empty", true)`, `""|default("empty", true)`,
		`{"b": 1, "a": 2}|dictsort`, `"<b>"|e`, `"<b>"|escape`, `1300|filesizeformat`, `[1, 2]|first`, `"1.5"|float`, `"<b>"|safe|forceescape`, `"%s: %d"|format("a", 2)`,
		`field.line_items|groupby("unit")|map("first")|list`, `"a\nb"|indent(2)`, `"42 "|int`, `{"a": 1}|items|list`, `["a", "b"]|join(", ")`, `[1, 2]|last`, `"abc"|length`, `"abc"|list`,
		`"ABC"|lower`, `field.line_items|map(attribute="description")|join("; ")`, `[1, 3, 2]|max`, `[1, 3, 2]|min`, `{"a": 1}|pprint`, `[1, 2, 3]|reject("odd")|list`,
		`field.line_items|rejectattr("unit", "equalto", "pcs")|map(attribute="description")|list`, `"a-b-c"|replace("-", "/")`, `[1, 2]|reverse|list`, `2.345|round(2)`, `"<b>"|safe`,
		`[1, 2, 3]|select("odd")|list`, `field.line_items|selectattr("unit", "equalto", "pcs")|map(attribute="description")|list`, `[1, 2, 3]|slice(2)|list`, `["b", "A"]|sort`, `1|string`,
		`"<b>bold</b>"|striptags`, `[1, 2, 3]|sum`, `"paper a4"|title`, `"a & \"b\""|tojson`, `"  x "|trim`, `"a long text here"|truncate(8, true)`, `[1, 1, 2]|unique|list`, `"abc"|upper`,
		`"a b/c&d"|urlencode`, `"see https://example.com"|urlize`, `"a b c"|wordcount`, `"a b c"|wordwrap(3)`, `{"id": "x"}|xmlattr`, `"Hi"|b64encode`, `"SGk="|b64decode`,
	}},
	{"Jinja2: tests", "After `is` or `is not`, and in `select` and its relatives.", jinjaExpression, []string{
		`true is boolean`, `range is callable`, `field.document_id is defined`, `field.nothing is undefined`, `none is none`, `true is true`, `false is false`, `1 is integer`, `1.5 is float`,
		`1 is number`, `"a" is string`, `{} is mapping`, `("<"|escape) is escaped`, `[1] is iterable`, `[1] is sequence`, `"a" is lower`, `"A" is upper`, `1 is odd`, `2 is even`,
		`6 is divisibleby(3)`, `1 is in([1, 2])`, `1 is sameas(1)`, `"upper" is filter`, `"odd" is test`, `1 is eq(1)`, `1 is equalto(1)`, `1 is ne(2)`, `1 is lt(2)`, `1 is lessthan(2)`,
		`1 is le(1)`, `2 is gt(1)`, `2 is greaterthan(1)`, `2 is ge(2)`,
	}},
	{"Jinja2: statements", "A `\\n` in this table is a line break.", jinjaTemplate, []string{
		"{% for item in field.line_items %}{{ loop.index }}. {{ item.description }}{{ \", \" if not loop.last }}{% endfor %}",
		"{% if field.amount_total|float > 1000 %}large{% else %}small{% endif %}",
		"{% set total = field.amount_total|float %}{{ \"%.2f\"|format(total) }}",
		"{% set ns = namespace(n=0) %}{% for item in field.line_items %}{% set ns.n = ns.n + item.quantity|int %}{% endfor %}{{ ns.n }}",
		"{% macro row(x) %}<{{ x }}>{% endmacro %}{{ row(1) }}{{ row(2) }}",
		"a\n{%- if true %} b {%- endif %}\nc",
		"{% filter upper %}abc{% endfilter %}",
		"{# a comment #}x{% raw %}{{ y }}{% endraw %}",
	}},
	{"JSON templates", "REST API export, the conditions of Data value extractor, and Workday mappings. A text that is exactly one placeholder keeps the type of its value; " +
		"in other text it is put in as text.", jsonTemplate, []string{
		`"@{document_id}"`, `{"number": "No. @{document_id}", "total": "@{amount_total}"}`,
		`{"$DATAPOINT_VALUE$": {"schema_id": "amount_total", "value_type": "float"}}`, `{"$DATAPOINT_VALUE$": {"schema_id": "date_issue", "value_type": "iso_datetime"}}`,
		`{"$DATAPOINT_VALUE$": {"schema_id": "notes", "value_type": "boolean"}}`,
		`{"note": {"$IF_SCHEMA_ID$": {"schema_id": "notes", "mapping": "@{notes}"}}, "n": 1}`, `{"$IF_SCHEMA_ID$": {"schema_id": "nothing", "mapping": 1, "fallback_mapping": 2}}`,
		`{"$IF_DATAPOINT_VALUE$": {"schema_id": "document_id", "value": "2026-0042", "mapping": "it is", "fallback_mapping": "it is not"}}`,
		`{"$FOR_EACH_SCHEMA_ID$": {"schema_id": "line_items", "mapping": {"n": "{schema_loop.index}", "text": "@{description}"}}}`,
		`{"$DATAPOINT_MAPPING$": {"schema_id": "document_id", "mapping": {"1|2026-0042": "first"}, "fallback_mapping": "other"}}`,
		`{"$CHILD_COUNT$": {"schema_id": "line_items"}}`,
		`{"$DATAPOINT_VALUE$": {"schema_id": "document_id"}}`, `{"$DATAPOINT_VALUE$": {"schema_id": "amount_total", "value_type": "integer"}}`,
		`{"$DATAPOINT_VALUE": 1}`, `{"$FETCH_DOCUMENT_CONTENT$": {"datapoint": "scan_url"}}`,
		`"#{original_file}"`, `{"$GET_DOCUMENT_CONTENT$": {}}`, `"@{documentid}"`,
	}},
	{"Conditions in Python", "Export evaluator. `field` and `r.field` are the fields with their types, as in formulas.", pythonCondition, []string{
		`field.amount_total > 1000`, `r.field.document_id == '2026-0042'`, `is_empty(field.notes)`, `is_set(field.amount_total)`, `default_to(field.notes, 'x') == 'x'`,
		`any(item.quantity > 5 for item in field.line_items)`, `sum(item.quantity for item in field.line_items) == 12`, `len(field.document_id) == 9 and not field.notes`,
		`payload['annotation']['id'] > 0`, `field.document_id in ('a', 'b')`, `field.document_id.startswith('2026')`,
		`re.search(r'-00\d\d$', field.document_id) is not None`, `field.date_issue < date(2026, 4, 1)`, `field.amount_total % 2 or 1 <= 2 < 3`, `field.amount_totl > 1`, `field.amount_total >`,
	}},
	{"Conditions in Go", "`expression.When`, for chains composed in Go, is [expr](https://expr-lang.org/docs/language-definition), which is not Python.", goCondition, []string{
		`field.amount_total > 1000`, `field.document_id startsWith "2026"`, `len(field.line_items) == 2`, `any(field.line_items, .quantity > 5)`, `field.notes == ""`,
		`annotation.id > 0 and event == "annotation_content"`, `field.amount_totl > 1`,
	}},
	{"Formulas", "Formula fields, and function hooks: the language of CPython, without what reaches out of it. The last expression is the value.", formulaCode, []string{
		`field.amount_total * 2`, `field.document_id.split('-')[1]`, `sum(field.quantity.all_values)`, `round(field.amount_total / 3, 2)`, `field.date_issue + timedelta(days=14)`,
		`field.date_issue.strftime('%d.%m.%Y')`, `"; ".join(d.upper() for d in field.description.all_values)`, `re.sub(r'\D', '', field.document_id)`,
		`default_to(field.notes, 'none')`, `substitute(r'-', '/', field.document_id)`, `f"{field.amount_total:.1f}"`, `json.dumps({'a': [1, None]})`,
		`1 + 2 - 3 * 4 / 5 // 6 % 7 ** 8`, `str([5 & 3, 5 | 3, 5 ^ 3, ~5, 5 << 1, 5 >> 1])`, `1 < 2 <= 2 != 3`, `not (1 == 2 or 2 > 3) and 3 >= 3`, `'a' in 'abc' and 'x' not in 'abc'`,
		`None is None and 1 is not None`, `'yes' if field.amount_total > 1000 else 'no'`, `(n := 3) + n`, `str([x * x for x in range(4) if x % 2])`, `str({k: v for k, v in [('a', 1)]})`, `str({1, 2} | {2, 3})`,
		`"abc"[1:] + "abc"[::-1]`, `(lambda x: x + 1)(2)`, `a, *b = [1, 2, 3]\nstr(b)`, `is_set(field.notes)`, `is_empty(field.notes)`, `f"{field.date_issue:%Y/%m}"`, `"%05.1f" % 2.5`, `"{:>5}".format("x")`, `[1, 2]`,
		`for x in range(9):\n    if x > 3:\n        break\nx`, `def f(x, y=2):\n    return x * y\nf(3)`, `try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    r = str(e)\nr`,
		`show_error("shown on the field", field.notes)`, `import decimal\nstr(decimal.Decimal('0.1') + decimal.Decimal('0.2'))`, `open('/etc/passwd')`,
	}},
	{"JMESPath", "Data value extractor, and `$jmespath` of the Request Processor. The reply is " +
		"`{\"id\": 7, \"total\": 1030.50, \"lines\": [{\"sku\": \"a\", \"qty\": 2}, {\"sku\": \"b\", \"qty\": 5}], \"note\": null}`.", jmesPath, []string{
		`id`, `total`, `note`, `nothing`, `lines[0].sku`, `lines[-1].qty`, `lines[*].sku`, `lines[?qty > ` + "`3`" + `].sku | [0]`, `length(lines)`, `sum(lines[*].qty)`, `sort_by(lines, &qty)[0].sku`,
		`{id: id, first: lines[0].sku}`, `to_string(lines[0])`, `join(', ', lines[*].sku)`, `not_null(note, 'none')`, `lines[`,
		`lines[0:1].qty`, `lines[].sku`, `@.id`, `lines[*].[sku, qty]`, `values({a: ` + "`1`" + `})`, `*.sku`, `note || 'none'`, `id && 'there'`, `!note`, `lines[?sku == 'a' && qty != ` + "`3`" + `].qty`,
		`lines[?qty >= ` + "`2`" + ` || qty < ` + "`1`" + `] | length(@)`, `'raw'`, "`{\"a\": 1}`", `abs(` + "`-1`" + `)`, `avg(lines[*].qty)`, `ceil(total)`, `floor(total)`, `contains(lines[*].sku, 'a')`,
		`starts_with('abc', 'a')`, `ends_with('abc', 'c')`, `keys(lines[0])`, `map(&sku, lines)`, `max(lines[*].qty)`, `min(lines[*].qty)`, `max_by(lines, &qty).sku`, `min_by(lines, &qty).sku`,
		`merge(lines[0], {b: id})`, `reverse(lines[*].sku)`, `sort(lines[*].sku)`, `to_array(id)`, `to_number('7.50')`, `type(lines)`,
	}},
	{"Request Processor: texts", "A text that is one placeholder keeps the type of its value; in other text it is written as Python's `str` does. Numbers of replies and sums are those of Python.",
		requestText, []string{
			`"{field.document_id.value}"`, `"{field.amount_total.value}"`, `"{field.amount_total}"`, `"No. {field.document_id.value}"`, `"{payload.annotation.id}"`, `"annotation {payload.annotation.id}"`,
			`"{base64(field.document_id.value)}"`, `"{field.line_items[0].description.value}"`, `{"a": ["{field.notes.value}"]}`, `"{sequence}"`, `"{payload.nothing}"`, `"{field.nothing.value}"`,
			`"{property.nothing}"`, `"{"`,
		}},
	{"Request Processor: conditions", "In `evaluate`, in handlers and, on relations, in `get_content`. Several operators of one path, and several paths, must all be true.", requestCondition, []string{
		`{"field.document_id.value": {"$eq": "2026-0042"}}`, `{"field.document_id.value": {"$ne": "2026-0042"}}`, `{"field.amount_total": {"$gt": 1000}}`, `{"field.amount_total": {"$gte": 1030.5}}`,
		`{"field.amount_total": {"$lt": 1000}}`, `{"field.amount_total": {"$lte": 1030.5}}`, `{"field.document_id.value": {"$in": ["a", "2026-0042"]}}`, `{"field.document_id.value": {"$nin": ["a"]}}`,
		`{"field.notes.value": {"$exists": true}}`, `{"payload.nothing": {"$exists": true}}`, `{"field.document_id.value": {"$regex": "^2026"}}`, `{"field.line_items": {"$size": 2}}`,
		`{"field.line_items": {"$size": {"$gt": 2}}}`, `{"field.document_id.value": {"$exists": true, "$ne": ""}}`, `{"$and": [{"field.notes.value": {"$eq": ""}}, {"field.amount_total": {"$gt": 1}}]}`,
		`{"$or": [{"field.notes.value": {"$ne": ""}}, {"field.amount_total": {"$gt": 1}}]}`, `{"field.document_id.value": {"$get": 1}}`, `{"$not": {}}`,
	}},
	{"Request Processor: replies", "The `value` of a handler. The reply has status 201, the header `Location: /invoices/7`, and the JSON of JMESPath above.", requestExtractor, []string{
		`{"response.body": {"$jmespath": "id"}}`, `{"response.body": {"$jmespath": "lines[0]"}}`, `{"response": {"$jmespath": "status_code"}}`, `{"response": {"$jmespath": "ok"}}`,
		`{"response.headers": {"$jmespath": "location"}}`, `{"response.headers.location": {"$regex": "invoices/(\\d+)"}}`, `{"response.text": {"$regex": "\"sku\": \"(\\w)\""}}`,
		`{"response.body": {"$jmespath": "nothing"}}`, `{"response.body": {"$jmespath": "lines["}}`, `{"response.raw": {"$jmespath": "@"}}`, `{"response.body": {"$xmlpath": ".//a"}}`,
	}},
}
