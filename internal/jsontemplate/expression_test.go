package jsontemplate

import (
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

func TestExpressionsInBraces(t *testing.T) {
	t.Parallel()
	data := &Data{
		Now:      func() time.Time { return time.Date(2026, 4, 2, 9, 30, 0, 0, time.UTC) },
		Original: func() (httpcall.Body, error) { return httpcall.Bytes("%PDF"), nil },
	}
	for source, want := range map[string]string{
		`"{current_datetime.strftime('%Y-%m-%d')}"`: `"2026-04-02"`,
		`"{current_datetime.date()}"`:               `"2026-04-02"`,
		`"{current_datetime.year + 1}"`:             `2027`,
		`"on {current_datetime.isoformat()} UTC"`:   `"on 2026-04-02T09:30:00 UTC"`,
		`"{ current_datetime }"`:                    `"2026-04-02T09:30:00"`,
		`"{document_content|b64encode}"`:            `"JVBERg=="`,
		`"{'a'|upper}"`:                             `"A"`,
		`"{true}"`:                                  `true`,
		`"{none}"`:                                  `null`,
		`"{[1, 2.5]}"`:                              `[1,2.5]`,
	} {
		c, err := Compile([]byte(source), Options{Resources: true})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		v, err := c.Render(t.Context(), data)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := AppendJSON(t.Context(), nil, v); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", source, got, err, want)
		}
	}
	for source, want := range map[string]string{
		`"{schema_loop.index * 10}"`: "undefined outside of $FOR_EACH_SCHEMA_ID$",
		`"{documents}"`:              "documents is undefined",
		`"{current_datetime +}"`:     "is not an expression",
	} {
		if _, err := Compile([]byte(source), Options{Place: "m", Resources: true}); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "m: ") {
			t.Errorf("%s: error %v, want %q", source, err, want)
		}
	}
	for source, want := range map[string]string{
		`"{current_datetime.nonsense}"`:    "UndefinedError",
		`"{1 // 0}"`:                       "ZeroDivisionError",
		`"{current_datetime.strftime(1)}"`: "TypeError",
	} {
		c, err := Compile([]byte(source), Options{Place: "m", Resources: true})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if _, err := c.Render(t.Context(), data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", source, err, want)
		}
	}
}

func TestALoopCountsInExpressions(t *testing.T) {
	t.Parallel()
	c, err := Compile([]byte(`{"$FOR_EACH_SCHEMA_ID$": {"schema_id": "line_item", "mapping": "{schema_loop.index0 * 10}"}}`), Options{Resources: true})
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Render(t.Context(), &Data{Root: func(string) []Node { return []Node{row(), row()} }})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Text(t.Context(), v); err != nil || got != "[0,10]" {
		t.Errorf("got %s, %v", got, err)
	}
}
