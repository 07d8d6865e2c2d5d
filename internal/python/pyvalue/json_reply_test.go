package pyvalue

import (
	"math"
	"strings"
	"testing"
	"unicode/utf16"
)

func wide(text string, bigEndian bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		if bigEndian {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

func TestRepliesAreReadWithWhatOtherProgramsPutThere(t *testing.T) {
	t.Parallel()
	const text = `{"id": "k\u016f\u0148 NaN", "n": [1.50, 2]}`
	const want = `{"id":"k\u016f\u0148 NaN","n":[1.50,2]}`
	for name, data := range map[string]string{
		"plain":            text,
		"BOM":              "\xef\xbb\xbf" + text,
		"UTF-16 BOM":       wide("\ufeff"+text, false),
		"UTF-16 BE BOM":    wide("\ufeff"+text, true),
		"UTF-16 LE":        wide(text, false),
		"UTF-16 BE":        wide(text, true),
		"UTF-32 LE by eye": "[\x00\x00\x001\x00\x00\x00]\x00\x00\x00",
	} {
		v, err := FromReply(t.Context(), []byte(data), true)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := JSON{ItemSeparator: ",", KeySeparator: ":", Spelling: true}.Append(nil, nil, v)
		if name == "UTF-32 LE by eye" {
			if string(got) != "[1]" {
				t.Errorf("%s: got %s", name, got)
			}
		} else if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

func TestConstantsOfPythonsJSONAreFloats(t *testing.T) {
	t.Parallel()
	v, err := FromReply(t.Context(), []byte(`[NaN, Infinity, -Infinity, "NaN \" Infinity", 1e400]`), true)
	if err != nil {
		t.Fatal(err)
	}
	items := v.List().Items
	if f, _ := items[0].Float64(); !math.IsNaN(f) {
		t.Errorf("got %v", f)
	}
	if f, _ := items[1].Float64(); !math.IsInf(f, 1) {
		t.Errorf("got %v", f)
	}
	if f, _ := items[2].Float64(); !math.IsInf(f, -1) {
		t.Errorf("got %v", f)
	}
	if got := items[3].Text(); got != `NaN " Infinity` {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"<html>NaN</html>", "[NaNa]", "[--Infinity]", "", "\xef\xbb\xbf", "{NaN: 1}", "\xff\xfe\x00"} {
		if v, err := FromReply(t.Context(), []byte(bad), true); err == nil {
			t.Errorf("%q is read as %s", bad, TypeName(v))
		}
	}
}

func FuzzFromReply(f *testing.F) {
	f.Add([]byte(`[NaN, "x\"Infinity"]`))
	f.Add([]byte("\xff\xfe[\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, strict := FromJSON(data, true)
		_, err := FromReply(t.Context(), data, true)
		if strict == nil && err != nil {
			t.Errorf("JSON is refused: %v", err)
		}
	})
}
