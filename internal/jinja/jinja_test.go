package jinja

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// render asks a script for what Jinja2 makes of a template.
func render(script *oracle.Script, template string, vars json.RawMessage) (kind, text string) {
	var answer struct{ Kind, Text string }
	script.Ask(map[string]any{"template": template, "vars": vars}, &answer)
	return answer.Kind, answer.Text
}

func TestFiltersTestsAndGlobalsAreThoseOfJinja2(t *testing.T) {
	t.Parallel()
	printed := oracle.Need(t, "jinja2").Output(
		"-c",
		"import jinja2, json\ne = jinja2.Environment()\nprint(json.dumps([sorted(e.filters), sorted(e.tests), sorted(e.globals)]))",
	)
	var lists [3][]string
	if err := json.Unmarshal(printed, &lists); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.FieldsFunc(string(doc), func(r rune) bool { return strings.ContainsRune(" \n\t/,.:;", r) })
	for i, list := range lists {
		for _, name := range list {
			known := [...]bool{filters()[name] != nil || refusedFilters[name] != "", tests()[name] != nil, globals[name] != value{}}[i]
			if !known || !slices.Contains(words, name) {
				t.Errorf("%s: known %v, documented %v", name, known, slices.Contains(words, name))
			}
		}
	}
}

// As of Jinja2 3.1.6; 3.1.2, which the golden cases are compared with, raises
// OverflowError.
func TestATextThatIsInfiniteAsANumberIsTheDefault(t *testing.T) {
	t.Parallel()
	if kind, got := run(t, "{{ 'inf'|int(3) }}{{ '-Infinity'|int }}{{ '1e400'|int('x') }}", nil); kind != "output" || got != "30x" {
		t.Errorf("%s %s", kind, got)
	}
	if kind, got := run(t, "{{ ('inf'|float)|int }}", nil); kind != "error" || got != "OverflowError" {
		t.Errorf("%s %s", kind, got)
	}
}

func TestMethodsAreThoseOfCPythonOrRefused(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		"int": "as_integer_ratio from_bytes to_bytes real imag numerator denominator", "float": "as_integer_ratio fromhex real imag",
	}
	printed := oracle.Need(t, "jinja2").Output(
		"-c",
		"import json\nprint(json.dumps({c.__name__: [n for n in dir(c) if n[0] != '_'] for c in (str, list, tuple, dict, int, float, bytes)}))",
	)
	var classes map[string][]string
	if err := json.Unmarshal(printed, &classes); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.FieldsFunc(string(doc), func(r rune) bool { return strings.ContainsRune(" \n\t/,.:;", r) })
	for class, v := range map[string]value{"str": pyvalue.Str(""), "list": pyvalue.NewList(), "tuple": pyvalue.NewTuple(), "dict": pyvalue.NewDict().Value(), "int": pyvalue.Int(0), "float": pyvalue.Float(0), "bytes": pyvalue.Bytes(nil)} {
		for _, name := range classes[class] {
			known := pyvalue.HasMethod(v, name)
			if !known && class != "bytes" && !slices.Contains(strings.Fields(refused[class]), name) ||
				class != "bytes" && !slices.Contains(words, name) {
				t.Errorf("%s.%s: known %v, documented %v", class, name, known, slices.Contains(words, name))
			}
		}
		for _, name := range pyvalue.MethodNames(v) {
			if !slices.Contains(classes[class], name) {
				t.Errorf("%s.%s is no method of CPython", class, name)
			}
		}
	}
}

// grammar makes templates that are mostly right.
type grammar struct{ r *rand.Rand }

func (g grammar) pick(options ...string) string { return options[g.r.IntN(len(options))] }

func (g grammar) expr(depth int) string {
	if depth == 0 {
		return g.pick(
			"a",
			"b",
			"s",
			"l",
			"d",
			"rows",
			"missing",
			"1",
			"0",
			"-3",
			"2.5",
			"'x'",
			"''",
			"'Ab c'",
			"none",
			"true",
			"d.k",
			"l[0]",
			"l[-1]",
			"rows[0].q",
			"s[1]",
			"[1, 'a']",
			"(1,)",
			"{'z': 1}",
			"i",
			"loop.index",
			"range(7)[2:5]",
			"range(9)[::-2]|list",
			"'a\u00a0b\u00a0http://x.y/z\u00a0'",
			"'<\x7f\u2028>'",
			"1e21",
			"123456789.0",
		)
	}
	e := func() string { return g.expr(depth - 1) }
	switch g.r.IntN(9) {
	case 0:
		return "(" + e() + " " + g.pick(
			"+",
			"-",
			"*",
			"/",
			"//",
			"%",
			"~",
			"==",
			"!=",
			"<",
			">=",
			"and",
			"or",
			"in",
			"not in",
		) + " " + e() + ")"
	case 1:
		return e() + "|" + g.pick(
			"upper",
			"lower",
			"title",
			"capitalize",
			"trim",
			"length",
			"first",
			"last",
			"list",
			"sort",
			"reverse|list",
			"join(',')",
			"int",
			"float",
			"round",
			"string",
			"e",
			"tojson",
			"default('q')",
			"default('q', true)",
			"sum",
			"min",
			"max",
			"unique|list",
			"wordcount",
			"striptags",
			"abs",
			"urlencode",
			"batch(2)|list",
			"center(9)",
			"indent",
			"replace('a', 'b')",
			"truncate(3, leeway=0)",
			"dictsort",
			"map('string')|list",
			"select|list",
			"b64encode",
			"filesizeformat",
			"title|lower",
			"items|list",
			"xmlattr",
			"round(1)",
			"string|length",
			"map(attribute='k', default='?')|list",
			"map(attribute='q.k', default=0)|list",
			"groupby('k', default='')|list",
			"sum('k')",
			"wordwrap(3)",
			"wordwrap(9, false)",
			"urlize",
			"urlize(7, true)",
			"batch(0)|list",
			"batch(3, 'x')|list",
			"slice(2)|list",
			"tojson(1)",
			"selectattr('q')|list",
			"rejectattr('k', 'none')|list",
			"filesizeformat(true)",
			"escape|upper",
			"string|tojson",
			"indent(2, true)",
			"safe",
			"forceescape",
		)
	case 2:
		return "(" + e() + " is " + g.pick(
			"defined",
			"none",
			"string",
			"number",
			"mapping",
			"iterable",
			"sequence",
			"odd",
			"sameas none",
			"eq 1",
			"in [1, 2]",
			"not undefined",
			"true",
			"integer",
			"float",
			"boolean",
			"lower",
			"divisibleby 2",
		) + ")"
	case 3:
		return "(" + e() + " if " + e() + " else " + e() + ")"
	case 4:
		return "(not " + e() + ")"
	case 5:
		// Not of a constant: Jinja2 works some of those out beforehand.
		return g.pick("s", "l", "rows", "d", "a", "i", "missing") + "[" + g.pick("0", "-1", "1:", ":2", "::-1", "'k'", "9") + "]"
	case 6:
		return "(" + e() + ")." + g.pick(
			"k",
			"upper()",
			"split()",
			"strip()",
			"get('k')",
			"keys()|list",
			"count('a')",
			"replace('a', 'c')",
			"zfill(5)",
			"nope",
			"format(1)",
			"index(1)",
			"title()",
			"partition('b')",
			"isdigit()",
		)
	case 7:
		return "[" + e() + ", " + e() + "]"
	}
	return "'%s|%5.1f'|format(" + e() + ", " + e() + ")"
}

func (g grammar) template(depth int) string {
	var b strings.Builder
	for range 1 + g.r.IntN(3) {
		switch n := g.r.IntN(11); {
		case n == 0 || depth == 0:
			b.WriteString(
				g.pick(
					"text\n",
					" ",
					"\n",
					"<a>",
					"\t",
				) + "{{" + g.pick(
					"",
					"-",
				) + " " + g.expr(
					1+g.r.IntN(2),
				) + " " + g.pick(
					"",
					"-",
				) + "}}",
			)
		case n == 1:
			b.WriteString("{% if " + g.expr(1) + " %}" + g.template(depth-1) + "{% else %}" + g.template(depth-1) + "{% endif %}")
		case n == 2:
			b.WriteString(
				"{% for i in " + g.pick(
					"l",
					"rows",
					"d",
					"s",
					"range(3)",
					"missing",
					g.expr(1),
				) + g.pick(
					"",
					" if i",
					" recursive",
				) + " %}" + g.template(
					depth-1,
				) + "{{ loop.index }}{{ loop.last }}{% else %}none{% endfor %}",
			)
		case n == 3:
			b.WriteString("{% set " + g.pick("a", "x", "s") + " = " + g.expr(1) + " %}{{ x }}")
		case n == 4:
			b.WriteString(
				"{% macro m(p, q=" + g.expr(0) + ") %}" + g.template(depth-1) + "{{ p }}{{ q }}{% endmacro %}{{ m(" + g.expr(0) + ") }}",
			)
		case n == 5:
			b.WriteString("{% filter " + g.pick("upper", "trim", "title") + " %}" + g.template(depth-1) + "{% endfilter %}")
		case n == 6:
			name := "b" + strconv.FormatUint(g.r.Uint64(), 36)
			b.WriteString(
				"{% block " + name + g.pick(
					"",
					" scoped",
				) + " %}" + g.template(
					depth-1,
				) + "{% endblock %}" + g.pick(
					"",
					"{{ self."+name+"() }}",
					"{{ self."+name+" is defined }}",
				),
			)
		case n == 7:
			b.WriteString("{% autoescape " + g.pick("true", "false") + " %}" + g.template(depth-1) + "{% endautoescape %}")
		case n == 8:
			b.WriteString("{% set " + g.pick("x", "s") + " %}" + g.template(depth-1) + "{% endset %}{{ x }}{{ s|e }}")
		case n == 9:
			b.WriteString(
				"{% macro n(a=a, p=a, x=p) %}" + g.template(
					depth-1,
				) + "{{ a }}{{ x }}{{ caller() if caller }}{% endmacro %}{% call(q=a) n(" + g.expr(
					0,
				) + ") %}{{ q }}" + g.template(
					depth-1,
				) + "{% endcall %}",
			)
		default:
			b.WriteString("{% with x = " + g.expr(1) + " %}" + g.template(depth-1) + "{% endwith %}")
		}
	}
	return b.String()
}

// comparable drops what differs from run to run in Python's text.
func comparable(kind, text string) bool {
	return !strings.Contains(text, " object at 0x") && !strings.Contains(text, " at 0x") && kind != "error" ||
		kind == "error" && text != "NameError" && text != "SyntaxError"
}

func TestGeneratedTemplatesRenderAsJinja2Does(t *testing.T) {
	jinja2 := oracle.Need(t, "jinja2").Start("testdata/oracle.py", "serve")
	vars := json.RawMessage(
		`{"a":1,"b":2.5,"s":"Hello & <b>žluť</b>","l":[3,1,2],"d":{"k":"v","b":2},"rows":[{"q":"2","k":1},{"q":"","k":null}]}`,
	)
	g := grammar{rand.New(rand.NewPCG(oracle.Seed(t, "JINJA_DIFF_SEED"), 1))}
	n, wrong := 0, 0
	for end := time.Now().Add(oracle.Duration(t, "JINJA_DIFF_SECONDS", 2*time.Second)); time.Now().Before(end) && wrong < 10; n++ {
		template := g.template(2)
		wantKind, want := render(jinja2, template, vars)
		if !comparable(wantKind, want) {
			continue
		}
		kind, got := run(t, template, variables(t, string(vars)))
		if kind != wantKind || got != want && kind == "output" {
			wrong++
			t.Errorf("%s\n got %s %q\nwant %s %q", template, kind, got, wantKind, want)
		}
	}
	t.Logf("%d templates, %d differ", n, wrong)
}

func TestWhatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"{% include 'x' %}":           "'include' is not supported: a template of an export stands alone, there is nothing to load from",
		"{% extends 'x' %}":           "'extends' is not supported",
		"{% from 'x' import y %}":     "'from' is not supported",
		`{{ "\ud800" }}`:              `\ud800 is half of a surrogate pair, which no UTF-8 text can hold; write the whole character, as 😀 or \U0001F600`,
		"{{ l|random }}":              "filter 'random' is not supported: an export must be the same every time",
		"{{ s|uper }}":                "No filter named 'uper'.",
		"{% for i in l %}{% endif %}": "Encountered unknown tag 'endif'. Jinja was looking for the following tags: 'endfor' or 'else'. The innermost block that needs to be closed is 'for'.",
	} {
		if _, err := Compile("t", template, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", template, err)
		}
	}
	for _, template := range []string{
		"{{ s.__init__ }}", "{{ s['__doc__'] }}", "{{ s|attr('__dict__') }}", "{{ s.__class__.__subclasses__ }}",
		"{{ s.__class__.__base__.__dict__ }}", "{{ s.__class__.mro }}",
		"{{ self.__init__ }}", "{{ range.__init__ }}", "{{ s.upper.__self__ }}", "{{ loop.__class__ }}", "{{ s.__class__('x') }}",
	} {
		if kind, got := run(t, template, map[string]pyvalue.Value{"s": pyvalue.Str("x")}); kind == "output" && got != "" {
			t.Errorf("%s: %s", template, got)
		}
	}
}

func TestErrorsShowPlaceLineAndCaret(t *testing.T) {
	t.Parallel()
	_, err := Compile("t", "ok\nžluť {{ a b }}", Options{Place: "export_configs[0].file_content_template_multiline", Lines: true})
	want := "export_configs[0].file_content_template_multiline[1]: line 2, column 11: TemplateSyntaxError: expected token 'end of print statement', got 'b'\n | žluť {{ a b }}\n |           ^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	compiled, err := Compile("t", "a\n  {{ x.y }}", Options{Place: "p"})
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := compiled.RenderString(t.Context(), nil, Limits{}); !errors.As(err, &e) || e.Line != 2 || e.Col != 3 ||
		e.Type != "UndefinedError" ||
		e.Msg != "'x' is undefined" ||
		e.Place != "p" {
		t.Errorf("%v", err)
	}
}

func TestHostileTemplatesEndWithTheirBudget(t *testing.T) {
	t.Parallel()
	for _, template := range []string{
		"{{ range(10**12)|list }}", "{% for i in range(10**12) %}{% endfor %}", "{{ 'x' * 3000000000 }}", "{{ 'x'.zfill(10**9) }}",
		"{{ '%1000000000d' % 1 }}", "{{ '{:>1000000000}'.format(1) }}",
		"{{ 10**(10**9) }}", "{{ 2**1000000000 }}", "{{ [1] * 10**10 }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"{% set x = [1] %}{% for i in x %}{{ x.append(i) }}{% endfor %}",
		"{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x{% endfor %}{% endfor %}{% endfor %}",
		"{{ 'x'.center(10**9) }}", "{{ 'ab'|center(10**9) }}", "{{ ('x' * 60000000)|replace('x', 'xxxxxxxxxx') }}",
		"{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "{{ 'x'|indent(10**9) }}",
		"{{ range(10**9)|sum }}", "{{ range(10**9)|join('x') }}", "{{ 'a'.join(range(10**9)|map('string')) }}",
		"{{ [1]|batch(10**10, 'x')|list }}",
		"{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "{{ '\t'.expandtabs(10**10) }}", "{{ 1 << 5 }}",
		"{{ 'x'|filesizeformat }}", "{{ " + strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000) + " }}",
		strings.Repeat("{% if 1 %}", 1000), "{{ " + strings.Repeat("-", 1000) + "1 }}",
		"{% for i in range(99999999) %}{{ 'xxxxxxxxxxxxxxxxxxxx' }}{% endfor %}",
	} {
		t.Run(template[:min(len(template), 40)], func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			compiled, err := Compile("t", template, Options{})
			if err == nil {
				err = compiled.Render(
					t.Context(),
					io.Discard,
					nil,
					Limits{Steps: 2_000_000, ValueBytes: 8 << 20, TotalBytes: 64 << 20, OutputBytes: 8 << 20},
				)
			}
			if err == nil {
				t.Error("no error")
			}
			if took := time.Since(started); took > 20*time.Second { // a budget, not a race: the steps are counted
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestRenderingEndsWithTheContextAndTheWriter(t *testing.T) {
	t.Parallel()
	compiled, err := Compile("t", "{% for i in range(10**9) %}xxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}", Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := compiled.Render(ctx, io.Discard, nil, Limits{OutputBytes: 1 << 50, Steps: 1 << 50}); !errors.Is(
		err,
		context.DeadlineExceeded,
	) {
		t.Errorf("got %v", err)
	}
	full := errors.New("disk full")
	if err := compiled.Render(t.Context(), writerFunc(func([]byte) (int, error) { return 0, full }), nil, Limits{}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestATemplateIsRenderedConcurrently(t *testing.T) {
	t.Parallel()
	compiled, err := Compile(
		"t",
		"{% macro m(x) %}{{ x }}{% endmacro %}{% set ns = namespace(n=0) %}{% for i in range(100) %}{% set ns.n = "+
			"ns.n + i %}{% endfor %}{{ m(ns.n) }}{{ v }}",
		Options{},
	)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			got, err := compiled.RenderString(t.Context(), map[string]pyvalue.Value{"v": pyvalue.Int(int64(i))}, Limits{})
			if err != nil || got != fmt.Sprint(4950, i)[:4]+fmt.Sprint(i) {
				t.Errorf("%q %v", got, err)
			}
		})
	}
	wait.Wait()
}

func TestAListWithAttributesIsAList(t *testing.T) {
	t.Parallel()
	tags := ListWithAttrs([]pyvalue.Value{pyvalue.Str("a"), pyvalue.Str("b")}, map[string]pyvalue.Value{"tag": pyvalue.Str("b")})
	for template, want := range map[string]string{
		"{{ t }} {{ t.tag }} {{ t|length }} {{ t[0] }} {{ t[-1] }} {{ 'a' in t }} {{ t|join }} {{ t == ['a', 'b'] }} {{ ['a', 'b'] == t }}": "['a', 'b'] b 2 a b True ab True True",
		"{% for x in t %}{{ x }}{{ loop.last }}{% endfor %}{{ t + ['c'] }}{{ t is sequence }}{{ t.count('a') }}{{ t.nope }}":                "aFalsebTrue['a', 'b', 'c']True1",
	} {
		if kind, got := run(t, template, map[string]pyvalue.Value{"t": tags}); kind != "output" || got != want {
			t.Errorf("%s\n got %s\nwant %s", template, got, want)
		}
	}
}

// Comparing texts costs what is compared, and wrapping one what it is cut into.
func TestComparisonsCostWhatTheyCompare(t *testing.T) {
	t.Parallel()
	const texts = `{% set a = "a " * 100000 %}{% set b = "a " * 100000 %}`
	for _, code := range []string{
		`{% if a == b %}{% endif %}`, `{% if a != b %}{% endif %}`, `{% if a <= b %}{% endif %}`, `{% if a is eq(b) %}{% endif %}`,
		`{% if a is le(b) %}{% endif %}`,
		`{% set x = [a, b]|max %}`, `{% set x = [{"k": a}, {"k": b}]|groupby("k", case_sensitive=true) %}`, `{% set x = a|wordwrap(10) %}`,
	} {
		compiled, err := Compile("t", texts+`{% for i in range(100) %}`+code+`{% endfor %}`, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := compiled.RenderString(t.Context(), nil, Limits{Steps: 20_000}); !errors.Is(err, pyvalue.ErrLimit) {
			t.Errorf("%s: %v", code, err)
		}
	}
	compiled, err := Compile("t", texts+`{{ a|wordwrap(10) }}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compiled.RenderString(t.Context(), nil, Limits{ValueBytes: 1 << 20}); !errors.Is(err, pyvalue.ErrLimit) {
		t.Error(err)
	}
}

// A number that a template gives is counted as it is, not as what is left of its product.
func TestLargeNumbersOfPartsAreCounted(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"{{ [1]|slice(n)|list }}", "{{ [1]|batch(n, 0)|list }}", "{{ 'a'|indent(n) }}", "{{ 'a' * n }}", "{{ [1] * n }}",
	} {
		compiled, err := Compile("t", code, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{1 << 59, 1<<60 + 1, 1 << 61, 1 << 62, 1<<62 + 1, math.MaxInt64} {
			_, err := compiled.RenderString(t.Context(), map[string]pyvalue.Value{"n": pyvalue.Int(n)}, Limits{ValueBytes: 1 << 20})
			if !errors.Is(err, pyvalue.ErrLimit) {
				t.Errorf("%s with %d: %v", code, n, err)
			}
		}
	}
}

// What stands for more than itself is counted by what it becomes.
func TestWhatATextBecomesIsCountedBeforeItIsMade(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"(['x'*100000]*1000)|join", "(['a']*1000)|join('x'*100000)", "('a'*1000)|replace('a', 'x'*100000)", "(['x'*100000]*1000)|tojson",
		"('<'*200000)|tojson",
		"('http://a.bc '*10000)|urlize(target='x'*100000)", "('http://a.bc '*10000)|urlize(rel='x'*100000)",
		"('sip:x '*10000)|urlize(extra_schemes=['sip:'], rel='x'*100000)",
		"dict(a=t, b=t, c=t)|xmlattr", "dict(a=t, b=t)|urlencode", "('%s'*1000)|format(*(['x'*100000]*1000))", "('a\n'*1000)|indent('x'*100000)",
		"(['x'*100000]*1000)|string", "(['x'*100000]*1000) ~ ''", "t ~ t", "('ΐ'*300000)|upper", "('ΐ '*250000)|title",
		"('é'*300000)|urlencode", "('<'*500000)|e",
		"('a '*1000)|wordwrap(1, wrapstring='x'*100000)", "('\t'*1000).expandtabs(100000)", "(['<'*100000]*1000)|join('<br>'|safe)",
		"(['x'*100000]*1000)|pprint",
		"('a'*1000)|list|map('replace','a','x'*100000)|join", "range(100000)|join('x'*1000)",
	} {
		compiled, err := Compile("t", "{% set t = 'x' * 900000 %}{% set v = "+code+" %}", Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = compiled.RenderString(t.Context(), nil, Limits{ValueBytes: 1 << 20, TotalBytes: 4 << 30})
		if !errors.Is(err, pyvalue.ErrLimit) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"{{ a|upper }}", "{% for i in l recursive %}{{ loop(l) }}{% endfor %}", "{% macro m(x, y=1) %}{{ caller() }}{% endmacro %}{% call m(2) %}{% endcall %}", "{{ '%s' % (1, 2) }}{{ '{:>{w}}'.format(1, w=3) }}", "{% raw %}{{{% endraw %}", "{{ d|dictsort }}{# x -#}  {{ l[::-1]|batch(2)|list }}"} {
		f.Add(s)
	}
	for _, text := range fuzzing.Files(f, "internal/jinja/testdata/golden/*/*.txt") {
		template, _, _ := strings.Cut(string(text), "\n=== vars\n")
		f.Add(template)
	}
	vars := variables(f, `{"a":"x","l":[1,2,3],"d":{"k":1}}`)
	f.Fuzz(func(t *testing.T, source string) {
		compiled, err := Compile("t", source, Options{})
		if err != nil {
			return
		}
		limits := Limits{Steps: 20_000, ValueBytes: 1 << 16, TotalBytes: 1 << 20, OutputBytes: 1 << 16}
		var first, second strings.Builder
		err = compiled.Render(t.Context(), &first, vars, limits)
		if int64(first.Len()) > limits.OutputBytes {
			t.Errorf("%q made %d bytes", source, first.Len())
		}
		if strings.Contains(source, "random") || strings.Contains(source, "lipsum") || strings.Contains(source, "now") {
			return
		}
		if again := compiled.Render(t.Context(), &second, vars, limits); first.String() != second.String() || fmt.Sprint(again) != fmt.Sprint(err) {
			t.Errorf("%q made %q, %v, and then %q, %v", source, first.String(), err, second.String(), again)
		}
	})
}

// invoiceTemplate has 150 lines that make JSON of an invoice.
func invoiceTemplate() string {
	var b strings.Builder
	b.WriteString("{\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  \"header_%02d\": \"{{ field.h%02d|upper }}\",\n", i, i)
	}
	b.WriteString("  \"lines\": [\n{% for item in field.line_items %}    {\n")
	for i := range 38 {
		fmt.Fprintf(&b, "      \"c%02d\": \"{{ item.c%02d }}\",\n", i, i)
	}
	b.WriteString(
		"      \"n\": {{ loop.index }},\n      \"total\": {% if item.c00 %}{{ item.c01 }}{% else %}0{% endif %}" +
			"\n    }{% if not loop.last %},{% endif %}\n{% endfor %}  ],\n  \"end\": true\n}\n",
	)
	return b.String()
}

func invoiceVars(rows int) string {
	var b bytes.Buffer
	b.WriteString(`{"field":{`)
	for i := range 100 {
		fmt.Fprintf(&b, `"h%02d":"Header %d",`, i, i)
	}
	b.WriteString(`"line_items":[`)
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		for i := range 38 {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"c%02d":"value %d of %d"`, i, i, r)
		}
		b.WriteByte('}')
	}
	b.WriteString("]}}")
	return b.String()
}

// BenchmarkInvoice prints how many times as fast as Jinja2's compiled template
// a JSON invoice of 150 lines over 100 rows is rendered, and the time of 1,000
// rows relative to ten times that of 100.
func BenchmarkInvoice(b *testing.B) {
	source, vars := invoiceTemplate(), invoiceVars(100)
	jinja2 := oracle.Need(b, "jinja2").Start("-c", `
import jinja2, json, sys, time
case = json.loads(sys.stdin.readline())
t = jinja2.Environment().from_string(case["template"])
best = 1e9
for _ in range(20):
    s = time.perf_counter(); out = t.render(case["vars"]); best = min(best, time.perf_counter() - s)
print(json.dumps({"kind": repr(best), "text": out}))`)
	seconds, want := render(jinja2, source, json.RawMessage(vars))
	theirs, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		b.Fatal(err)
	}
	compiled, err := Compile("t", source, Options{})
	if err != nil {
		b.Fatal(err)
	}
	small, large := variables(b, vars), variables(b, invoiceVars(1000))
	if got, err := compiled.RenderString(b.Context(), small, Limits{}); err != nil || got != want {
		b.Fatalf("the output differs from Jinja2's: %v", err)
	}
	best, bestLarge := time.Hour, time.Hour
	b.ReportAllocs()
	for b.Loop() {
		for range 20 { // as often as Jinja2 had the chance
			start := time.Now()
			if err := compiled.Render(b.Context(), io.Discard, small, Limits{}); err != nil {
				b.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
	}
	for range 5 {
		start := time.Now()
		if err := compiled.Render(b.Context(), io.Discard, large, Limits{}); err != nil {
			b.Fatal(err)
		}
		bestLarge = min(bestLarge, time.Since(start))
	}
	allocs := testing.AllocsPerRun(5, func() { _ = compiled.Render(b.Context(), io.Discard, small, Limits{}) })
	b.ReportMetric(theirs/best.Seconds(), "x-vs-jinja2")
	b.ReportMetric(float64(bestLarge)/float64(10*best), "x-vs-linear")
	b.ReportMetric(allocs, "allocs/render")
}

func show(source string, lines ...string) {
	compiled, err := Compile("example", source+strings.Join(lines, "\n"), Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	row := func(description, quantity string) pyvalue.Value {
		d := pyvalue.NewDict()
		d.SetStr("item_description", pyvalue.Str(description))
		d.SetStr("item_quantity", pyvalue.Str(quantity))
		return d.Value()
	}
	field := pyvalue.NewDict()
	field.SetStr("document_id", pyvalue.Str("123456"))
	field.SetStr("document_type", pyvalue.Str("tax_invoice"))
	field.SetStr("currency", pyvalue.Str("usd"))
	field.SetStr("amount_total_tax", pyvalue.Str(""))
	field.SetStr("sender_name", pyvalue.Str("R&D <Ltd>"))
	field.SetStr("line_items", pyvalue.NewList(row("AWS services #1", "750"), row("AWS services #2", "1")))
	file := pyvalue.NewDict()
	file.SetStr("original_file", pyvalue.Bytes([]byte("%PDF-1.7")))
	out, err := compiled.RenderString(
		context.Background(),
		map[string]pyvalue.Value{"field": field.Value(), "file": file.Value()},
		Limits{},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out)
}

// The original document in base64.
func Example_original() {
	show("{{file.original_file|b64encode}}")
	// Output: JVBERi0xLjc=
}

func Example_csv() {
	show("Document ID,Document Type,Quantity\n{{field.document_id}},{{field.document_type}},{{field.line_items[0].item_quantity}}")
	// Output:
	// Document ID,Document Type,Quantity
	// 123456,tax_invoice,750
}

func Example_csvOverRows() {
	show(
		"",
		"Document ID,Item Description,Item Quantity",
		"{% for item in field.line_items %}{{field.document_id}},{{item.item_description}},{{item.item_quantity}}\n{% endfor %}",
	)
	// Output:
	// Document ID,Item Description,Item Quantity
	// 123456,AWS services #1,750
	// 123456,AWS services #2,1
}

func Example_xml() {
	show(
		"",
		"<INVOICE>",
		"  <SENDER>{{ field.sender_name|e }}</SENDER>",
		"  <CURRENCY>{{ field.currency | upper }}</CURRENCY>",
		"  <TAX>{{ field.amount_total_tax | default(0,true) }}</TAX>",
		"</INVOICE>",
	)
	// Output:
	// <INVOICE>
	//   <SENDER>R&amp;D &lt;Ltd&gt;</SENDER>
	//   <CURRENCY>USD</CURRENCY>
	//   <TAX>0</TAX>
	// </INVOICE>
}

func Example_json() {
	show(
		"",
		"{",
		`  "document_id": "{{ field.document_id }}",`,
		`  "line_items": [`,
		"    {% for item in field.line_items %}{",
		`      "description": "{{ item.item_description }}",`,
		`      "quantity": {{ item.item_quantity }}`,
		"    }{% if not loop.last %},{% endif %}",
		"  {% endfor %}]",
		"}",
	)
	// Output:
	// {
	//   "document_id": "123456",
	//   "line_items": [
	//     {
	//       "description": "AWS services #1",
	//       "quantity": 750
	//     },
	//   {
	//       "description": "AWS services #2",
	//       "quantity": 1
	//     }
	//   ]
	// }
}

// A tree, drawn by a macro.
func Example_tree() {
	show(
		"",
		"{%- macro draw_tree(height) -%}",
		"{%- set width = height * 2 - 1 %}",
		"{%- for level in range(1, height + 1) -%}",
		"{%- set padding = (width - (level * 2 - 1)) // 2 %}",
		"{{ '.' * padding }}{{ '*' * (level * 2 - 1) }}{{ '.' * padding }}",
		"{%- endfor %}",
		"{{ '.' * ((width - 1) // 2) }}|{{ '.' * ((width - 1) // 2) }}",
		"{%- endmacro %}",
		"{{ draw_tree(3) }}",
		"",
	)
	// Output:
	// ..*..
	// .***.
	// *****
	// ..|..
}

func TestChainsAreLongOrRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, head, link, tail string }{
		{"sums", "{{ 0", " + 1", " }}"},
		{"products", "{{ 1", " * 1", " }}"},
		{"powers", "{{ 1", " ** 1", " }}"},
		{"or", "{{ 0", " or 0", " }}"},
		{"and", "{{ 1", " and 1", " }}"},
		{"conditions without else", "{{ 1", " if 1", " }}"},
		{"filters", "{{ 1", "|string", " }}"},
		{"filters of a block", "{% filter string", "|string", "%}a{% endfilter %}"},
		{"attributes", "{{ payload", "['a']", " is defined }}"},
		{"members", "{{ ''", ".strip", " is defined }}"},
		{"calls of methods", "{{ 'a'", ".strip()", " }}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := Compile("a", c.head+strings.Repeat(c.link, 400)+c.tail, Options{}); err != nil {
				t.Error(err)
			}
			_, err := Compile("a", c.head+strings.Repeat(c.link, 200_000)+c.tail, Options{})
			if err == nil || !strings.Contains(err.Error(), "more than 1000 operators, filters, attributes or calls in a row") {
				t.Errorf("200,000: %.200v", err)
			}
		})
	}
	within := "1"
	for range 20 {
		within = "(" + within + strings.Repeat(" * 1", 900) + strings.Repeat(" + 1", 900) + ")"
	}
	if _, err := Compile("a", "{{ "+within+" }}", Options{}); err == nil {
		t.Error("chains within chains are not counted together")
	}
	many := strings.Repeat("{{ 1"+strings.Repeat(" + 1", 900)+" }}", 50)
	if _, err := Compile("a", many, Options{}); err != nil {
		t.Errorf("fifty expressions: %.200v", err)
	}
}

func TestNamespacesWithinOneAnotherArePrintedOrRefused(t *testing.T) {
	t.Parallel()
	const nested = "{%% set ns = namespace(a=1) %%}{%% for i in range(%d) %%}{%% set ns.a = namespace(a=ns.a) %%}{%% endfor %%}{{ ns }}"
	for n, want := range map[int]string{2: "<Namespace {'a': <Namespace {'a': <Namespace {'a': 1}>}>}>", 50_000: ""} {
		template, err := Compile("a", fmt.Sprintf(nested, n), Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := template.RenderString(t.Context(), nil, Limits{})
		if got != want || (err == nil) != (want != "") || err != nil && !strings.Contains(err.Error(), "RecursionError") {
			t.Errorf("%d: %.200q, %.200v", n, got, err)
		}
	}
}
