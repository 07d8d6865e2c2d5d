package txscript_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestGeneratedDocuments builds, changes, searches and writes XML in programs, and compares
// each with CPython.
func TestGeneratedDocuments(t *testing.T) {
	t.Parallel()
	duration, seed := generated(t)
	ask := cpython(t)
	g := &documentGenerator{rand.New(rand.NewPCG(seed, 5))}
	count := 0
	for end := time.Now().Add(duration); time.Now().Before(end); count++ {
		code := g.program()
		want := ask(code, "{}")
		if want[1] == "SyntaxError" {
			continue // of a path, whose text differs
		}
		if kind, got := run(t, code, "{}"); kind != want[0] || got != want[1] {
			t.Fatalf("seed %d, program %d\n%s\ngot  %s %s\nwant %s %s", seed, count, code, kind, got, want[0], want[1])
		}
	}
	t.Logf("%d programs compared", count)
}

// documentGenerator puts programs together that work on a tree of elements.
type documentGenerator struct{ r *rand.Rand }

func (g *documentGenerator) pick(list ...string) string { return list[g.r.IntN(len(list))] }

func (g *documentGenerator) tag() string {
	return g.pick("'a'", "'b'", "'c'", "'č'", "'{urn:x}a'", "'{urn:y}b'", "'x:y'", "'{http://www.w3.org/2001/XMLSchema-instance}nil'")
}

func (g *documentGenerator) text() string {
	return g.pick("'x'", "''", "None", "' '", "'\\n  '", "'a&b<c>\"d\\''", "'ü€😀'", "'\\t\\r\\n'", "']]>'", "'long ' * 20")
}

// element is an expression of an element, which may not be there.
func (g *documentGenerator) element() string {
	return g.pick("r", "e", "r[0]", "r[-1]", "e[0]", "r.find('a')", "r.find('.//b')", "list(r.iter())[-1]", "list(r.iter())[len(list(r.iter())) // 2]")
}

func (g *documentGenerator) path() string {
	return g.pick("'a'", "'*'", "'.//a'", "'.//*'", "'a/b'", "'a[1]'", "'.//b[last()]'", "'.//*[@k]'", "\".//*[@k='1']\"", "'.//a/..'", "'{*}a'", "'.//{urn:x}*'",
		"\"a[b='x']\"", "\".//*[.='x']\"", "'.'", "'./a/'", "'{urn:x}a'", "'.//c[a]'", "\".//*[@k!='1']\"")
}

func (g *documentGenerator) program() string {
	var out strings.Builder
	out.WriteString("import copy\nimport xml.etree.ElementTree as ET\n")
	fmt.Fprintf(&out, "r = ET.Element(%s%s)\ne = r\nl = []\n", g.tag(), g.pick("", ", k='1'", ", {'k': '1', 'z': 'ü'}"))
	for range 3 + g.r.IntN(14) {
		g.statement(&out)
	}
	out.WriteString("l.append(" + g.written() + ")\nl\n")
	return out.String()
}

func (g *documentGenerator) written() string {
	return fmt.Sprintf("ET.tostring(%s%s%s%s)", g.pick("r", "r", "e"), g.pick("", "", ", 'unicode'", ", 'utf-8'", ", 'latin-1'", ", 'utf-16'"),
		g.pick("", "", ", xml_declaration=True", ", short_empty_elements=False", ", xml_declaration=False"), g.pick("", "", "", ", method='html'", ", method='text'"))
}

func (g *documentGenerator) statement(out *strings.Builder) {
	line := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	switch g.r.IntN(20) {
	case 0, 1, 2, 3:
		line("e = ET.SubElement(%s, %s%s)", g.pick("r", "e", "e"), g.tag(), g.pick("", "", ", k='1'", ", {'{urn:y}k': '<\"&'}", ", n='ž'"))
	case 4, 5:
		line("e.text = %s", g.text())
	case 6:
		line("e.tail = %s", g.text())
	case 7:
		line("%s.set(%s, %s)", g.pick("r", "e"), g.pick("'k'", "'n'", "'{urn:z}k'"), g.pick(g.text(), g.text(), "'1'", "5"))
	case 8:
		line("r.insert(%d, ET.Element(%s))", g.r.IntN(7)-3, g.tag())
	case 9:
		line("if len(r):\n    r.remove(r[%d %% len(r)])", g.r.IntN(5))
	case 10:
		line("r.append(%s)", g.pick("ET.Comment('c & <')", "ET.PI('t', 'x')", "copy.deepcopy(r)", "copy.copy(e)", "ET.fromstring('<a k=\"1\">x<b>y</b>z<c/></a>')"))
	case 11:
		line("ET.indent(r%s)", g.pick("", ", '\\t'", ", space=' ', level=1"))
	case 12:
		line("l.append([x.tag if isinstance(x.tag, str) else 'other' for x in r.findall(%s)])", g.path())
	case 13:
		line("l.append(r.findtext(%s, 'none'))", g.path())
	case 14:
		line("l.append([%s for x in r.iter(%s)])", g.pick("x.text", "x.tail", "x.attrib", "len(x)"), g.pick("", "'a'", "'*'", "None", "'{urn:x}a'"))
	case 15:
		line("l.append([str(x) for x in r.itertext()])")
	case 16:
		line("%s", g.pick("e.clear()", "e.attrib.pop('k', None)", "del r[1:3]", "r[0:1] = []", "e.tag = 'q'", "r.extend([ET.Element('a'), ET.Element('b', k='1')])", "e = r"))
	case 17:
		line("x = %s", g.element())
		line("l.append(x.get('k', 'no') if x is not None else None)")
	case 18:
		line("l.append(%s)", g.written())
	case 19:
		line("r = ET.fromstring(ET.tostring(r))\ne = r")
	}
}
