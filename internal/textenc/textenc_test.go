package textenc

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"unicode/utf8"
)

func TestEveryCharacterIsEncodedAsPythonDoes(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/codecs.json")
	if err != nil {
		t.Fatal(err)
	}
	var codecs map[string]struct {
		Count  int
		Digest string
	}
	if err := json.Unmarshal(data, &codecs); err != nil || len(codecs) < 30 {
		t.Fatal(err, len(codecs))
	}
	for name, want := range codecs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			digest, count := sha256.New(), 0
			for r := rune(0); r <= utf8.MaxRune; r++ {
				if r >= 0xd800 && r <= 0xdfff {
					continue
				}
				out, err := e.Encode([]byte(string(r)))
				if err != nil {
					continue
				}
				fmt.Fprintf(digest, "%x:%s;", r, out)
				count++
			}
			if got := hex.EncodeToString(digest.Sum(nil)); got != want.Digest || count != want.Count {
				t.Errorf("%d characters, Python has %d", count, want.Count)
			}
		})
	}
}

func TestNamesAreFoundAsPythonAndIANASpellThem(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"UTF-8": "ž", "utf8": "ž", "U8": "ž", "windows-1250": "\x9e", "CP1250": "\x9e", "cp_1250": "", "windows_1250": "\x9e", "iso-8859-2": "\xbe", "ISO8859-2": "\xbe", "latin2": "\xbe", "latin_2": "\xbe",
		"utf_16_le": "\x7e\x01", "utf-16": "\xff\xfe\x7e\x01", "UTF-16BE": "\x01\x7e", "utf-8-sig": "\xef\xbb\xbfž", "nonsense": "", "": "", "shift_jis": "", "cp1255": "", "gbk": "",
	} {
		e, err := Lookup(name)
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if got, err := e.Encode([]byte("ž")); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestAMissingCharacterIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"latin-1", "windows-1252", "ascii"} {
		e, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Encode([]byte("ab\ncd書x"))
		var missing *CharacterError
		if !errors.As(err, &missing) || missing.Character != '書' || missing.Line != 2 || missing.Col != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add("utf-8", "text")
	f.Add("windows-1250", "ž")
	f.Fuzz(func(t *testing.T, name, text string) {
		if e, err := Lookup(name); err == nil {
			_, _ = e.Encode([]byte(text))
		}
	})
}

func Example() {
	e, _ := Lookup("windows-1250")
	data, err := e.Encode([]byte("žluť"))
	fmt.Printf("%x %v\n", data, err)
	_, err = e.Encode([]byte("書"))
	fmt.Println(err)
	// Output:
	// 9e6c759d <nil>
	// encoding windows-1250 has no character for '書' (U+66F8), line 1, column 1
}
