package formula_test

import (
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// A value still knows its field after it has gone through a variable, a parameter, a
// list or an element of one.
func TestAMessageFindsTheFieldOfAValueInAVariable(t *testing.T) {
	t.Parallel()
	for code, at := range map[string]string{
		"x = field.total\nshow_error('m', x)":                                                            "total",
		"x = field.total\nshow_error('m', field=x)":                                                      "total",
		"def f(v):\n    show_error('m', v)\nf(field.total)":                                              "total",
		"def f(v, say):\n    say('m', v)\n    x = v.attr\nf(field.total, show_error)":                    "total",
		"for x in [field.total]:\n    show_error('m', x)":                                                "total",
		"d = {'a': field.issued}\nshow_error('m', d['a'])":                                               "issued",
		"for p in field.price.all_values:\n    if p < 0:\n        show_error('m', p)":                    "price",
		"for r in field.items:\n    p = r.price\n    if p == -1:\n        show_error('m', p)":            "price",
		"x = field.text\nshow_error('m', x)":                                                             "text",
		"x = field.nothing\nif not x and x == None and is_empty(x):\n    show_error('m', x)":             "nothing",
		"x = field.total + 1\nshow_error('m', x)":                                                        "",
		"show_error('m', getattr(field, 'total'))":                                                       "total",
		"x = field.issued\nif x < date(2030, 1, 1) and x.year == 2026:\n    show_error('m', max([x]))":   "issued",
		"show_error('m', sorted(field.items, key=lambda r: r.price)[0].price)":                           "price",
		"x = field.total\ny = x\ndef g():\n    return y\nshow_error('m', g())":                           "total",
		"show_error('m', field.total if True else field.text)":                                           "total",
		"for x in (field.total, field.text):\n    if isinstance(x, str):\n        show_error('m', x)":    "text",
		"x = field.text\nshow_error('m', x if x.startswith('a') and x + 'b' == 'abcb' else field.total)": "text",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			p := originPayload(code)
			c := p.Annotation.Content
			r := run(t, compile(t, p), c)
			var want int64
			if at != "" {
				want = c.Find(at)[0].ID()
			}
			if len(r.Messages) != 1 || r.Messages[0].ID != want {
				t.Errorf("%+v, want a message at %d", r.Messages, want)
			}
		})
	}
}

func originPayload(code string) *rossum.Payload {
	return rossumtest.Annotation(
		rossumtest.Number("total", "5", "5"), rossumtest.Date("issued", "20. 11. 2026", "2026-11-20"), rossumtest.Field("text", "abc"),
		rossumtest.FieldValue("nothing", rossumtest.Value{Type: "number"}), rossumtest.Table("items", rossumtest.Row().Typed("price", number("-1"))),
		computed("check", "string", code),
	).Payload()
}

// What knows its field is a plain value for everything else.
func TestAValueThatKnowsItsFieldIsLikeAPlainOne(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"x.attr.id == field.total.id":                            "True",
		"x.id == x.attr.id, x.attr.label":                        "(True, 'total')",
		"x + 1, 1 + x, -x, x * 2, x ** 2, x // 2, x % 2":         "(6.0, 6.0, -5.0, 10.0, 25.0, 2.0, 1.0)",
		"str(x), repr(x), f'{x:.2f}', '%s' % x, '%d' % x":        "('5.0', '5.0', '5.00', '5.0', '5')",
		"x == 5, x < 6, x in [5], x is x, {5: 'a'}[x]":           "(True, True, True, True, 'a')",
		"type(x).__name__, isinstance(x, float), bool(x)":        "('float', True, True)",
		"round(x, 1), int(x), float(x), abs(x), sum([x, x])":     "(5.0, 5, 5.0, 5.0, 10.0)",
		"json.dumps([x, s, str(d)])":                             `[5.0, "abc", "2026-11-20"]`,
		"d.isoformat(), d + timedelta(days=1), d.strftime('%Y')": "('2026-11-20', datetime.date(2026, 11, 21), '2026')",
		"(d - date(2026, 11, 1)).days, date(2026, 1, 1) < d":     "(19, True)",
		"type(d).__name__, isinstance(d, date), f'{d:%d}'":       "('date', True, '20')",
		"s.upper(), s[1], s[::-1], len(s), s + 'x', 'b' in s":    "('ABC', 'b', 'cba', 3, 'abcx', True)",
		"'-'.join([s, s]), s.replace('a', s), re.sub('b', s, s)": "('abc-abc', 'abcbc', 'aabcc')",
		"[c for c in s], sorted(s), {s: 1}, s == 'abc'":          "(['a', 'b', 'c'], ['a', 'b', 'c'], {'abc': 1}, True)",
		"default_to(n, 7), is_empty(n), n is None, n == None":    "(7, True, False, True)",
		"min(x, 3), max([x, 9]), math.floor(x), divmod(x, 2)":    "(3, 9, 5, (2.0, 1.0))",
		"substitute('b', 'x', s), is_set(s), not s":              "('axc', True, False)",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			p := originPayload("x = field.total\nd = field.issued\ns = field.text\nn = field.nothing\nx.attr\nstr((" + code + "))")
			_, err := compile(t, p).Run(t.Context(), p.Annotation.Content, nil, formula.Options{Now: time.Now})
			if got := values(p.Annotation.Content, "check"); err != nil || got != want {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		})
	}
}
