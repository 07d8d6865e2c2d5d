package charset_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

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

func FuzzText(f *testing.F) {
	f.Add([]byte("M\xfcller"), "text/plain; charset=iso-8859-1")
	f.Add([]byte("\xff\xfeM\x00"), "text/plain; charset=utf-16")
	f.Add([]byte("\x1b$B"), `text/html; charset="iso-2022-jp"`)
	type row struct {
		ContentType string `json:"content_type"`
		Body        string `json:"body"`
	}
	for _, c := range fuzzing.Rows[row](f, "internal/charset/testdata/cases.jsonl") {
		f.Add([]byte(c.Body), c.ContentType)
	}
	f.Fuzz(func(t *testing.T, data []byte, contentType string) {
		if text, _ := charset.Text(t.Context(), data, contentType); len(text) > 4*len(data)+4 {
			t.Fatalf("%d bytes became %d", len(data), len(text))
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
