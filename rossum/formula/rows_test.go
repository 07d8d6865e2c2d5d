package formula_test

import (
	"strconv"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// What does not depend on the row is computed once for all rows. A formula that
// changes it, or whose helper looks at the row, must not notice: each of these gives
// 4 in every one of three rows.
func TestARowDoesNotSeeWhatAnotherRowDid(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"x = sorted(field.q.all_values)\nx.append(1)\nlen(x)",
		"x = sorted(field.q.all_values)\nx += [1]\nlen(x)",
		"x = list(field.q.all_values)\nx *= 2\nlen(x) - 2",
		"x = sorted(field.q.all_values)\nx[0] = x[0] + 1\nx[0] + 2",
		"x = sorted(field.q.all_values)\ndel x[0]\nlen(x) + 2",
		"x = set(field.q.all_values)\nx |= {field._index + 100}\nlen(x)",
		"x = {v: 1 for v in field.q.all_values}\nx[field._index + 50] = 1\nlen(x)",
		"x = dict(zip(field.q.all_values, field.q.all_values))\nx.setdefault(field._index + 70, 1)\nlen(x)",
		"x = [v for v in field.q.all_values]\n[x.pop() for i in range(1)]\nlen(x) + 2",
		"def f(l):\n    l.append(1)\n    return len(l)\nf(sorted(field.q.all_values))",
		"x = field.q.all_values\nx[2] *= 5\nx[2] - 11",
		"x = field.q.all_values\nx[1:] = [7]\nlen(x) + 2",
		"x = field.q.all_values\nx[:1] *= 2\nlen(x)",
		"x = field.q.all_values\ndel x[::2]\nlen(x) + 3",
		"x = [field.q.all_values]\nx[0].append(1)\nlen(x[0])",
		"x = sorted(field.q.all_values)\nm = x.append\nm(1)\nlen(x)",
		"x = sorted(field.q.all_values)\nf = list.append\nf(x, 1)\nlen(x)",
		"x = sorted(field.q.all_values)\ngetattr(x, 'append')(1)\nlen(x)",
		"x = sorted(field.q.all_values)\nfor x[0] in [field._index]:\n    pass\nlen(x) + 1",
		"def sum(v): return 4\nsum(field.q.all_values)",
		"sum(v for v in field.q.all_values if v == field.q) - field.q + 4",
		"def g(v): return field._index\nsum(g(v) for v in field.q.all_values) - 3 * field._index + 4",
		"max(field.q.all_values, key=lambda v: -abs(v - field.q)) - field.q + 4",
		"it = iter(sorted(field.q.all_values))\nnext(it)\nlen(list(it)) + 2",
		"x = zip(field.q.all_values, [1, 2, 3])\nlen(list(x)) + 1",
		// Statements that are run once for the table.
		"x = []\nfor v in field.q.all_values:\n    x.append(v)\nx.append(field.q)\nlen(x)",
		"x = {}\nfor v in field.q.all_values:\n    x[v] = [v]\nx[1].append(field.q)\nlen(x[1]) + 2",
		"x = {}\nfor v in field.q.all_values:\n    x.setdefault('k', []).append(v)\nlen(x.setdefault('k', [])) + 1",
		"x = set(field.q.all_values)\nx.add(field._index + 100)\nlen(x)",
		"x = [v for v in field.q.all_values]\ny = x\ny += [field.q]\nlen(x)",
		"x = [v for v in field.q.all_values]\ndef f():\n    x.append(1)\nf()\nlen(x)",
		"x = [v for v in field.q.all_values]\ngetattr(x, 'append')(1)\nlen(x)",
		"x = field.q.all_values\ngetattr(x, 'pop')()\nlen(x) + 2",
		"x = (v for v in field.q.all_values)\nlen(list(x)) + 1",
		"x = iter(field.q.all_values)\nnext(x) + len(list(x)) + 1",
		"n = 0\nfor v in field.q.all_values:\n    n += 1\nn = n + field.q - field.q + 1\nn",
		"f = lambda v: v + field.q\nn = sum(f(v) for v in [4])\nn - field.q",
		"def f(v): return abs(v - field.q)\nn = min([1, 2, 3], key=f)\nn - field.q + 4",
		"field = field\nn = 0\nfor v in [1]:\n    n += field.q\nn - field.q + 4",
		"n = 0\nfor i in range(field._index + 1):\n    n += 1\nn - field._index + 3",
		"for field.q in []:\n    pass\n4",
		// Loops that look a key up.
		"n = 0\nfor r in field.line_items:\n    if r.q == field.q:\n        n += 1\nn + 3 + r.q - 3",
		"n = 0\nk = field.q\nfor r in field.line_items:\n    if r.q == k:\n        k += 1\n        n += 1\nn + field._index + 1",
		"n = 0\nfor v in field.q.all_values:\n    if v == field.q:\n        break\nv - field.q + 4",
		"k = field.q\ng = (r.q for r in field.line_items if r.q == k)\nk = 2\nsum(g) + 2",
		"k = 1\nn = 0\nfor q in (r.q for r in field.line_items if r.q == k):\n    n += 1\n    k += 1\nn + 1",
		"k = 1\ndef f():\n    global k\n    k += 1\nn = 0\nfor r in field.line_items:\n    if r.q == k:\n        n += 1\n        f()\nn + 1",
		"f = [lambda: r.q for r in field.line_items if r.q == field.q]\nf[0]() + 1",
	} {
		rows := make([]rossumtest.TableRow, 3)
		for i := range rows {
			rows[i] = rossumtest.Row().Typed("q", number(strconv.Itoa(i+1))).Typed("f", rossumtest.Value{Type: "number", Formula: code})
		}
		p := rossumtest.Annotation(rossumtest.Table("line_items", rows...)).Payload()
		if _, err := compile(t, p).Run(t.Context(), p.Annotation.Content, nil, formula.Options{}); err != nil {
			t.Errorf("%s\n%v", code, err)
			continue
		}
		for i, n := range p.Annotation.Content.Find("f") {
			if n.Value() != "4" {
				t.Errorf("%s\nrow %d has %s, want 4", code, i+1, n.Value())
			}
		}
	}
}

func TestARowHasNoCellsOfAnotherTable(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(
		rossumtest.Table(
			"items",
			rossumtest.Row("code", "A").Typed("f", cell("string", "','.join(field.rate.all_values) + '|' + str(type(field.rate) == list)")),
		),
		rossumtest.Table("taxes", rossumtest.Row("rate", "21")),
		computed("g", "string", "getattr(field.items[0], 'rate', 'none') + field.items[0].code"),
	).Payload()
	run(t, compile(t, p), p.Annotation.Content)
	if got := values(p.Annotation.Content, "f", "g"); got != "21|True | noneA" {
		t.Errorf("got %s", got)
	}
}

// What is kept for a formula is of the values that it had when it ran.
func TestAChangedColumnIsReadAgain(t *testing.T) {
	t.Parallel()
	rows := make([]rossumtest.TableRow, 4)
	for i := range rows {
		rows[i] = rossumtest.Row().Typed("q", number(strconv.Itoa(i%2+1))).
			Typed("twice", cell("number", "field.q * 2")).
			Typed("share", cell("string", "n = 0\nfor v in field.twice.all_values:\n    n += v\nstr(field.twice) + ' of ' + str(n)")).
			Typed("same", cell("number", "sum(r.q for r in field.items if r.twice == field.twice)"))
	}
	p := rossumtest.Annotation(rossumtest.Table("items", rows...)).Payload()
	s, c := compile(t, p), p.Annotation.Content
	run(t, s, c)
	if got, want := values(c, "share", "same"), "2.0 of 12.0 | 4.0 of 12.0 | 2.0 of 12.0 | 4.0 of 12.0 | 2 | 4 | 2 | 4"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := c.Find("q")[0].SetValue("5"); err != nil {
		t.Fatal(err)
	}
	run(t, s, c, rossumrun.TakeWritten(c)...)
	if got, want := values(c, "share", "same"), "10.0 of 20.0 | 4.0 of 20.0 | 2.0 of 20.0 | 4.0 of 20.0 | 5 | 4 | 1 | 4"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A part of a formula that is the same in every row fails only in a row that comes
// to it, at its line.
func TestWhatIsKeptFailsWhereItIsEvaluated(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"if field.q > 2:\n    sum(v / 0 for v in field.q.all_values)\n1":                                    "formula of f, row 3: line 2: ZeroDivisionError: float division by zero",
		"field.q > 2 and max(v / 0 for v in field.q.all_values)\n1":                                         "formula of f, row 3: line 1: ZeroDivisionError: float division by zero",
		"n = 0\nfor v in field.q.all_values:\n    n += v / 0\nn":                                            "formula of f, row 1: line 3: ZeroDivisionError: float division by zero",
		"n = 0\nfor r in field.items:\n    if r.q == field.q:\n        n = 1 / (r.q - 3)\nn":                "formula of f, row 3: line 4: ZeroDivisionError: float division by zero",
		"n = 0\nfor r in field.items:\n    if r.q == k:\n        n = 1\n    if r.q == 2:\n        k = 2\nn": "formula of f, row 1: line 3: NameError: name 'k' is not defined",
		"for r in field.items:\n    if r.q == k:\n        1\n":                                              "formula of f, row 1: line 2: NameError: name 'k' is not defined",
	} {
		rows := make([]rossumtest.TableRow, 4)
		for i := range rows {
			rows[i] = rossumtest.Row().Typed("q", number(strconv.Itoa(i+1))).Typed("f", cell("number", code))
		}
		p := rossumtest.Annotation(rossumtest.Table("items", rows...)).Payload()
		r, err := compile(t, p).Run(t.Context(), p.Annotation.Content, nil, formula.Options{Tolerate: true})
		if err != nil || len(r.Faults) == 0 || r.Faults[0].Error() != want {
			t.Errorf("%s\n%v, faults %v, want %s", code, err, r.Faults, want)
		}
	}
}
