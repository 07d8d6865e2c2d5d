package xmldoc

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/looked"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

func TestALongTokenEndsWithTheContext(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("text ", 1<<20)
	for name, text := range map[string]string{
		"text": "<a>" + long + "</a>", "references": "<a>" + strings.Repeat("&amp;", 1<<20) + "</a>", "value": "<a b='" + long + "'/>",
		"comment without an end": "<a><!--" + long, "CDATA without an end": "<a><![CDATA[" + long, "DOCTYPE": "<!DOCTYPE a [" + long + "]><a/>",
		"GB 18030":                    "<?xml version='1.0' encoding='gb18030'?><a>\x81\x30\x81\x30" + long + "</a>",
		"references beside a DOCTYPE": "<!DOCTYPE a><a>" + strings.Repeat("&amp;", 1<<20) + "</a>",
	} {
		const looks = 10
		ctx := looked.EndsAt(t.Context(), looks+1)
		if _, err := Parse(ctx, []byte(text)); !errors.Is(err, context.Canceled) && ctx.Looks() <= looks {
			t.Errorf("%s: %v after %d looks at the context", name, err, ctx.Looks())
		}
	}
}

func TestWhatNobodySendsIsRefused(t *testing.T) {
	t.Parallel()
	var attributes, entities, prefixes, names strings.Builder
	for i := range maxAttributes + 1 {
		fmt.Fprintf(&attributes, " a%x=''", i)
		fmt.Fprintf(&entities, "<!ENTITY e%x 'x'>", i)
	}
	for i := range 50_000 {
		fmt.Fprintf(&prefixes, " xmlns:p%x='u'", i)
		fmt.Fprintf(&names, "<a%x/>", i)
	}
	ctx := treelimit.With(t.Context(), 4<<20)
	for text, want := range map[string]string{
		"<a" + attributes.String() + "/>":                            "more than 262144 attributes",
		"<!DOCTYPE a [" + entities.String() + "]><a/>":               "longer than 4 MB",
		"<é b='" + strings.Repeat("x", maxSlowToken) + "'/>":         "longer than 4 MB",
		"<a><b" + prefixes.String() + "/>" + names.String() + "</a>": "too large to be read",
		"<a>" + names.String() + "</a>":                              "too large to be read",
	} {
		if _, err := Parse(ctx, []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30s: %v, want %s", text, err, want)
		}
	}
}

// TestEntitiesOfADocumentTakeNoTimeOfItsSquare would take minutes.
func TestEntitiesOfADocumentTakeNoTimeOfItsSquare(t *testing.T) {
	t.Parallel()
	var entities strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&entities, "<!ENTITY e%x 'x'>", i)
	}
	d, err := Parse(t.Context(), []byte("<!DOCTYPE a ["+entities.String()+"]><a>&e7;<b/>"+strings.Repeat("&amp;text", 1<<20)+"</a>"))
	if err != nil || !strings.HasPrefix(d.Value(d.RootElement()), "x&text") {
		t.Error(err)
	}
}

func TestTextBetweenCommentsTakesNoTimeOfItsSquare(t *testing.T) {
	t.Parallel()
	d, err := Parse(t.Context(), []byte("<a>"+strings.Repeat("x<!---->", 1<<18)+"<b/></a>"))
	if err != nil {
		t.Fatal(err)
	}
	if text := d.TextOf(d.RootElement()); len(text) != 1<<18 {
		t.Errorf("%d characters", len(text))
	}
}

type fewSteps struct{ left int64 }

func (m *fewSteps) Step(n int64) error {
	if m.left -= n; m.left < 0 {
		return errors.New("too many steps")
	}
	return nil
}

func (*fewSteps) Grow(int64) error { return nil }

func TestAnElementIsWrittenWithinTheBoundsOfAMeter(t *testing.T) {
	t.Parallel()
	d, err := Parse(t.Context(), []byte("<a>"+strings.Repeat("<b c='d'>e</b>", 1000)+strings.Repeat("x", 100_000)+"</a>"))
	if err != nil {
		t.Fatal(err)
	}
	for steps, fails := range map[int64]bool{500: true, 5000: true, 1_000_000: false} {
		if _, err := d.StringWithin(d.RootElement(), &fewSteps{steps}); (err != nil) != fails {
			t.Errorf("%d steps: %v", steps, err)
		}
	}
}

// paths find far more than a document has, or look at all of it for each element.
var hostilePaths = []string{
	".//*//*", ".//*//*//*", ".//b[@c='d']/..//b[@c='d']", ".//b/..//b[1]", ".//b[e]/..//b[e='f']", ".//*[.='f']//*[last()-1]", ".//b/../b/../b/../b/..//*",
}

// What a path finds is counted before there is room for it, and the search ends with its
// budget and with its context.
func TestPathsKeepWithinTheirBounds(t *testing.T) {
	nested := strings.Repeat("<b c='d'><e>f</e>", 900) + strings.Repeat("</b>", 900)
	d, err := Parse(t.Context(), []byte("<a>"+strings.Repeat(nested, 20)+"</a>"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range hostilePaths {
		p, err := CompilePath(text)
		if err != nil {
			t.Fatal(err)
		}
		const most = 1 << 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = p.Find(d, d.RootElement(), pyvalue.NewMeter(t.Context(), pyvalue.Limits{TotalBytes: most}))
		runtime.ReadMemStats(&after)
		if made := after.TotalAlloc - before.TotalAlloc; made > 16*most { // garbage of the search is among them
			t.Errorf("%s: %v after %d bytes", text, err, made)
		}
		ctx := looked.EndsAt(t.Context(), 5)
		if _, err = p.Find(d, d.RootElement(), pyvalue.NewMeter(ctx, pyvalue.Limits{})); !errors.Is(err, context.Canceled) || ctx.Looks() > 6 {
			t.Errorf("%s: %v after %d looks", text, err, ctx.Looks())
		}
	}
}
