// Package textenc encodes text as Python's codecs do, under the names that
// Python and IANA know them by.
//
// The tables are those of golang.org/x/text, which is kept by the Go team; what
// Python does in another way (byte order marks, names) is settled here.
package textenc

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Encoding is a way to write text as bytes. It is safe for concurrent use.
type Encoding struct {
	name  string
	table encoding.Encoding // nil for UTF-8
	bom   []byte
	most  rune // of ascii and latin-1, which need no table
	// own are bytes where Python's table differs from x/text's; 0 is no byte.
	own map[rune]byte
}

// koi8u is where Python follows RFC 2319 and x/text the web's variant.
var koi8u = map[rune]byte{'╝': 0xae, '╬': 0xbe, 'ў': 0, 'Ў': 0}

// UTF8 is the encoding of everything that names none.
var UTF8 = &Encoding{name: "utf-8"}

// CharacterError says which character an encoding lacks.
type CharacterError struct {
	Encoding  string
	Character rune
	Line, Col int // from 1, in characters
}

func (e *CharacterError) Error() string {
	return fmt.Sprintf("encoding %s has no character for %q (U+%04X), line %d, column %d", e.Encoding, e.Character, e.Character, e.Line, e.Col)
}

// normalise makes one of the spellings that Python takes for the same codec.
func normalise(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	return strings.NewReplacer("_", "-", " ", "-").Replace(name)
}

var utf16le = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)

// known are the codecs that the IANA index has under other names or not at all.
var known = map[string]*Encoding{
	"utf-8": UTF8, "utf8": UTF8, "u8": UTF8, "utf": UTF8, "cp65001": UTF8,
	"utf-8-sig": {name: "utf-8-sig", bom: []byte("\xef\xbb\xbf")},
	"utf-16":    {name: "utf-16", table: utf16le, bom: []byte("\xff\xfe")}, "utf16": {name: "utf-16", table: utf16le, bom: []byte("\xff\xfe")},
	"utf-16-le": {name: "utf-16-le", table: utf16le}, "utf-16le": {name: "utf-16-le", table: utf16le},
	"utf-16-be": {name: "utf-16-be", table: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}, "utf-16be": {name: "utf-16-be", table: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	"utf-32":    {name: "utf-32", table: utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), bom: []byte("\xff\xfe\x00\x00")},
	"utf-32-le": {name: "utf-32-le", table: utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)},
	"utf-32-be": {name: "utf-32-be", table: utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)},
	"ascii":     {name: "ascii", most: 0x7f}, "us-ascii": {name: "ascii", most: 0x7f}, "646": {name: "ascii", most: 0x7f},
	"latin-1": {name: "latin-1", most: 0xff}, "latin1": {name: "latin-1", most: 0xff}, "iso-8859-1": {name: "latin-1", most: 0xff},
	"iso8859-1": {name: "latin-1", most: 0xff}, "l1": {name: "latin-1", most: 0xff}, "8859": {name: "latin-1", most: 0xff}, "cp819": {name: "latin-1", most: 0xff},
	"koi8-r": {name: "koi8-r", table: charmap.KOI8R}, "koi8-u": {name: "koi8-u", table: charmap.KOI8U, own: koi8u},
	"cp858":     {name: "cp858", table: charmap.CodePage858},
	"mac-roman": {name: "mac-roman", table: charmap.Macintosh},
}

// verified are the tables that testdata/oracle.py has compared with Python's.
var verified = []*charmap.Charmap{
	charmap.ISO8859_2, charmap.ISO8859_3, charmap.ISO8859_4, charmap.ISO8859_5, charmap.ISO8859_6, charmap.ISO8859_7, charmap.ISO8859_8,
	charmap.ISO8859_9, charmap.ISO8859_10, charmap.ISO8859_13, charmap.ISO8859_14, charmap.ISO8859_15, charmap.ISO8859_16,
	charmap.Windows874, charmap.Windows1250, charmap.Windows1251, charmap.Windows1252, charmap.Windows1253, charmap.Windows1254, charmap.Windows1256,
	charmap.Windows1257, charmap.Windows1258, charmap.CodePage037, charmap.CodePage437, charmap.CodePage850, charmap.CodePage852, charmap.CodePage855,
	charmap.CodePage858, charmap.CodePage860, charmap.CodePage862, charmap.CodePage863, charmap.CodePage865, charmap.CodePage866,
	charmap.KOI8R, charmap.Macintosh,
}

// differing are codecs that x/text has, but with other characters than Python.
// Wrong bytes in an invoice are worse than none.
var differing = []string{"cp1255", "windows-1255", "shift-jis", "sjis", "cp932", "euc-jp", "iso2022-jp", "euc-kr", "cp949", "gbk", "gb2312", "gb18030", "big5"}

// Lookup returns the encoding of a name: IANA's or Python's, in any case, with -
// or _ between its parts.
func Lookup(name string) (*Encoding, error) {
	n := normalise(name)
	if e := known[n]; e != nil {
		return e, nil
	}
	if slices.Contains(differing, n) {
		return nil, fmt.Errorf("encoding %q is not supported: its characters would differ from Python's", name)
	}
	candidates := []string{n}
	for prefix, others := range map[string][]string{"cp": {"windows-", "ibm"}, "windows-": {"windows-"}, "iso8859-": {"iso-8859-"}, "latin": {"latin"}, "latin-": {"latin"}} {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			for _, other := range others {
				candidates = append(candidates, other+rest)
			}
		}
	}
	for _, c := range candidates {
		found, err := ianaindex.IANA.Encoding(c)
		if err != nil {
			continue
		}
		if table, ok := found.(*charmap.Charmap); ok && slices.Contains(verified, table) {
			return &Encoding{name: n, table: table}, nil
		}
	}
	return nil, fmt.Errorf("unknown encoding %q (for example utf-8, latin-1, windows-1250, utf-16)", name)
}

// Name returns the codec's name.
func (e *Encoding) Name() string { return e.name }

// Encode returns the text's bytes. The error is a [*CharacterError].
func (e *Encoding) Encode(text []byte) ([]byte, error) {
	switch {
	case e.most > 0:
		return e.encodeSmall(text)
	case e.table == nil && e.bom == nil:
		return text, nil
	case e.table == nil:
		return append(append([]byte(nil), e.bom...), text...), nil
	}
	if table, ok := e.table.(*charmap.Charmap); ok {
		return e.encodeBytes(text, table)
	}
	encoded, err := e.table.NewEncoder().Bytes(text)
	if err != nil {
		return nil, e.missing(text)
	}
	return append(append(make([]byte, 0, len(e.bom)+len(encoded)), e.bom...), encoded...), nil
}

func (e *Encoding) encodeSmall(text []byte) ([]byte, error) {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r > e.most {
			return nil, e.characterError(text, i, r)
		}
		out = append(out, byte(r))
		i += n
	}
	return out, nil
}

// encodeBytes encodes with a table of single bytes. The ISO 8859 tables of
// x/text leave out the control characters from U+0080 on, which Python has.
func (e *Encoding) encodeBytes(text []byte, table *charmap.Charmap) ([]byte, error) {
	controls := strings.HasPrefix(table.String(), "ISO 8859-")
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		b, ok := table.EncodeRune(r)
		if own, differs := e.own[r]; differs {
			b, ok = own, own != 0
		}
		switch {
		case controls && r >= 0x80 && r <= 0x9f:
			b = byte(r)
		case !ok:
			return nil, e.characterError(text, i, r)
		}
		out = append(out, b)
		i += n
	}
	return out, nil
}

// missing finds the first character that cannot be encoded.
func (e *Encoding) missing(text []byte) error {
	encoder := e.table.NewEncoder()
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if _, err := encoder.Bytes(text[i : i+n]); err != nil {
			return e.characterError(text, i, r)
		}
		i += n
	}
	return fmt.Errorf("encoding %s: the text cannot be encoded", e.name)
}

func (e *Encoding) characterError(text []byte, at int, r rune) error {
	line, col := 1, 1
	for _, c := range string(text[:at]) {
		if col++; c == '\n' {
			line, col = line+1, 1
		}
	}
	return &CharacterError{e.name, r, line, col}
}
