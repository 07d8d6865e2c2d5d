package textenc

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
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
	if err := json.Unmarshal(data, &codecs); err != nil || len(codecs) < 100 {
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
				if r >= 0xd800 && r <= 0xdfff || r > 0xffff && r < 0x1f000 || r >= 0x1f800 && r < 0x20000 || r > 0x2fffe && r < 0x10fff0 {
					continue // as oracle.py has it
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
		"utf_16_le": "\x7e\x01", "utf-16": "\xff\xfe\x7e\x01", "UTF-16BE": "\x01\x7e", "utf-8-sig": "\xef\xbb\xbfž", "nonsense": "", "": "", "rot13": "", "1250": "\x9e", "latin-2": "\xbe", "l2": "\xbe", "latin-9": "\xb8", "u16": "\xff\xfe\x7e\x01", "UTF_7": "+AX4-", "mac_latin2": "\xec", "maccentraleurope": "\xec",
		"ISO_8859-2:1987": "\xbe", "csISOLatin2": "\xbe", "ibm852": "\xa7", "IBM00858": "-", "windows-31j": "-", "cp1255": "-", "Windows 1250": "\x9e",
	} {
		e, err := Lookup(name)
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if want == "-" {
			continue
		}
		if got, err := e.Encode([]byte("ž")); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

type sample struct {
	Text, Data, Errors, Error string
	Got                       *string
}

func samples(t *testing.T) (all map[string]struct{ Encode, Decode []sample }) {
	t.Helper()
	data, err := os.ReadFile("testdata/samples.json")
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil || len(all) < 40 {
		t.Fatal(err, len(all))
	}
	return all
}

func TestTextsAreEncodedAsPythonDoes(t *testing.T) {
	t.Parallel()
	for name, of := range samples(t) {
		e, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range of.Encode {
			replace := func(at, end int) (string, error) {
				return strings.Repeat("?", utf8.RuneCountInString(s.Text[at:end])), nil
			}
			if s.Errors == "" {
				replace = func(int, int) (string, error) { return "", errors.New("missing") }
			}
			got, err := e.EncodeWith(s.Text, replace)
			switch {
			case err != nil || s.Got == nil:
				if (err != nil) != (s.Got == nil) {
					t.Errorf("%s: %q %s: got %v %v, want %s", name, s.Text, s.Errors, got, err, s.Error)
				}
			case hex.EncodeToString(got) != *s.Got:
				t.Errorf("%s: %q %s: got %x, want %s", name, s.Text, s.Errors, got, *s.Got)
			}
		}
	}
}

func TestDataIsDecodedAsPythonDoes(t *testing.T) {
	t.Parallel()
	for name, of := range samples(t) {
		e, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range of.Decode {
			data, _ := hex.DecodeString(s.Data)
			got, err := e.Decode(data, func(f Fault) (string, error) { return "", errors.New(f.Reason) })
			if (err != nil) != (s.Got == nil) || s.Got != nil && got != *s.Got {
				t.Errorf("%s: %s: got %q %v, want %q %s", name, s.Data, got, err, *s.Got, s.Error)
			}
		}
	}
}

func TestEveryNameOfPythonsLeadsToACodec(t *testing.T) {
	t.Parallel()
	names := aliases()
	if len(names) < 300 {
		t.Fatal(len(names))
	}
	for name := range names {
		if e, err := Lookup(strings.ToUpper(name)); err != nil || e.Family() == "" {
			t.Errorf("%s: %v", name, err)
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
	for _, name := range []string{"utf-7", "utf-16", "idna", "punycode", "unicode_escape", "hz", "iso2022_kr", "iso2022_jp_2", "gb18030", "euc_jis_2004"} {
		f.Add(name, "+AX4-~{$\"~}\x1b$B$\"\\u00e9")
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		if e, err := Lookup(name); err == nil {
			_, _ = e.Encode([]byte(text))
			_, _ = e.Decode([]byte(text), func(Fault) (string, error) { return "?", nil })
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
