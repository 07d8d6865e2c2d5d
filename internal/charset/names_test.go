package charset

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// inRegistries finds a name as golang.org/x/text has it.
func inRegistries(registry, name string) encoding.Encoding {
	e, err := ianaindex.IANA.Encoding(name)
	if registry == "html" {
		e, err = htmlindex.Get(name)
	}
	if err != nil || e == encoding.Replacement {
		return nil
	}
	return e
}

// samples are texts that tell charsets apart, some of them with characters of two and
// four bytes.
func samples() [][]byte {
	var all [][]byte
	for c := range 256 {
		all = append(all, []byte{byte(c)}, []byte{0xb0, byte(c)}, []byte{'~', '{', byte(c), 0x21, '~', '}'})
	}
	return append(all, []byte("\xfe\xff\x00A"), []byte("\xff\xfeA\x00"), []byte("\x1b$B0!\x1b(B"), []byte("\x81\x30\x81\x30"))
}

func decodesAlike(t *testing.T, name string, got, want encoding.Encoding) {
	t.Helper()
	for _, data := range samples() {
		a, err1 := got.NewDecoder().Bytes(data)
		b, err2 := want.NewDecoder().Bytes(data)
		if !bytes.Equal(a, b) || (err1 == nil) != (err2 == nil) {
			t.Errorf("%s: %x is %q (%v), want %q (%v)", name, data, a, err1, b, err2)
			return
		}
	}
}

func TestNamesAreThoseOfTheRegistries(t *testing.T) {
	t.Parallel()
	for registry, names := range readRegistries() {
		if len(names) < 100 {
			t.Errorf("%s has %d names", registry, len(names))
		}
		for name, is := range names {
			got, want := table(is), inRegistries(registry, name)
			if got == nil || want == nil {
				t.Errorf("%s %s: %v, want %v", registry, name, got, want)
				continue
			}
			decodesAlike(t, registry+" "+name, got, want)
		}
	}
}

// The registries have their tables' names, too.
func TestNoTableOfTheRegistriesIsMissing(t *testing.T) {
	t.Parallel()
	have := make(map[string]bool)
	for _, names := range readRegistries() {
		for name := range names {
			have[name] = true
		}
	}
	tables := slices.Clone(charmap.All)
	for _, name := range []string{"big5", "gbk", "gb18030", "hz-gb-2312", "euc-kr", "euc-jp", "iso-2022-jp", "shift_jis"} {
		tables = append(tables, inRegistries("iana", name))
	}
	for _, e := range tables {
		for _, of := range []func(encoding.Encoding) (string, error){ianaindex.IANA.Name, ianaindex.MIME.Name, htmlindex.Name} {
			name, err := of(e)
			name = strings.ToLower(name)
			if err != nil || strings.Contains(name, "_") || inRegistries("iana", name) == nil && inRegistries("html", name) == nil {
				continue
			}
			if !have[name] {
				t.Errorf("%s is missing", name)
			}
		}
	}
}

func TestCharactersBeyondASCIIAreReplaced(t *testing.T) {
	t.Parallel()
	e, ok := Lookup("cp367")
	if !ok {
		t.Fatal("cp367 is not known")
	}
	if text, err := e.NewDecoder().String("M\xfcller"); text != "M\ufffdller" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
