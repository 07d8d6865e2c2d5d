package reqproc

import (
	"testing"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// FuzzPath reads paths: what is taken comes back as it was written, and means the same.
func FuzzPath(f *testing.F) {
	for _, text := range []string{"payload.a", "field.x.value", `payload["a b"].c`, "item[0].x", "payload.uni.žluť", "a.@.b", "payload.0", "a[-1]", "a..b", "", "a['x']"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // settings are
		}
		p, err := ParsePath(text)
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		again, err := ParsePath(p.String())
		if err != nil || again.String() != p.String() || again.Len() != p.Len() {
			t.Errorf("%q is %s, and then %v, %v", text, p, again, err)
		}
	})
}

// FuzzExtractor compiles what a handler asks of a reply.
func FuzzExtractor(f *testing.F) {
	type row struct {
		Path string            `json:"path"`
		Op   map[string]string `json:"op"`
	}
	for _, c := range fuzzing.Rows[row](f, "steps/requestprocessor/testdata/extraction.json") {
		for operator, query := range c.Op {
			f.Add(c.Path, operator, query)
		}
	}
	f.Fuzz(func(t *testing.T, path, operator, query string) {
		var faults settings.Faults
		e := CompileExtractor("value", map[string]map[string]string{path: {operator: query}}, &faults)
		err := faults.Err()
		if (e == nil) == (err == nil) {
			t.Fatalf("%v, %v", e, err)
		}
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
		}
	})
}
