package expression

import (
	"strings"
	"testing"
	"unicode"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// FuzzCondition evaluates any condition, twice with the same result.
func FuzzCondition(f *testing.F) {
	for _, text := range []string{
		`field.amount_total > 1000`, `field.status == "approved" && len(field.line_items) > 1`, `any(field.line_items, {.qty > 1})`,
		`field["status"] in ["a", "b"]`,
		`field.status matches "^a(b|c)*$"`, `sum(map(field.line_items, .qty)) >= 3.5`, `repeat("a", 3) + upper(field.status) != ""`,
		`let x = field.amount_total; x * x > 2`,
		`settings.a.b == 1`, `document.original_file_name endsWith ".pdf"`, `now().Year() > 2000`, `toJSON(field) contains "x"`,
		`reduce(1..9, #acc + #) == 45`,
	} {
		f.Add(text)
	}
	x, err := pipeline.NewExport(rossumtest.Annotation(
		rossumtest.Number("amount_total", "1 210,50", "1210.50"), rossumtest.Field("status", "approved"),
		rossumtest.Table("line_items", rossumtest.Row("qty", "1"), rossumtest.Row("qty", "2")),
	).Payload())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := compile(text)
		if err != nil {
			return // in the words of the library
		}
		holds, err := c.Holds(t.Context(), x)
		if err != nil {
			fuzzing.CheckMessage(t, strings.Map(func(r rune) rune {
				if unicode.IsControl(r) && strings.ContainsRune(text, r) {
					return -1 // the error quotes the condition unchanged
				}
				return r
			}, err.Error()))
			return
		}
		if again, err := c.Holds(t.Context(), x); again != holds || err != nil {
			t.Errorf("%q: %t, and then %t, %v", text, holds, again, err)
		}
	})
}

func TestTooFewOrTooManyArgumentsAreFoundWhenAConditionIsCompiled(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"field.status == '\xff'": "not UTF-8",
		`repeat("a") == ""`:      "not enough arguments", `split("a") == []`: "argument", `join() == ""`: "argument",
		`upper("a", "b") == ""`: "too many arguments",
	} {
		if _, err := compile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
