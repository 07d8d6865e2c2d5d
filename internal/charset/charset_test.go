package charset_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/exportpipeline/exportpipeline/internal/charset"
	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
)

// Expectations come from Python's requests: see testdata/oracle.py.
func TestTextsAreDecodedAsRequestsDoes(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c struct {
			ContentType string `json:"content_type"`
			Body, Text  string
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		body, err := charmap.ISO8859_1.NewEncoder().String(c.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := charset.Text(t.Context(), []byte(body), c.ContentType); got != c.Text {
			t.Errorf("%s: got %q, want %q", c.ContentType, got, c.Text)
		}
	}
}

func TestATextWithoutAKnownCharsetIsUTF8OrElseLatin1(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ contentType, body, want string }{
		{"", "Müller", "Müller"},
		{"text/plain", "M\xfcller", "Müller"},
		{"text/plain; charset=bogus", "Müller", "Müller"},
		{"text/plain; charset=", "M\xfcller", "Müller"},
		{"text/plain; charset=utf-8", "M\xfcller", "Müller"},
		{"text/plain; charset=iso-2022-cn", "M", "M"},
		{"not a media type;;", "ü", "ü"},
		{"text/plain; charset=iso-8859-1", "\xef\xbb\xbfü", "ü"}, // the mark counts more
		{"text/plain; charset=iso-8859-1", "\xff\xfeM\x00\xfc\x00", "Mü"},
		{"", "\xfe\xff\x00M\x00\xfc", "Mü"},
		{"", "\xff\xfe\x00\x00M\x00\x00\x00", "M"},
		{"text/plain", "", ""},
	} {
		if got, _ := charset.Text(t.Context(), []byte(c.body), c.contentType); got != c.want {
			t.Errorf("%q %q: got %q, want %q", c.contentType, c.body, got, c.want)
		}
	}
}

// oneByte are charsets whose bytes are a character each, by names that Content-Types have.
var oneByte = map[string]*charmap.Charmap{
	"iso-8859-1": charmap.ISO8859_1, "latin-1": charmap.ISO8859_1, "iso-8859-2": charmap.ISO8859_2, "windows-1250": charmap.Windows1250, "cp1252": charmap.Windows1252,
	"koi8-r": charmap.KOI8R, "cp437": charmap.CodePage437, "iso-8859-15": charmap.ISO8859_15,
}

// simply decodes what needs no library; ok is false for other charsets.
func simply(data []byte, contentType string) (text string, ok bool) {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff", "\x00\x00\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			return "", false
		}
	}
	name := strings.ToLower(charset.Name(contentType))
	table, isOneByte := oneByte[name]
	rest, isMarked := bytes.CutPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case isMarked:
		return string(rest), utf8.Valid(rest)
	case name == "utf-16le" || name == "utf-16-be":
		var units []uint16
		for pair := range slices.Chunk(data, 2) {
			if len(pair) < 2 {
				return "", false
			}
			if name == "utf-16-be" {
				pair = []byte{pair[1], pair[0]}
			}
			units = append(units, uint16(pair[0])|uint16(pair[1])<<8)
		}
		text := string(utf16.Decode(units))
		return text, !strings.ContainsRune(text, utf8.RuneError) // of which golang.org/x/text makes one of two
	case (name == "" || name == "utf-8") && utf8.Valid(data):
		return string(data), true
	case name == "" || name == "utf-8":
		table = charmap.ISO8859_1
	case !isOneByte:
		return "", false
	}
	var out strings.Builder
	for _, c := range data {
		out.WriteRune(table.DecodeByte(c))
	}
	return out.String(), true
}

func FuzzText(f *testing.F) {
	f.Add([]byte("M\xfcller"), "text/plain; charset=iso-8859-1")
	f.Add([]byte("\xff\xfeM\x00"), "text/plain; charset=utf-16")
	f.Add([]byte("M\x00\xfc\x00\x3d\xd8\x00\xde"), "text/plain; charset=utf-16le")
	f.Add([]byte("\x1b$B"), `text/html; charset="iso-2022-jp"`)
	for name := range oneByte {
		f.Add([]byte("M\xfcller \x81\xad\xa4"), "a/b; charset="+name)
	}
	type row struct {
		ContentType string `json:"content_type"`
		Body        string `json:"body"`
	}
	for _, c := range fuzzing.Rows[row](f, "internal/charset/testdata/cases.jsonl") {
		body, err := charmap.ISO8859_1.NewEncoder().String(c.Body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(body), c.ContentType)
	}
	f.Fuzz(func(t *testing.T, data []byte, contentType string) {
		text, err := charset.Text(t.Context(), data, contentType)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 4*len(data)+4 {
			t.Fatalf("%d bytes became %d", len(data), len(text))
		}
		if want, ok := simply(data, contentType); ok && text != want {
			t.Errorf("%q as %q is %q, want %q", data, contentType, text, want)
		}
		if !utf8.ValidString(text) {
			t.Errorf("%q as %q became %q", data, contentType, text)
		}
	})
}

func TestDecodingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct{ contentType, body string }{
		{"text/plain; charset=shift_jis", "\x83\x65"}, {"", "\xff\xfea\x00"}, {"", "M\xfcller"},
	} {
		if text, err := charset.Text(ctx, []byte(c.body), c.contentType); !errors.Is(err, context.Canceled) {
			t.Errorf("%q: %q, %v", c.contentType, text, err)
		}
	}
}

func TestEveryByteThatIsNotUTF8IsACharacterOfLatin1(t *testing.T) {
	data := []byte(strings.Repeat("\xff", 1<<20)) // more than one piece, with what comes next
	for i := range 256 {
		data = append(data, byte(i))
	}
	want, err := charmap.ISO8859_1.NewDecoder().Bytes(data)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := charset.Text(t.Context(), data, ""); err != nil || got != string(want) {
		t.Errorf("%d bytes, want %d: %v", len(got), len(want), err)
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = charset.Text(t.Context(), data, "") }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
