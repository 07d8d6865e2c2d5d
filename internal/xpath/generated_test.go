package xpath

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// generator makes documents and expressions that may find something in them.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g generator) document(depth int) string {
	name := g.pick("a", "b", "c", "d", "x:e", "x:a")
	var b strings.Builder
	b.WriteString("<" + name)
	if depth == 4 {
		b.WriteString(` xmlns:x="urn:x"`)
	}
	for _, attr := range []string{"id", "n", "x:k"} {
		if g.IntN(4) == 0 {
			fmt.Fprintf(&b, ` %s="%s"`, attr, g.pick("1", "2", "a", "", "b1"))
		}
	}
	b.WriteString(">")
	for range g.IntN(4) {
		switch {
		case depth > 0 && g.IntN(3) > 0:
			b.WriteString(g.document(depth - 1))
		default:
			b.WriteString(g.pick("1", "2", "10", "1.5", "text", " ", "é", "<!--c-->", "<?p q?>", "<![CDATA[<3]]>", "&amp;", "-4"))
		}
	}
	return b.String() + "</" + name + ">"
}

func (g generator) expression(depth int) string {
	if depth > 0 {
		switch g.IntN(10) {
		case 0:
			return g.expression(depth-1) + g.pick(" + ", " - ", " * ", " div ", " mod ", " = ", " != ", " < ", " >= ", " and ", " or ") + g.expression(depth-1)
		case 1:
			return g.pick("string", "number", "boolean", "not", "normalize-space", "string-length", "floor", "ceiling", "round") + "(" + g.expression(depth-1) + ")"
		case 2:
			return g.pick("contains", "starts-with", "concat", "substring-before", "substring-after") + "(" + g.expression(depth-1) + ", " + g.expression(depth-1) + ")"
		case 3:
			return g.pick("count", "sum", "name", "local-name", "namespace-uri") + "(" + g.path(depth-1) + ")"
		case 4:
			return "substring(" + g.expression(depth-1) + ", " + g.expression(depth-1) + g.pick("", ", "+g.expression(depth-1)) + ")"
		case 5:
			return "translate(" + g.expression(depth-1) + ", 'ab1', 'x')"
		case 6:
			return "-" + g.path(depth-1)
		}
	}
	switch g.IntN(5) {
	case 0:
		return g.pick("1", "2", "0", "1.5", "100", ".5", "'a'", "''", "'1'", "true()", "false()", "1000000000", "0.00001")
	}
	return g.path(depth)
}

func (g generator) path(depth int) string {
	var b strings.Builder
	b.WriteString(g.pick("//", "//", "//", "/", "", "./", ".//", "../"))
	for i := range g.IntN(3) + 1 {
		if i > 0 {
			b.WriteString(g.pick("/", "/", "//"))
		}
		b.WriteString(g.step(depth))
	}
	text := b.String()
	switch g.IntN(8) {
	case 0:
		return text + " | //" + g.step(depth)
	case 1:
		return "(" + text + ")" + g.predicate(depth) + g.pick("", "/"+g.step(0))
	}
	return text
}

func (g generator) step(depth int) string {
	if g.IntN(12) == 0 {
		return g.pick("..", ".", "@id", "@*", "@n", "text()", "node()", "comment()", "processing-instruction()", "@x:k")
	}
	text := g.pick("", "", "", "ancestor::", "ancestor-or-self::", "descendant::", "descendant-or-self::", "following::", "following-sibling::", "preceding::",
		"preceding-sibling::", "self::", "parent::", "child::") + g.pick("a", "b", "c", "d", "*", "*", "x:e", "x:*", "node()", "text()")
	for depth > 0 && g.IntN(3) == 0 {
		text += g.predicate(depth)
		depth--
	}
	return text
}

func (g generator) predicate(depth int) string {
	switch g.IntN(6) {
	case 0, 1:
		return "[" + strconv.Itoa(g.IntN(4)) + "]"
	case 2:
		return g.pick("[last()]", "[position() > 1]", "[position() = last()]", "[last() - 1]", "[position() mod 2 = 0]")
	case 3:
		return g.pick("[@id]", "[@n = 1]", "[@id = '1']", "[. = 1]", "[. > 1]", "[text()]", "[*]", "[not(*)]", "[@*]", "[. = ../*]")
	}
	return "[" + g.expression(max(0, depth-1)) + "]"
}

// TestGeneratedExpressionsGiveWhatLibxml2Gives compares for XPATH_DIFF_SECONDS
// seconds, a second if that is not set, from XPATH_DIFF_SEED or a new seed.
func TestGeneratedExpressionsGiveWhatLibxml2Gives(t *testing.T) {
	t.Parallel()
	lxml := oracle.Need(t, "lxml.etree").Start("testdata/oracle.py", "serve")
	g := generator{rand.New(rand.NewPCG(oracle.Seed(t, "XPATH_DIFF_SEED"), 0))}
	n, differ := 0, 0
	for until := time.Now().Add(oracle.Duration(t, "XPATH_DIFF_SECONDS", time.Second)); time.Now().Before(until) && differ < 10; n++ {
		c := testCase{Document: g.document(4), Path: g.expression(3)}
		var want result
		lxml.Ask(c, &want)
		if got, err := evaluate(t, c.Document, c.Path, nil); got != want {
			differ++
			t.Errorf("%q in %s:\n got %q, %v\nwant %q, error %v", c.Path, c.Document, got.Text, err, want.Text, want.Error)
		}
	}
	t.Logf("%d expressions compared, %d differ", n, differ)
}

func FuzzExpressions(f *testing.F) {
	f.Add(`//b[position() = last()]/@id | (//c)[2]/ancestor::*[1]`, `<a><b id="1"><c>x</c></b><c/></a>`)
	for _, c := range fuzzing.Rows[testCase](f, "internal/xpath/testdata/cases.jsonl") {
		f.Add(c.Path, c.Document)
	}
	f.Add(`substring(normalize-space(//x:e), 2, 3) != 'a'`, `<a xmlns:x="u"><x:e> abcd </x:e></a>`)
	f.Add("substring('12345\x82, 2,', 3)", `<a/>`)
	f.Add("substring(//comment(), 1, 4)", "<a><!--abc\x82--></a>")
	f.Fuzz(func(t *testing.T, path, document string) {
		e, err := Compile(path)
		if err != nil {
			return
		}
		d, err := xmldoc.ParseText(t.Context(), document)
		if err != nil {
			return
		}
		_, _ = e.Text(d, 0, &countdown{100_000})
	})
}
