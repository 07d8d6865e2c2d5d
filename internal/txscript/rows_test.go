package txscript_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
)

const rowFields = `{"h":["string","x"],"k":["number","3"],"d":["date","2026-02-28"],"e":["number",""],"t":["string","y"],"rows":[
	{"q":["number","3"],"s":["string","x"],"d2":["date","2026-02-28"]},{"q":["number",""],"s":["string",""],"d2":["date",""]},
	{"q":["number","3"],"s":["string","y"],"d2":["date","2026-03-01"]},{"q":["number","-1.5"],"s":["string","x"],"d2":["date","2026-02-28"]}]}`

// inRow is rowFields with the formula in a row.
func inRow(row int) string { return fmt.Sprintf(`{"row":%d,%s`, row, rowFields[1:]) }

// TestGeneratedFormulasOfRows runs programs that walk over tables for all rows, with
// what is kept between them, and compares each row with CPython.
func TestGeneratedFormulasOfRows(t *testing.T) {
	t.Parallel()
	duration, seed := generated(t)
	ask := cpython(t)
	g := &rowGenerator{rand.New(rand.NewPCG(seed, 2)), 0}
	count := 0
	for end := time.Now().Add(duration); time.Now().Before(end); count++ {
		code := g.program()
		compareRows(t, ask, code, fmt.Sprintf("seed %d, program %d", seed, count))
	}
	t.Logf("%d programs compared", count)
}

func compareRows(t *testing.T, ask func(code, spec string) [2]string, code, what string) {
	t.Helper()
	spec := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(rowFields), &spec); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, code, spec)
	want := make([][2]string, len(p.table.rows))
	for i := range want {
		if want[i] = ask(code, inRow(i)); want[i][1] == "SyntaxError" {
			return // := where CPython does not allow it
		}
	}
	for range 3 {
		for i, want := range want {
			kind, got := p.run(t, i)
			// The oracle's dates of a row are of a class of their own.
			got = strings.ReplaceAll(got, "'datetime.date'", "'date'")
			if kind != want[0] || got != strings.ReplaceAll(want[1], "'datetime.date'", "'date'") {
				t.Fatalf("%s, row %d\n%s\ngot  %s %s\nwant %s %s", what, i, code, kind, got, want[0], want[1])
			}
		}
	}
}

// rowGenerator puts programs together that loop over rows and columns.
type rowGenerator struct {
	r     *rand.Rand
	loops int
}

func (g *rowGenerator) pick(list ...string) string { return list[g.r.IntN(len(list))] }

func (g *rowGenerator) program() string {
	var out strings.Builder
	out.WriteString(
		g.pick(
			"",
			"",
			"def f(v):\n    return "+g.scalar(1)+"\n",
			"def f(v):\n    global a\n    a = v\n    return v\n",
			"from datetime import timedelta\n",
		),
	)
	out.WriteString(
		g.pick(
			"a, b, l, m = 0, '', [], {}\n",
			"a = b = None\nl = field.q.all_values\nm = {'x': []}\n",
			"a = 1\nb = field.s\nl = [r.s for r in field.rows]\nm = dict.fromkeys(l, 0)\n",
			"l = []\n",
		),
	)
	for range 1 + g.r.IntN(5) {
		g.statement(&out, "", 2)
	}
	out.WriteString(g.pick("a", "str(a) + str(b)", "(a, b, l, m)", "[a, l, m]", g.value(2), "r.s", "(v, x)"))
	return out.String() + "\n"
}

func (g *rowGenerator) statement(out *strings.Builder, indent string, depth int) {
	kind := g.r.IntN(12)
	if depth == 0 {
		kind = g.r.IntN(6)
	}
	line := func(format string, args ...any) { fmt.Fprintf(out, indent+format+"\n", args...) }
	body := func() {
		for range 1 + g.r.IntN(2) {
			g.statement(out, indent+"    ", depth-1)
		}
	}
	switch kind {
	case 0, 1:
		line("%s = %s", g.pick("a", "b", "a", "l"), g.value(2))
	case 2:
		line("%s += %s", g.pick("a", "b", "l"), g.pick("1", "'z'", "[1]", "default_to(field.q, 0)", g.scalar(1)))
	case 3:
		line(
			"%s",
			g.pick(
				"l.append("+g.scalar(1)+")",
				"m[b] = a",
				"m.setdefault(str(b), []).append(a)",
				"l[0] = "+g.scalar(1),
				"l.sort()",
				"m.update({'k': a})",
				"l[0].append(1)",
				"m['x'].append(b)",
				"del l[0]",
				"getattr(l, 'append')(5)",
			),
		)
	case 4:
		line("%s", g.value(2))
	case 5:
		line("a = f(%s)", g.scalar(1))
	case 6:
		line("if %s:", g.condition("r", 1))
		body()
	case 7:
		line("try:")
		body()
		line("except Exception as error:\n%s    b = str(error)", indent)
	case 8, 9:
		line(
			"for %s in %s:\n%s    if %s:",
			g.pick("r", "r", "x"),
			g.pick("field.rows", "field.rows", "field.q.all_values", "field.s.all_values", "list(l)"),
			indent,
			g.condition(g.pick("r", "x"), 1),
		)
		in := indent
		indent += "    "
		body()
		if g.r.IntN(3) == 0 {
			fmt.Fprintf(out, "%s    %s\n", indent, g.pick("break", "continue"))
		}
		if indent = in; g.r.IntN(4) == 0 {
			line("else:\n%s    b = 'none'", indent)
		}
	case 10:
		line("for r in field.rows:\n%s    if r.%s != %s:\n%s        continue", indent, g.pick("q", "s", "d2"), g.key(), indent)
		body()
	default:
		line("for v in %s:", g.pick("field.rows", "field.q.all_values", "field.s.all_values", "range(3)", "list(l)", "list(m)"))
		body()
	}
}

func (g *rowGenerator) key() string {
	return g.pick(
		"field.s",
		"field.q",
		"field.d2",
		"field.h",
		"field.k",
		"field.e",
		"field.d",
		"'x'",
		"3",
		"3.0",
		"None",
		"''",
		"a",
		"b",
		"True",
		"[]",
	)
}

func (g *rowGenerator) condition(v string, depth int) string {
	cell := g.pick(v+".q", v+".s", v+".d2", v, v+".nope")
	c := cell + " == " + g.key()
	switch g.r.IntN(7) {
	case 0:
		c = g.key() + " == " + cell
	case 1:
		c += " and " + g.pick("is_set(r.q)", "a", "(a := 1)", g.scalar(depth), "r.s != b")
	case 2:
		c = g.pick("is_set(r.q)", "a") + " and " + c
	case 3:
		c = cell + g.pick(" != ", " < ") + g.key()
	}
	return c
}

// value is an expression of any kind.
func (g *rowGenerator) value(depth int) string {
	if depth == 0 || g.r.IntN(4) == 0 {
		return g.scalar(depth)
	}
	over := g.pick("field.rows", "field.rows", "l")
	element := g.pick("r.q", "r.s", "r.d2", "str(r.q)", "(r.s, a)", "default_to(r.q, 0)", g.scalar(depth-1))
	clause := fmt.Sprintf("for r in %s if %s", over, g.condition("r", depth-1))
	if g.r.IntN(4) == 0 {
		clause = fmt.Sprintf("for %s in field.s.all_values for r in field.rows if %s", g.pick("b", "x"), g.condition("r", depth-1))
	}
	if g.r.IntN(4) == 0 {
		element, clause = g.pick(
			"r",
			"1",
			"str(r)",
		), "for r in "+g.pick(
			"field.q.all_values",
			"field.s.all_values",
			"field.d2.all_values",
		)+" if r == "+g.key()
	}
	switch g.r.IntN(8) {
	case 0:
		return fmt.Sprintf("[%s %s]", element, clause)
	case 1:
		return fmt.Sprintf("{%s: 1 %s}", element, clause)
	case 2:
		return fmt.Sprintf("%s(%s %s)", g.pick("list", "sum", "len", "any", "sorted", "max", "tuple"), element, clause)
	case 3:
		return fmt.Sprintf("next((%s %s), %s)", element, clause, g.scalar(0))
	case 4:
		return fmt.Sprintf("[y() for y in [lambda: %s %s]]", element, clause)
	case 5:
		return g.pick("sorted", "max", "min") + "(field.s.all_values, key=lambda v: (v == " + g.pick("field.s", "'x'", "a") + ", v))"
	case 6:
		return fmt.Sprintf("[(y, [b := 'w', a := 5]) for y in (%s %s)]", element, clause)
	}
	return fmt.Sprintf(
		"%s(%s)",
		g.pick("sum", "sorted", "len", "list", "max", "str"),
		g.pick("field.q.all_values", "field.s.all_values", "l", "[r.q for r in field.rows if is_set(r.q)]", "default_to(field.q.all_values, 0)"),
	)
}

// scalar is an expression for one value.
func (g *rowGenerator) scalar(depth int) string {
	if depth <= 0 || g.r.IntN(3) == 0 {
		return g.pick(
			"a",
			"b",
			"1",
			"2.5",
			"'x'",
			"''",
			"None",
			"field.q",
			"field.s",
			"field.h",
			"field.k",
			"field.e",
			"field.t",
			"r.q",
			"r.s",
			"v",
		)
	}
	x, y := g.scalar(depth-1), g.scalar(depth-1)
	return g.pick(
		"("+x+" == "+y+")",
		"str("+x+")",
		"default_to("+x+", "+y+")",
		"is_empty("+x+")",
		"("+x+" or "+y+")",
		"f'{"+x+"}'",
		"len(field.q.all_values)",
		"("+x+" + "+y+")",
		"sum(default_to(field.q.all_values, 0))",
		"m.get("+x+")",
		"l[-1]",
	)
}

// What is kept is charged for, so that a program that asks for it for ever ends.
func TestKeptValuesCostSteps(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"while field.s or True:\n    len(field.q.all_values)",
		"while True:\n    for r in field.rows:\n        if r.q == field.q:\n            pass",
		"n = 0\nfor v in field.q.all_values:\n    n += 1\nwhile field.s or True:\n    [r for r in field.rows if r.s == 'nobody']",
	} {
		spec := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(rowFields), &spec); err != nil {
			t.Fatal(err)
		}
		p := newProgram(t, code, spec)
		p.limits = txscript.Limits{Steps: 100_000}
		for row := range p.table.rows {
			if kind, got := p.run(t, row); kind != "error" || !strings.Contains(got, "limit reached: more than 100000 steps") {
				t.Errorf("%s\nrow %d: %s %s", code, row, kind, got)
			}
		}
	}
}

// A loop over a table in each of its rows looks only at those that it is about.
func TestALookUpDoesNotVisitAllRows(t *testing.T) {
	t.Parallel()
	const n = 2000
	rows := make([]map[string][2]string, n)
	for i := range rows {
		rows[i] = map[string][2]string{"s": {"string", fmt.Sprint("C", i)}, "q": {"number", fmt.Sprint(i)}}
	}
	raw, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{
		"sum(r.q for r in field.rows if r.s == field.s)",
		"n = 0\nfor r in field.rows:\n    if r.s == field.s and is_set(r.q):\n        n += r.q\nn",
		"n = 0\nfor r in field.rows:\n    if field.s != r.s:\n        continue\n    n += r.q\nn",
		"def f(code):\n    return [r.q for r in field.rows if r.s == code][0]\nf(field.s)",
		"by = {}\nfor r in field.rows:\n    by.setdefault(r.s, []).append(r.q)\nsum(by[field.s])",
		"top = sorted(field.rows, key=lambda r: -r.q)\ntop[0].q - %d + field.q",
	} {
		code = strings.ReplaceAll(code, "%d", fmt.Sprint(n-1))
		p := newProgram(t, code, map[string]json.RawMessage{"rows": raw})
		p.meter = pyvalue.NewMeter(context.Background(), pyvalue.Limits{Steps: 100 * n})
		for row := range rows {
			if kind, got := p.run(t, row); kind != "output" || got != fmt.Sprintf("%d.0", row) {
				t.Errorf("%s\nrow %d: %s %s", code, row, kind, got)
				break
			}
		}
	}
}

// What is found for a code is not looked for again in the next row that has it.
func TestWhatIsFoundForACodeIsKept(t *testing.T) {
	t.Parallel()
	const n = 2000
	rows := make([]map[string][2]string, n)
	for i := range rows {
		rows[i] = map[string][2]string{"s": {"string", fmt.Sprint("C", i%4)}, "q": {"number", "2"}}
	}
	raw, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{
		"sum(r.q for r in field.rows if r.s == field.s)",
		"n = 0\nfor r in field.rows:\n    if r.s == field.s:\n        n += r.q\nround(n, 2)",
		"n = {}\nfor r in field.rows:\n    if r.s >= field.s:\n        n[r.s] = n.get(r.s, 0) + r.q\nn[field.s]",
		"sum(field.q.all_values) / 4 + len([s for s in field.s.all_values if s > field.s]) * 0",
	} {
		p := newProgram(t, code, map[string]json.RawMessage{"rows": raw})
		p.meter = pyvalue.NewMeter(context.Background(), pyvalue.Limits{Steps: 100 * n})
		for row := range rows {
			if kind, got := p.run(t, row); kind != "output" || got != "1000.0" {
				t.Errorf("%s\nrow %d: %s %s", code, row, kind, got)
				break
			}
		}
	}
}

// Rows with the same code get what is theirs, whatever is done with what was kept.
func TestRowsWithTheSameCodeGetWhatCPythonGives(t *testing.T) {
	t.Parallel()
	ask := cpython(t)
	const loop = "for r in field.rows:\n    if r.s == field.s:\n        "
	for _, code := range []string{
		"l = []\n" + loop + "l.append(r.q)\nl.append(field.q)\nl",
		"l = []\n" + loop + "l.append(r.q)\nlen(l), field.q, l",
		"l = []\nm = l\n" + loop + "l.append(r.q)\nm += [1]\nl",
		"l = []\nn = sum(1 for v in field.s.all_values)\n" + loop + "l.append(r.q)\nstr(l) + str(n) + str(field.q)",
		"n = 0\n" + loop + "n += 1\nelse:\n    m = field.q\nn, m",
		"k = field.q\nn = 0\nfor r in field.rows:\n    if r.q == k or r.s == field.s:\n        n += 1\n        last = r.s\nn, last",
		"n = 0\n" + loop + "n += 1\n        break\nn, r.s, r.q, field.q",
		"n = 0\n" + loop + "n += 1 / default_to(r.q, 0)\nn",
		"n = 0\n" + loop + "n += 1\nfield.q / (n - 2)",
		"def f():\n    return default_to(field.q, 0)\nn = 0\n" + loop + "n += f()\nn",
		"def f(l):\n    l.append(field.q)\n    return l\nl = []\n" + loop + "l.append(r.q)\nf(l)",
		"sum(1 for r in field.rows if r.s == field.s) + len(field.s)",
		"len([r for r in field.rows if r.d2 == field.d2 and r.s == field.s]), field.d2, field.q",
		"max([default_to(r.q, 0) for r in field.rows if r.s != field.s]) / default_to(field.q, 0)",
		"x = sorted([r.s for r in field.rows if r.s >= field.s])\nx.append(field.q)\nx",
		"str([v is None for v in field.q.all_values if v == field.q]) + str(field.q is None)",
	} {
		compareRows(t, ask, code, code)
	}
}

// What a run keeps of the last replacement and of the last f-string is nothing that the
// next one sees.
func TestReplacingAndFormattingInTurnGivesWhatCPythonGives(t *testing.T) {
	t.Parallel()
	ask := cpython(t)
	for _, code := range []string{
		`import re
[re.sub(p, w, s) for p in ['a', r'\s+', '', '[^a-f]', '(b)|c', 'é+', r'\W'] for w in ['', 'x', r'<\g<0>>'] for s in ['', 'abc', ' é  b\u2028ü', 'aaa']]`,
		`import re
re.sub('a', 'b', 'aa'), re.sub('a', 'c', 'aa'), re.sub('b', 'c', 'aa'), re.sub('a', 'b', 'aa')`,
		`import re
out = []
for p, w in [('a', 'x'), ('(', 'x'), ('a', r'\1'), ('a', r'\q'), ('a', 'y')]:
    try:
        out.append(re.sub(p, w, 'banana'))
    except Exception as e:
        out.append(str(type(e).__name__) + str(e))
out`,
		`import re
re.sub('a', lambda m: re.sub('a', 'b', m.group()) + f'{m.start()}', 'aba') + re.sub('b', 'a', 'aba')`,
		`class T(str):
    pass
import re
t = T('abc')
re.sub('a', 'b', t), re.sub('x', 'b', t) == 'abc', re.sub(T('a'), T('b'), t), f'{t}', f'{t:>5}'`,
		`f"{f'{1.005:.2f}' + f'{2}':>8}|{3:{'>'}{f'{4}'}}|{1e300:.1f}|{-0.0:.0f}|{float('nan'):.2f}|{float('-inf'):.3f}|{2.5:.0f}|{0.125:.2f}"`,
		`[f'{x:.2f} {x:.0f} {x:.9f}' for x in [0.0, -0.0, 1.005, 2.675, 1e16, 123456789.125, -1e-7, 5e-324]]`,
		`def f(n):
    return f'<{n}{f(n - 1) if n else ""}>'
f(5) + f'{f(2)}{f(1):.4}'`,
		`' a\x1c\tb\x1f c '.split(), '\x85a\xa0b'.split(), ''.split(), ' '.split(), 'a'.split(), ' a b '.split(None, 1), 'a\x0bb\x0cc\x00d'.split()`,
	} {
		compareRows(t, ask, code, code)
	}
}

// Elements that an index finds are counted as those that are walked over and taken.
func TestWhatAnIndexFindsIsCounted(t *testing.T) {
	t.Parallel()
	const code = "[v for v in field.s.all_values if v == field.s]"
	row := func(s string) string { return fmt.Sprintf(`{"s":["string","%s"]}`, s) }
	rows := strings.Repeat(row("x")+",", 5) + row("y")
	p := newProgram(t, code, map[string]json.RawMessage{"rows": json.RawMessage("[" + rows + "]")})
	used := func(row int) (steps, bytes int64) {
		p.meter = pyvalue.NewMeter(context.Background(), pyvalue.Limits{})
		if kind, text := p.run(t, row); kind != "output" {
			t.Fatal(text)
		}
		return p.meter.Used()
	}
	for range 3 {
		used(0) // the index is made meanwhile
	}
	fiveSteps, fiveBytes := used(0)
	oneStep, oneBytes := used(5)
	if fiveSteps-oneStep != 4*2 || fiveBytes-oneBytes != 4*24 {
		t.Errorf("four more elements are %d steps and %d bytes", fiveSteps-oneStep, fiveBytes-oneBytes)
	}
}

// Comprehensions that take what an index finds, and those that look as if they did.
func TestComprehensionsTakeWhatCPythonTakes(t *testing.T) {
	t.Parallel()
	ask := cpython(t)
	for _, code := range []string{
		"[v for v in field.s.all_values if v == field.s]",
		"[v for v in field.s.all_values if v == field.s and v != 'x']",
		"[v for v in field.q.all_values if v == field.q and field.s == 'x' and v > 0]",
		"sorted({v for v in field.s.all_values if v == field.s})",
		"{v: 1 for v in field.s.all_values if v == field.s}",
		"list(v for v in field.s.all_values if v == field.s)",
		"v = 'outer'\n[w for w in field.s.all_values if w == field.s], [v for w in field.s.all_values if w == field.s]",
		"[(k, v) for k in [1, 2] for v in field.s.all_values if v == field.s]",
		"[v for k in [1, 2] for v in field.s.all_values if v == field.s]",
		"[v for v in field.s.all_values if v == field.s for k in [1, 2]]",
		"[v for v in field.s.all_values if v == field.s if v == 'x']",
		"[lambda: v for v in field.s.all_values if v == field.s][-1]()",
		"[lambda: v for v in field.s.all_values if v == field.s for v in [1, 2]][-1]()",
		"for v in field.s.all_values:\n    if v == field.s:\n        v = 'changed'\nv",
		"for v in field.s.all_values:\n    if v == field.s:\n        for v in field.q.all_values:\n            pass\nv",
		"x = [v for v in field.s.all_values if v == field.s]\nx.append('more')\n[v for v in field.s.all_values if v == field.s], x",
		"[v for v in field.q.all_values if v == -0.0], [v for v in field.q.all_values if v == True], [v for v in field.q.all_values if v == 10**30]",
		"[v for v in field.q.all_values if v == 3], [str(v) for v in field.q.all_values if v == '3'], [v for v in field.s.all_values if v == None]",
		"n = float('nan')\n[v for v in field.q.all_values if v == n]",
		"for v in field.s.all_values:\n    if v == field.s and v != 'y':\n        w = v\nv",
		"def f():\n    global v\n    for v in field.s.all_values:\n        if v == field.s:\n            u = v\n    return u\nf() + v",
		"def f():\n    v = 0\n    def g():\n        nonlocal v\n        for v in field.s.all_values:\n            if v == field.s:\n                u = v\n        return u\n    return g(), v\nf()",
	} {
		compareRows(t, ask, code, code)
	}
}
