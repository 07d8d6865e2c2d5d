package xpath

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

var errOut = errors.New("out of steps")

type countdown struct{ left int64 }

func (c *countdown) Step(n int64) error {
	if c.left -= n; c.left < 0 {
		return errOut
	}
	return nil
}

func (*countdown) Grow(int64) error { return nil }

// bytesLeft is a meter of texts that are made.
type bytesLeft struct {
	countdown
	bytes int64
}

func (b *bytesLeft) Grow(n int64) error {
	if b.bytes -= n; b.bytes < 0 {
		return errOut
	}
	return nil
}

func TestATextIsCountedBeforeItIsMade(t *testing.T) {
	t.Parallel()
	document := "<r>" + strings.Repeat("ab ", 1<<20) + "</r>"
	for _, path := range []string{"concat(/, /, /, /)", "normalize-space(/)", "translate(/, 'a', 'b')", "translate(/, /, /)", "translate(/, 'a', 'ä')", "id(translate(/, ' ', ''))"} {
		if _, err := evaluate(t, document, path, &bytesLeft{countdown{1 << 40}, 1 << 20}); !errors.Is(err, errOut) {
			t.Errorf("%s: got %v, want the meter's error", path, err)
		}
	}
	// What is cut out of a text is a part of it.
	for _, path := range []string{"substring(/, 5)", "substring(/, 5, 3000000)", "substring-after(/, 'a')", "substring-before(/, 'ab ab')", "string(/)"} {
		if _, err := evaluate(t, document, path, &bytesLeft{countdown{1 << 40}, 0}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Nodes that are found several times are counted before there is room for them, and brought
// into the order of the document with looks.
func TestManyNodesAreCountedAndOrderedInPieces(t *testing.T) {
	t.Parallel()
	document := "<r>" + strings.Repeat(strings.Repeat("<a>", 50)+strings.Repeat("</a>", 50), 2000) + "</r>"
	for _, path := range []string{"//a/ancestor::*", "//a/preceding-sibling::a/following-sibling::a", "//a[. = //a]"} {
		if _, err := evaluate(t, document, path, &bytesLeft{countdown{1 << 40}, 1 << 20}); !errors.Is(err, errOut) {
			t.Errorf("%s: got %v, want the meter's error", path, err)
		}
	}
	random := rand.New(rand.NewPCG(18, 2))
	doc, err := xmldoc.ParseText(t.Context(), document)
	if err != nil {
		t.Fatal(err)
	}
	many := make(nodes, 5*manyNodes)
	for i := range many {
		many[i] = xmldoc.ID(random.IntN(doc.Len()))
	}
	want := slices.Clone(many)
	slices.Sort(want)
	want = slices.Compact(want)
	if got := (&run{doc: doc}).sorted(slices.Clone(many)); !slices.Equal(got, want) {
		t.Errorf("%d nodes, want %d", len(got), len(want))
	}
	r := &run{doc: doc, meter: &looks{2}}
	if r.sorted(many); !errors.Is(r.err, errOut) {
		t.Errorf("%v, want the meter's error", r.err)
	}
}

// looks is a meter that ends an evaluation at its so many-th look.
type looks struct{ left int64 }

func (*looks) Grow(int64) error { return nil }

func (l *looks) Step(n int64) error {
	if n >= 4096 { // about a megabyte of a text
		if l.left--; l.left < 0 {
			return errOut
		}
	}
	return nil
}

func TestALongTextIsGoneOverInPieces(t *testing.T) {
	t.Parallel()
	for path, text := range map[string]string{
		"contains(/, 'c')": "ab ", "substring-before(/, 'c')": "ab ", "substring-after(/, 'c')": "ab ", "string-length(/)": "ab ",
		"normalize-space(/)": "ab ", "translate(/, 'a', 'b')": "ab ", "translate('x', /, /)": "ab ", "substring(/, 5)": "ab ", "number(/)": "123",
		"sum(//r)": "123", "/r = 5": "123", "/r < /r": "123", "-/": "123", "floor(/)": "123", "round(/)": "123", "ceiling(/)": "123",
	} {
		document := "<r>" + strings.Repeat(text, 2<<20) + "</r>"
		if _, err := evaluate(t, document, path, &looks{left: 4}); !errors.Is(err, errOut) {
			t.Errorf("%s: got %v after 4 looks, want the meter's error", path, err)
		}
	}
}

// An element may have hundreds of thousands of attributes. Passing them over takes no time
// that nobody counts.
func TestAttributesArePassedOverAtOnce(t *testing.T) {
	t.Parallel()
	attributes := make([]string, 10_000)
	for i := range attributes {
		attributes[i] = fmt.Sprintf("a%d=''", i)
	}
	document := "<r xml:space='default'><c " + strings.Join(attributes, " ") + "><e/></c>" + strings.Repeat("<b/>", 3000) + "</r>"
	for path, most := range map[string]int64{
		"count(//b[following::e])": 6_000_000, "count(//c/e/ancestor::*)": 60_000, "count(//c/@*[following::b[1]])": 200_000,
		"count(//c/@*/../e)": 200_000, "count(//c/@*[/descendant::zz])": 100_000_000,
	} {
		meter := &countdown{most}
		if _, err := evaluate(t, document, path, meter); err != nil {
			t.Errorf("%s: %v, more than %d steps", path, err, most)
		}
	}
	meter := &countdown{1_000_000}
	if _, err := evaluate(t, strings.Replace(document, "<r ", "<r "+strings.Join(attributes, " ")+" ", 1), "//b[lang('en')]", meter); !errors.Is(
		err,
		errOut,
	) {
		t.Errorf("lang() of many attributes: %v, want the meter's error", err)
	}
}

func TestAnEvaluationThatTakesTooLongEndsWithTheMetersError(t *testing.T) {
	t.Parallel()
	document := "<r>" + strings.Repeat("<a><b>1</b></a>", 5000) + "</r>"
	for _, path := range []string{
		"//*[preceding::b = .]", "//*[following::b != .]", "count(//*/preceding::*)", "//a[//b = //a]", "//b[. < //b]", "//*[string(/) = string(/)]",
		"//a[count(//b[count(//a) > 1]) > 1]", "//*[translate(/, 'a', 'b') = 'x']", "//*[contains(/, /)]",
	} {
		if _, err := evaluate(t, document, path, &countdown{1_000_000}); !errors.Is(err, errOut) {
			t.Errorf("%s: got %v, want the meter's error", path, err)
		}
	}
}

func TestDeepExpressionsAreRefused(t *testing.T) {
	t.Parallel()
	var e *Error
	for _, path := range []string{strings.Repeat("(", 100_000), strings.Repeat("a[", 100_000), strings.Repeat("not(", 100_000)} {
		if _, err := Compile(path); !errors.As(err, &e) {
			t.Errorf("%.10s…: got %v, want an Error", path, err)
		}
	}
}
