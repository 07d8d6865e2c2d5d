package runpage_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
)

// invisible are the characters that turn a text's direction, or that nobody sees.
func invisible() (all []rune) {
	for c := rune(1); c < 0xe0080; c++ {
		if unicode.In(c, unicode.Cc, unicode.Cf) && !strings.ContainsRune("\n\r\t\u200c\u200d", c) {
			all = append(all, c)
		}
	}
	return append(all, '\u3164', '\u2028')
}

// Whatever has such a character (a step's name, a message, a file, a decision, a search), the
// page shows its number and no browser obeys it.
func TestCharactersThatNobodySeesAreShown(t *testing.T) {
	t.Parallel()
	all := invisible()
	text := "a"
	for _, c := range all {
		text += string(c) + "b"
	}
	n := 0
	r := report(t, pipeline.Named("step "+string('\u202e')+"x", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		x.Warn("%s", "warned "+text)
		x.Decide("decided %s", text)
		if err := x.Set("status", text); err != nil {
			return err
		}
		return x.Files.Put(ctx, pipeline.File{Key: "k\u2066", Name: "invoice\u202efdp.exe", ContentType: "text/plain", Data: []byte("filed " + text)})
	})))
	recent := runpage.NewRecent(runpage.Options{})
	recent.Add(t.Context(), r)
	w := httptest.NewRecorder()
	recent.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?text="+url.QueryEscape("\u202e"), nil))
	one := page(t, r)
	for name, shown := range map[string]string{"page": one, "page of the list": get(t, recent, "/run/1", http.StatusOK), "list": w.Body.String()} {
		for _, c := range all {
			if strings.ContainsRune(shown, c) {
				t.Errorf("the %s has U+%04X", name, c)
			}
			if number := fmt.Sprintf("[U+%04X]", c); strings.Contains(shown, number) {
				n++
			} else if name == "page" {
				t.Errorf("the %s does not show %s", name, number)
			}
		}
	}
	if !strings.Contains(one, "invoice[U+202E]fdp.exe") || !strings.Contains(w.Body.String(), "[U+202E]") || n < 2*len(all) {
		t.Errorf("%d of %d are shown", n, len(all))
	}
}
