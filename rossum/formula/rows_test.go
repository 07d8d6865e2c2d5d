package formula_test

import (
	"strconv"
	"testing"

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
	} {
		rows := make([]rossumtest.Rows, 3)
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
		rossumtest.Table("items", rossumtest.Row("code", "A").Typed("f", cell("string", "','.join(field.rate.all_values) + '|' + str(type(field.rate) == list)"))),
		rossumtest.Table("taxes", rossumtest.Row("rate", "21")),
		computed("g", "string", "getattr(field.items[0], 'rate', 'none') + field.items[0].code"),
	).Payload()
	run(t, compile(t, p), p.Annotation.Content)
	if got := values(p.Annotation.Content, "f", "g"); got != "21|True | noneA" {
		t.Errorf("got %s", got)
	}
}
