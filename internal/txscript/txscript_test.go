package txscript_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
)

func TestConstructsOutsideOfTheSubsetAreNamedWithTheirLine(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"with open('x') as f:\n    pass": "line 1: open is not supported in formulas",
		"\n\nimport socket":              "line 3: the module socket is not supported in formulas",
		"from math import gamma":         "line 1: gamma of the module math is not supported in formulas",
		"from txscript import nope":      "line 1: nope of the module txscript is not supported in formulas",
		"from re import *":               "line 1: from re import * is not supported in formulas",
		"async def f():\n    pass":       "line 1: async is not supported in formulas",
		"a @ b":                          "line 1: the operator @ is not supported in formulas",

		"1j":                  "line 1: a complex number is not supported in formulas",
		"complex(1, 2)":       "line 1: complex is not supported in formulas",
		"\nbytearray(b'a')":   "line 2: bytearray is not supported in formulas",
		"memoryview(b'a')":    "line 1: memoryview is not supported in formulas",
		`"\ud83d" + "\ude00"`: `line 1: \ud83d is half of a surrogate pair, which no UTF-8 text can hold; write the whole character, as 😀 or \U0001F600`,
		`f"{1}\ud800"`:        `line 1: \ud800 is half of a surrogate pair, which no UTF-8 text can hold; write the whole character, as 😀 or \U0001F600`,
		"try:\n    1\nexcept* ValueError:\n    2": "line 3: except* is not supported in formulas",
		"x = 1\nexec('x')":                        "line 2: exec is not supported in formulas",
		"class A(B, metaclass=M):\n    pass":      "line 1: a class with metaclass among its bases is not supported in formulas",
		"class A:\n    def __del__(self): pass":   "line 1: the method __del__ is not supported in formulas",
		"from os import system":                   "line 1: system of the module os is not supported in formulas",
		"from os.path import exists":              "line 1: exists of the module os.path is not supported in formulas",
		"from math import *":                      "line 1: from math import * is not supported in formulas",
		"def f(): return open('x')":               "line 1: open is not supported in formulas",
	} {
		_, err := txscript.Compile(code, txscript.Options{})
		var e *txscript.SyntaxError
		if !errors.As(err, &e) || e.Error() != want || !e.Unsupported {
			t.Errorf("%q: got %v, want %s", code, err, want)
		}
	}
}

func TestSyntaxErrorsNameTheirLine(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"x = 1\nif x\n    1": "line 2:", "(\n1": "", "x = 'a": "line 1: unterminated string", "\n  x": "line 2: unexpected indent",
		"f'{x'": "line 1: f-string: expecting '}'", "return 1": "line 1: 'return' outside function", "a = \xff": "line 1: the source is not UTF-8",
		strings.Repeat("(", 200): "too many nested brackets", strings.Repeat("-", 500) + "1": "too deeply nested", "nonlocal x": "line 1: nonlocal",
	} {
		_, err := txscript.Compile(code, txscript.Options{})
		var e *txscript.SyntaxError
		if !errors.As(err, &e) || !strings.Contains(e.Error(), want) || e.Unsupported {
			t.Errorf("%q: got %v, want %s", code, err, want)
		}
	}
}

// What is within each other is compiled once, however deep.
func TestCompilingTakesNoLongerThanTheSource(t *testing.T) {
	t.Parallel()
	nested := func(before, inner, after string) string {
		return strings.Repeat(before, 40) + inner + strings.Repeat(after, 40)
	}
	for _, code := range []string{
		nested("f(", "x", ").a.b"), nested("f(1, ", "x", ").a"), nested("x.append(", "x", ")"), nested("", "'a'", ".replace('a', 'b')"), nested("", "x", ".a"),
		nested("[r for r in field.q.all_values if r == 1 and ", "1", "]"), nested("sum(r for r in field.q.all_values if r == 1 and ", "1", ")"),
	} {
		done := make(chan error)
		go func() {
			_, err := txscript.Compile(code, txscript.Options{Globals: globals, Fields: "field", RowFields: func(string) bool { return true }})
			done <- err
		}()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", code, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s…: it takes too long", code[:20])
		}
	}
}

func TestRunsEndWithinTheirLimits(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"a loop without an end":   "while True:\n    pass",
		"a text that grows":       "x = 'a'\nwhile True:\n    x += x",
		"a list that grows":       "x = [1]\nwhile True:\n    x = x + x",
		"a number that grows":     "x = 7\nwhile True:\n    x = x ** 7",
		"a range":                 "sum(range(10 ** 12))",
		"nested loops":            "[0 for a in range(10**6) for b in range(10**6)]",
		"repeated text":           "'abc' * 10 ** 12",
		"a limit is not caught":   "try:\n    while True:\n        pass\nexcept:\n    1",
		"nor in finally":          "while True:\n    try:\n        while True: pass\n    finally:\n        continue",
		"a factorial":             "math.factorial(10 ** 9)",
		"combinations":            "math.comb(10 ** 15, 10 ** 8)",
		"permutations":            "math.perm(10 ** 18, 10 ** 17)",
		"a slice that grows":      "x = [1]\nwhile True:\n    x[:0] = x",
		"a pattern that explodes": `re.search(r"(a+)+$", "a" * 40 + "b")`,
		"padding":                 "f'{1:>100000000000}'",
		"a generator":             "def g():\n    while True:\n        yield 1\nlist(g())",
		"generators that wait":    "def g():\n    yield 1\nkept = [g() for _ in range(10 ** 6)]\n[next(x) for x in kept]",
		"an iterator of its own":  "class A:\n    def __iter__(self): return self\n    def __next__(self): return 1\nlist(A())",
		"objects":                 "class A: pass\n[A() for _ in range(10 ** 9)]",
		"a module's generator":    "from itertools import count\nlist(count())",
		"a text for eval":         "while True:\n    eval('1' + ' ' * 60000)",
		"bytes":                   "bytes(10 ** 12)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := txscript.Compile(code, txscript.Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Run(
				context.Background(),
				&txscript.Host{Limits: txscript.Limits{Steps: 2_000_000, ValueBytes: 1 << 20, TotalBytes: 64 << 20}},
			)
			var at *txscript.RunError
			if !errors.Is(err, pyvalue.ErrLimit) || !errors.As(err, &at) {
				t.Errorf("got %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the export has ended"))
	p, err := txscript.Compile("while True:\n    pass", txscript.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Run(ctx, &txscript.Host{}); err == nil || !strings.Contains(err.Error(), "the export has ended") {
		t.Errorf("got %v", err)
	}
}

func TestObjectsThatHoldEachOtherDoNotRecurseForever(t *testing.T) {
	t.Parallel()
	const data = "from dataclasses import dataclass, asdict\n@dataclass(order=True)\nclass A:\n    x: object\na, b = A(1), A(2)\na.x, b.x = b, a\n"
	for code, want := range map[string]string{
		data + "repr(a)":         "'A(x=A(x=...))'",
		data + "a == b":          "RecursionError: maximum recursion depth exceeded",
		data + "a < b":           "RecursionError: maximum recursion depth exceeded",
		data + "asdict(a)":       "RecursionError: maximum recursion depth exceeded",
		"s = 'eval(s)'\neval(s)": "RecursionError: maximum recursion depth exceeded",
		"class A:\n    def __repr__(self): return repr(self)\nrepr(A())":                                                                                 "RecursionError: maximum recursion depth exceeded",
		"class A:\n    def __getattr__(self, n): return self.x\nA().y":                                                                                   "RecursionError: maximum recursion depth exceeded",
		"class A:\n    def __eq__(self, o): return self == o\nA() == A()":                                                                                "RecursionError: maximum recursion depth exceeded",
		"def g():\n    yield from g()\nlist(g())":                                                                                                        "RecursionError: maximum recursion depth exceeded",
		"class A:\n    def __iter__(self): return iter(self)\nlist(A())":                                                                                 "RecursionError: maximum recursion depth exceeded",
		"class A:\n    def __iter__(self): return map(str, self)\nlist(A())":                                                                             "RecursionError: maximum recursion depth exceeded",
		"a = [1]\nfor i in range(5000): a = map(str, a)\nlist(a)":                                                                                        "RecursionError: maximum recursion depth exceeded",
		"import itertools\na = [1]\nfor i in range(5000): a = itertools.chain(a)\nlist(a)":                                                               "RecursionError: maximum recursion depth exceeded",
		"def g(a):\n    for x in a: yield x\nb = [g(map(str, [1, 2])) for i in range(3000)]\nfor x in b: next(x)\nmax(sum(1 for x in y) for y in b) / 0": "ZeroDivisionError: division by zero",
	} {
		p, err := txscript.Compile(code, txscript.Options{})
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.Run(context.Background(), &txscript.Host{})
		got, _ := pyvalue.Repr(nil, v)
		if err != nil {
			got = errors.Unwrap(err).Error()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", code, got, want)
		}
	}
}

func TestAnExceptionNamesItsLine(t *testing.T) {
	t.Parallel()
	p, err := txscript.Compile("x = 0\n\ny = 1 / x", txscript.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Run(context.Background(), &txscript.Host{}); err == nil || err.Error() != "line 3: ZeroDivisionError: division by zero" {
		t.Errorf("got %v", err)
	}
}

func TestFieldsAreListedOnce(t *testing.T) {
	t.Parallel()
	p, err := txscript.Compile(
		"def f(): return field.c\nfield.a + field.b.all_values[0] + field.a + f() + field.d.attr.id",
		txscript.Options{Globals: globals, Fields: "field"},
	)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Reads().Fields, " "); got != "c a b d" {
		t.Errorf("got %s", got)
	}
}

// The program uses what a compiled program or a run keeps: places in dicts, calls that are
// used again, matches, indexes of lists.
func TestAProgramServesConcurrentRuns(t *testing.T) {
	t.Parallel()
	const code = `
class Loud(str):
    def upper(self): return 'loud'
class Other(dict):
    def __getitem__(self, key): return 'other'
def f(n):
    return n if n < 2 else f(n-1) + f(n-2)
def g(n):
    yield max(n, 2)
    yield round(n + 0.26, 1)
rows = [{'n': i, 's': Loud('b') if i % 3 else 'a'} for i in range(9)] + [Other(n=1, s='x'), {'s': 'z', 'n': 2}]
for r in rows: eval("r['s']")
numbers = [1, 2, 1, 3]
found = []
for k in numbers:
    found += [x for x in numbers if x == k]
    for x in numbers:
        if x == k:
            found.append(-x)
texts = [r['s'].upper() + re.sub('[ab]', 'cc', str(r['n']) + 'ab') + re.sub('c', lambda m: m.group().upper(), 'c') for r in rows]
f(10), texts, found, [y for n in numbers for y in g(n)], [m.span() for m in re.finditer('a', 'aa')]`
	p, err := txscript.Compile(code, txscript.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := cpython(t)(code, "{}")[1]
	done := make(chan string)
	for range 8 {
		go func() {
			v, err := p.Run(context.Background(), &txscript.Host{})
			text, _ := pyvalue.Repr(nil, v)
			if err != nil {
				text = err.Error()
			}
			done <- text
		}()
	}
	for range 8 {
		if got := <-done; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// A run has places for the members that its program reads, and none for those of eval.
func TestEvalReadsMembersThatItsProgramDoesNot(t *testing.T) {
	t.Parallel()
	if kind, got := run(t, "d = {'k': 7}\nx = 'k'\neval(\"d['k']\") + d[x]", "{}"); kind != "output" || got != "14" {
		t.Errorf("%s %s", kind, got)
	}
}

func FuzzRun(f *testing.F) {
	for _, text := range golden(f) {
		code, _, _, _ := split(text)
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		p, err := txscript.Compile(code, txscript.Options{Globals: globals, Fields: "field", RowFields: func(string) bool { return false }})
		if err != nil {
			var e *txscript.SyntaxError
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return
		}
		rows := newTable(
			"rows",
			[]map[string][2]string{{"q": {"number", "1"}, "s": {"string", "x"}}, {"q": {"number", ""}, "s": {"string", "x"}}},
		)
		row := &fields{
			row:   rows.rows[0],
			table: rows,
			spec:  map[string]json.RawMessage{"rows": json.RawMessage(`[{"q":["number","1"],"s":["string","x"]}]`)},
		}
		h := &txscript.Host{
			Globals: []pyvalue.Value{pyvalue.FromObject(row)},
			Memo:    &txscript.Memo{},
			Limits:  txscript.Limits{Steps: 100_000, ValueBytes: 1 << 16, TotalBytes: 1 << 22},
		}
		var v pyvalue.Value
		for range 3 { // the third time with what the first two have kept
			if v, err = p.Run(context.Background(), h); err != nil {
				break
			}
		}
		var e *txscript.RunError
		if err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		_, _ = pyvalue.Repr(pyvalue.NewMeter(context.Background(), pyvalue.Limits{Steps: 100_000, ValueBytes: 1 << 16}), v)
	})
}

func Example() {
	p, err := txscript.Compile(
		"total = 0\nfor n in [1, 2, 3]:\n    total += n * 1.5\nif total > 5:\n    f'{total:.2f}'\nelse:\n    'little'",
		txscript.Options{},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := p.Run(context.Background(), &txscript.Host{})
	fmt.Println(v.Text(), err)
	// Output: 9.00 <nil>
}

// generated says for how long programs are generated, and from which seed.
func generated(t *testing.T) (time.Duration, uint64) {
	t.Helper()
	return oracle.Duration(t, "TXSCRIPT_DIFF_SECONDS", 2*time.Second), oracle.Seed(t, "TXSCRIPT_DIFF_SEED")
}

// cpython starts the oracle, and returns what asks it for the kind and the text that it
// has for a program.
func cpython(t *testing.T) func(code, spec string) [2]string {
	t.Helper()
	script := oracle.Need(t).Start("testdata/oracle.py", "serve")
	return func(code, spec string) (want [2]string) {
		script.Ask(map[string]any{"code": code, "fields": json.RawMessage(spec)}, &want)
		return want
	}
}

// What Rossum's own package and typing_extensions have is not in CPython.
func TestTheClassesOfFieldsCanBeAskedFor(t *testing.T) {
	t.Parallel()
	code := `from datetime import date, datetime
from txscript.datapoint import DateValue, FieldValueBase, MultivalueDatapointField, NumberValue, StringValue
from typing_extensions import Buffer
import xml.etree.cElementTree as ET
def shown(v: Buffer) -> str:
    return [k.__name__[0] for k in (DateValue, FieldValueBase, MultivalueDatapointField, NumberValue, StringValue) if isinstance(v, k)]
[shown(v) for v in (date(2026, 1, 2), datetime(2026, 1, 2), 1.5, 'x', ['x'], None, {})], ET.tostring(ET.Element('a'))`
	const want = "([['D', 'F'], [], ['F', 'N'], ['F', 'S'], ['F', 'M'], [], []], b'<a />')"
	if _, got := run(t, code, "{}"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNoFormatMakesHalfASurrogatePair(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"'%c' % 56976":          "ValueError: %c of half a surrogate pair is not a character here",
		"format(0xD800, 'c')":   "ValueError: the format c of half a surrogate pair is not a character here",
		"'%c%c' % (97, 0xE000)": "'a\\ue000'",
	} {
		if _, got := run(t, code, "{}"); got != want {
			t.Errorf("%s: got %s, want %s", code, got, want)
		}
	}
}

// TestGeneratedPrograms compares programs that are put together at random with
// CPython. TXSCRIPT_DIFF_SECONDS says for how long, TXSCRIPT_DIFF_SEED which.
func TestGeneratedPrograms(t *testing.T) {
	t.Parallel()
	duration, seed := generated(t)
	ask := cpython(t)
	g := &generator{rand.New(rand.NewPCG(seed, 1))}
	count := 0
	for end := time.Now().Add(duration); time.Now().Before(end); count++ {
		code := g.program()
		want := ask(code, generatedFields)
		if want[1] == "MemoryError" {
			continue // the budget ends the run before
		}
		kind, got := run(t, code, generatedFields)
		if kind != want[0] || got != want[1] {
			t.Fatalf("program %d\n%s\ngot  %s %s\nwant %s %s", count, code, kind, got, want[0], want[1])
		}
	}
	t.Logf("%d programs compared", count)
}

const generatedFields = `{"a":["string","abc"],"b":["string",""],"n":["number","2.5"],"e":["number",""],"d":["date","2026-02-28"],
	"rows":[{"q":["number","3"],"s":["string","x"]},{"q":["number",""],"s":["string",""]}]}`

// generator puts programs together.
type generator struct{ r *rand.Rand }

func (g *generator) pick(list ...string) string { return list[g.r.IntN(len(list))] }

func (g *generator) program() string {
	var out strings.Builder
	for range 1 + g.r.IntN(4) {
		g.statement(&out, "", 2)
	}
	out.WriteString(g.expr(3) + "\n")
	return out.String()
}

func (g *generator) statement(out *strings.Builder, indent string, depth int) {
	body := func() {
		for range 1 + g.r.IntN(2) {
			g.statement(out, indent+"    ", depth-1)
		}
	}
	kind := g.r.IntN(9)
	if depth == 0 {
		kind = g.r.IntN(3)
	}
	switch kind {
	case 0, 1:
		fmt.Fprintf(out, "%s%s %s %s\n", indent, g.pick("x", "y", "z"), g.pick("=", "=", "+=", "*="), g.expr(2))
	case 2:
		fmt.Fprintf(out, "%s%s\n", indent, g.expr(3))
	case 3:
		fmt.Fprintf(out, "%sif %s:\n", indent, g.expr(2))
		body()
		if g.r.IntN(2) == 0 {
			fmt.Fprintf(out, "%selse:\n", indent)
			body()
		}
	case 4:
		fmt.Fprintf(out, "%sfor x in %s:\n", indent, g.pick("range(3)", "[1, 'a', None]", "field.rows", "'ab'", g.expr(1)))
		body()
		if g.r.IntN(3) == 0 {
			fmt.Fprintf(out, "%s    %s\n", indent, g.pick("break", "continue"))
		}
	case 5:
		fmt.Fprintf(out, "%stry:\n", indent)
		body()
		fmt.Fprintf(
			out,
			"%sexcept %s as err:\n",
			indent,
			g.pick("TypeError", "ValueError", "(KeyError, IndexError)", "Exception", "ArithmeticError", "NameError", "AttributeError"),
		)
		fmt.Fprintf(out, "%s    z = str(err)\n", indent)
		if g.r.IntN(3) == 0 {
			fmt.Fprintf(out, "%sfinally:\n%s    y = 0\n", indent, indent)
		}
	case 6:
		fmt.Fprintf(out, "%sdef f(p, q=%s):\n", indent, g.expr(1))
		fmt.Fprintf(out, "%s    return %s\n", indent, g.expr(2))
		fmt.Fprintf(out, "%sy = f(%s)\n", indent, g.expr(1))
	default:
		fmt.Fprintf(out, "%s%s = %s\n", indent, g.pick("x", "y", "z", "x, y"), g.expr(3))
	}
}

func (g *generator) expr(depth int) string {
	if depth == 0 || g.r.IntN(6) == 0 {
		return g.pick(
			"1",
			"0",
			"-2",
			"2.5",
			"True",
			"None",
			"'a'",
			"'b c'",
			"''",
			"'12'",
			"[]",
			"[1, 2, 3]",
			"('a', 1)",
			"{'a': 1}",
			"x",
			"y",
			"z",
			"field.a",
			"field.b",
			"field.n",
			"field.e",
			"field.d",
			"field.q.all_values",
			"field.s.all_values",
			"'Žluť'",
			"10**20",
			"1e16",
			"0.1",
		)
	}
	a, b := g.expr(depth-1), g.expr(depth-1)
	switch g.r.IntN(17) {
	case 0, 1:
		return fmt.Sprintf("(%s %s %s)", a, g.pick("+", "-", "*", "/", "//", "%"), b)
	case 2:
		return fmt.Sprintf("(%s %s %s)", a, g.pick("==", "!=", "<", "<=", "in", "not in", "and", "or"), b)
	case 3:
		return fmt.Sprintf("(%s if %s else %s)", a, b, g.expr(depth-1))
	case 4:
		return fmt.Sprintf("%s[%s]", g.pick("[1, 2, 3]", "'abc'", "{'a': 1, 2: 3}", "(1, 2)"), g.pick("0", "-1", "1:", "::-1", "5", "'a'", a))
	case 5:
		return fmt.Sprintf(
			"%s(%s)",
			g.pick("str", "int", "float", "bool", "len", "list", "sorted", "sum", "max", "repr", "abs", "tuple", "is_empty", "any", "all", "round"),
			a,
		)
	case 6:
		return fmt.Sprintf("[%s for x in %s if %s]", a, g.pick("[1, 2]", "range(4)", "'ab'", "field.q.all_values"), b)
	case 7:
		return fmt.Sprintf("f\"{%s}|{%s!r}\"", g.pick("1 + 1", "field.n", "field.a", "x", "y"), g.pick("field.b", "z", "[1]"))
	case 8:
		return fmt.Sprintf(
			"str(%s).%s",
			a,
			g.pick(
				"upper()",
				"strip()",
				"split()",
				"replace('a', 'X')",
				"find('b')",
				"startswith('a')",
				"zfill(5)",
				"title()",
				"count('a')",
				"isdigit()",
				"split('1')",
				"center(9, '*')",
			),
		)
	case 9:
		return fmt.Sprintf("default_to(%s, %s)", a, b)
	case 10:
		return fmt.Sprintf("{%s: %s for k in %s}", g.pick("k", "str(k)"), a, g.pick("'abc'", "[1, 2]", "range(2)"))
	case 11:
		return fmt.Sprintf(
			"re.sub(%s, %s, str(%s))",
			g.pick(`r"\d"`, `r"[a-c]+"`, `r"(.)(.)"`, `r"\s*"`, `r"[^\w]"`),
			g.pick("''", "'_'", `r"<\g<0>>"`),
			a,
		)
	case 12:
		return fmt.Sprintf("(lambda p: %s)(%s)", g.pick("p", "[p]", "p and 1", "str(p)"), a)
	case 13:
		return fmt.Sprintf(
			"%s(%s for x in %s)",
			g.pick("sum", "any", "list", "max", "sorted"),
			g.pick("x", "1", "len(str(x))"),
			g.pick("[1, 2]", "field.q.all_values", "range(3)", a),
		)
	case 14:
		return fmt.Sprintf("(field.d %s timedelta(days=%s))", g.pick("+", "-"), g.pick("1", "30", "-5", "1.5"))
	case 15:
		return fmt.Sprintf("format(%s, %q)", a, g.pick("", ">5", ".2f", "05", "s", ","))
	}
	return fmt.Sprintf("(not %s)", a)
}

// What grows faster than it is counted must be refused before it is made.
func TestLargeResultsAreRefusedBeforeTheyAreMade(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"import re\nre.sub('', 'x'*10000, 'a'*10**6)":                 "limit reached: a value of 1678",
		"import re\nre.sub('(a+)', r'\\1'*10**5, 'a'*10**6)":          "limit reached: a value of 4000",
		"import re\nre.match('(a+)', 'a'*10**6).expand(r'\\1'*10**5)": "limit reached: a value of 4000",
		"x = 7\nfor i in range(30): x = x*x":                          "limit reached: more than",
		"a = 10**100000\nfor i in range(10**5): a % 3**90000":         "limit reached: ",
		"for i in range(10**7): eval('1+%d' % i)":                     "limit reached: more than",
	} {
		p, err := txscript.Compile(source, txscript.Options{})
		if err == nil {
			_, err = p.Run(t.Context(), &txscript.Host{})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", source, err, want)
		}
	}
}

func TestARepeatedRunMakesTheSameUUIDs(t *testing.T) {
	t.Parallel()
	p, err := txscript.Compile("import uuid\n[str(uuid.uuid4()), str(uuid.uuid4())]", txscript.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := func() []string {
		n := 0
		v, err := p.Run(t.Context(), &txscript.Host{NewID: func() string { n++; return fmt.Sprint("id ", n) }})
		if err != nil {
			t.Fatal(err)
		}
		items, _ := v.Items()
		return []string{items[0].Text(), items[1].Text()}
	}
	once, again := ids(), ids()
	if once[0] != again[0] || once[1] != again[1] || once[0] == once[1] {
		t.Errorf("got %v, and then %v", once, again)
	}
}

// TestCallsAreUsedAgainOnlyWhenNobodyKnowsThem has calls within calls, and functions
// that keep their arguments.
func TestCallsAreUsedAgainOnlyWhenNobodyKnowsThem(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"round(1.26 + round(2.26 + round(3.26, 1), 1), 1)":                                                  "6.9",
		"def f(*a):\n    return a\nx = f(1, 2)\ny = f(3, 4)\nround(2.5)\n(x, y)":                            "((1, 2), (3, 4))",
		"def f(a, *b, **k):\n    return lambda: (a, b, k)\ng = f(1, 2)\nh = f('x')\nlen('abc')\n(g(), h())": "((1, (2,), {}), ('x', (), {}))",
		"def f(n):\n    return n if n < 1 else sum(f(n - 1) for i in range(2))\nf(3)":                       "0",
		"def f(n):\n    yield n\n    yield max(n, 2)\ng = f(1)\nlist(f(5)) + [next(g), max(7, 8), next(g)]": "[5, 5, 1, 8, 2]",
		"max(*(1, 2, 3), key=lambda v: -v) + len('abc') + round(2.5)":                                       "6",
		"class N(int):\n    def __iadd__(self, o):\n        return 'own'\nn = N(1)\nn += 1\nn":              "'own'",
		"class C:\n    gamma = 5\nimport math\nmath = C()\nmath.gamma":                                      "5",
		"class C:\n    gamma = 5\nimport math\ndef f():\n    global math\n    math = C()\nf()\nmath.gamma":  "5",
		"'-'.join(s.replace(s[0], str(len(s))) for s in ('ab', 'cde'))":                                     "'2b-3de'",
		"max(['bb', 'a'], key=lambda s: len(s.strip()) + max(0, round(0.2)))":                               "'bb'",
		"substitute('a', substitute('x', 'y', 'x'), 'banana') + '|'.join('a b'.split(' ', 1))":              "'bynynya|b'",
		"def f(a, b):\n    try:\n        a.nope(b)\n    except AttributeError as e:\n        return (str(e), a, " +
			"b)\nf('k', 2)": `("'str' object has no attribute 'nope'", 'k', 2)`,
	} {
		if kind, got := run(t, code, "{}"); kind != "output" || got != want {
			t.Errorf("%s\ngot  %s %s\nwant %s", code, kind, got, want)
		}
	}
}

// A date takes no more room than Python makes for it: 1024 characters, doubled until there
// are 256 for each of the format's.
func TestADateIsNoLongerThanPythonHasRoomFor(t *testing.T) {
	t.Parallel()
	ask := cpython(t)
	for _, format := range []string{
		"", "%1023d", "%1024d", "%2047d", "%2048d", "%2047d%%", "é%2046d", "é%2047d", "%99999999999999999999d", "xxxxxxxxxx%4000d", "xxxxxxxxxx%4095d",
		"%f%2047d", "%2047d%f", "%f%4095d", "%z%2047d", "%Z%2047d", "%f%f%f%f%f%f%f%16000d", "%9999d%9999d", strings.Repeat("x", 47) + "%12000d",
		strings.Repeat("%500d", 3), strings.Repeat("x", 5000), "%%f", "%%%f", "a%", "%é",
	} {
		for _, when := range []string{"datetime(2026, 11, 26, 15, 4, 5, 7)", "datetime(2026, 11, 26, tzinfo=timezone(timedelta(hours=5), '5%%d'))"} {
			code := fmt.Sprintf("from datetime import datetime, timedelta, timezone\nv = %s.strftime(%q)\n(len(v), v.strip())", when, format)
			want := ask(code, "{}")
			if kind, got := run(t, code, "{}"); kind != want[0] || got != want[1] {
				t.Errorf("%s\ngot  %s %.80s\nwant %s %.80s", code, kind, got, want[0], want[1])
			}
		}
	}
}
