package sftpexport

import (
	"strings"
	"testing"
	"unicode"

	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

func FuzzTemplates(f *testing.F) {
	for _, seed := range []string{"{annotation.id}", "{", "}", "{}", "{{v}}", "a/{v}/..", "../{v}", "{seq}", "{unknown.x}", "/{v}", ".{v}.", "..{v}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var faults settings.Faults
		p := compilePattern(&faults, "place", text)
		if faults.Err() != nil {
			return
		}
		// Blanks at the ends of a variable's name do not count.
		if again := p.key(nil); !strings.ContainsFunc(text, unicode.IsSpace) && again != text {
			t.Errorf("%q was read as %q", text, again)
		}
	})
}

func TestUnknownVariablesAreFoundWhenTheStepIsBuilt(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"{anotation.id}":     "did you mean {annotation.id}?",
		"{document.name}":    "is unknown",
		"{":                  "no closing brace",
		"{}":                 "names no variable",
		"a{b{c}":             "brace within braces",
		"../{annotation.id}": `".." is not allowed`,
		"a\x01b":             "control character",
	} {
		var faults settings.Faults
		compilePattern(&faults, "place", template)
		if err := faults.Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "place: ") {
			t.Errorf("%q: %v", template, err)
		}
	}
}
