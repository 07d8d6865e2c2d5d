package xmldoc

import (
	"testing"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
)

// FuzzDecode reads XML of any charset: what comes out is UTF-8, and bounded by what came in.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		"<a>x</a>", "<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>", "\xff\xfe<\x00a\x00/\x00>\x00", "\xef\xbb\xbf<a/>",
		"<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>",
		"<?xml version='1.0' encoding='shift_jis'?><a>\x83\x41</a>", "<?xml encoding='nope'?><a/>", "\x00\x00\x00<",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := Decode(t.Context(), data)
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		if len(text) > 4*len(data)+16 {
			t.Errorf("%d bytes became %d", len(data), len(text))
		}
		if utf8.Valid(data) && !utf8.ValidString(text) {
			t.Errorf("%q became %q", data, text)
		}
	})
}

// FuzzPath compiles the paths of ElementTree, and searches with them.
func FuzzPath(f *testing.F) {
	type row struct{ Document, Path string }
	rows := fuzzing.Rows[row](f, "internal/xmldoc/testdata/paths.jsonl")
	for _, c := range rows {
		f.Add(c.Path)
	}
	d, err := ParseText(f.Context(), rows[0].Document)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if !utf8.ValidString(path) {
			return // settings are
		}
		p, err := CompilePath(path)
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		const most = 100_000 // an element may be found again and again, as ElementTree finds it
		if found, err := p.Find(d, d.RootElement(), &steps{left: most}); err == nil && len(found) > most {
			t.Errorf("%q finds %d nodes", path, len(found))
		}
	})
}
