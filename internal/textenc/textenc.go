// Package textenc encodes text as Python's codecs do, under the names that
// Python and IANA know them by.
//
// The tables are made from Python's own (testdata/oracle.py); golang.org/x/text is
// there for the normal form that names of hosts take.
package textenc

import (
	_ "embed" // the names
	"encoding/binary"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
)

// Encoding is a way to write text as bytes. It is safe for concurrent use.
type Encoding struct {
	name   string
	codec  string // Python's module
	begin  string // what stands before every text
	encode func() encoder
	table  *table // nil for those that need none
}

// UTF8 is the encoding of everything that names none.
var UTF8 = &Encoding{name: "utf-8", codec: "utf_8", encode: stateless(each(appendUTF8))}

// CharacterError says which character an encoding lacks.
type CharacterError struct {
	Encoding  string
	Character rune
	Line, Col int // from 1, in characters
}

func (e *CharacterError) Error() string {
	return fmt.Sprintf("encoding %s has no character for %q (U+%04X), line %d, column %d", e.Encoding, e.Character, e.Character, e.Line, e.Col)
}

func stateless(e encoder) func() encoder { return func() encoder { return e } }

var computedTable onuse.Value[map[string]Encoding]

// computed are the codecs that are no tables, by Python's module.
func computed() map[string]Encoding { return computedTable.Get(makeComputed) }

func makeComputed() map[string]Encoding {
	return map[string]Encoding{
		"utf_8":              {encode: UTF8.encode},
		"utf_8_sig":          {encode: UTF8.encode, begin: "\xef\xbb\xbf"},
		"utf_16":             {encode: stateless(utf16In(binary.LittleEndian)), begin: "\xff\xfe"},
		"utf_16_le":          {encode: stateless(utf16In(binary.LittleEndian))},
		"utf_16_be":          {encode: stateless(utf16In(binary.BigEndian))},
		"utf_32":             {encode: stateless(utf32In(binary.LittleEndian)), begin: "\xff\xfe\x00\x00"},
		"utf_32_le":          {encode: stateless(utf32In(binary.LittleEndian))},
		"utf_32_be":          {encode: stateless(utf32In(binary.BigEndian))},
		"utf_7":              {encode: stateless(whole(encodeUTF7))},
		"ascii":              {encode: stateless(upTo(0x7f))},
		"latin_1":            {encode: stateless(upTo(0xff))},
		"unicode_escape":     {encode: stateless(each(unicodeEscape))},
		"raw_unicode_escape": {encode: stateless(each(rawUnicodeEscape))},
		"punycode":           {encode: stateless(whole(encodePunycode))},
		"idna":               {encode: stateless(whole(encodeIDNA))},
	}
}

// aliasList has Python's names, each with its codec; testdata/oracle.py writes it.
//
//go:embed aliases.txt
var aliasList string

// moreNames are names of IANA's, and common ones, that Python has not.
var moreNames = map[string]string{
	"windows_31j": "cp932", "cswindows31j": "cp932", "x_sjis": "shift_jis", "windows_936": "gbk", "windows_949": "cp949", "windows_874": "cp874",
	"ks_c_5601_1989": "euc_kr", "cp00858": "cp858", "ibm00858": "cp858", "ccsid00858": "cp858", "ibm01140": "cp1140", "ibm737": "cp737", "ibm720": "cp720",
	"x_mac_roman": "mac_roman", "x_mac_cyrillic": "mac_cyrillic", "x_mac_ce": "mac_latin2", "iso_8859_8_i": "iso8859_8", "utf_16_bom": "utf_16",
	"ccsid01140": "cp1140", "cp01140": "cp1140", "csibm01140": "cp1140", "cseucpkdfmtjapanese": "euc_jp", "cseuckr": "euc_kr", "csgb18030": "gb18030", "csgbk": "gbk",
	"csiso885913": "iso8859_13", "csiso885914": "iso8859_14", "csiso885915": "iso8859_15", "csiso885916": "iso8859_16", "cskoi8u": "koi8_u", "csmacintosh": "mac_roman",
	"mac": "mac_roman", "csutf8": "utf_8", "cswindows874": "cp874", "cswindows1250": "cp1250", "cswindows1251": "cp1251", "cswindows1252": "cp1252",
	"cswindows1253": "cp1253", "cswindows1254": "cp1254", "cswindows1255": "cp1255", "cswindows1256": "cp1256", "cswindows1257": "cp1257", "cswindows1258": "cp1258",
}

var aliasTable onuse.Value[map[string]string]

func aliases() map[string]string { return aliasTable.Get(readAliases) }

func readAliases() map[string]string {
	names := make(map[string]string)
	for line := range strings.Lines(aliasList) {
		if alias, codec, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			names[alias] = codec
		}
	}
	maps.Copy(names, moreNames)
	return names
}

var between = regexp.MustCompile(`[^a-z0-9.]+`)

// normalise makes one of the spellings that Python takes for the same codec.
func normalise(name string) string {
	return strings.Trim(between.ReplaceAllString(strings.ToLower(name), "_"), "_")
}

// module finds Python's module of a name.
func module(name string) (string, bool) {
	n := normalise(name)
	tries := []string{n, strings.ReplaceAll(n, ".", "_")}
	if rest, ok := strings.CutPrefix(n, "latin_"); ok {
		tries = append(tries, "latin"+rest)
	}
	for _, try := range tries {
		if codec, ok := aliases()[try]; ok {
			return codec, true
		}
	}
	return "", false
}

// IsPythons reports whether a name is one that Python's codecs have.
func IsPythons(name string) bool {
	n := normalise(name)
	_, ok := aliases()[n]
	_, more := moreNames[n]
	return ok && !more
}

// loaded are the encodings that have been looked up, by module.
var loaded sync.Map

// Lookup returns the encoding of a name: IANA's or Python's, in any case, with -
// or _ between its parts.
func Lookup(name string) (*Encoding, error) {
	codec, ok := module(name)
	if !ok {
		return nil, fmt.Errorf("unknown encoding %q (for example utf-8, latin-1, windows-1250, utf-16)", name)
	}
	n := strings.ReplaceAll(normalise(name), "_", "-")
	if codec == "utf_8" {
		return UTF8, nil
	}
	if e, ok := computed()[codec]; ok {
		e.name, e.codec = n, codec
		return &e, nil
	}
	known, ok := loaded.Load(codec)
	if !ok {
		t, err := readTable(codec)
		if err != nil {
			return nil, fmt.Errorf("encoding %q: %w", name, err)
		}
		known, _ = loaded.LoadOrStore(codec, t)
	}
	t, _ := known.(*table)
	return &Encoding{name: n, codec: codec, table: t, encode: func() encoder { return &tableEncoder{table: t} }}, nil
}

// Name returns the codec's name.
func (e *Encoding) Name() string { return e.name }

// Family is the name of the codec in Python's errors.
func (e *Encoding) Family() string {
	switch {
	case e.table != nil && !e.table.multi():
		return "charmap"
	case e.table != nil:
		return e.codec
	case strings.HasSuffix(e.codec, "_escape"):
		return strings.ReplaceAll(e.codec, "_", "")
	case e.codec == "utf_7":
		return "utf7"
	}
	return strings.ReplaceAll(e.codec, "_", "-")
}

// Encode returns the text's bytes. The error is a [*CharacterError], or an [ErrLabel].
func (e *Encoding) Encode(text []byte) ([]byte, error) {
	if e == UTF8 {
		return text, nil
	}
	return e.EncodeWith(string(text), func(at, end int) (string, error) {
		r, _ := utf8.DecodeRuneInString(string(text[at:end]))
		return "", e.characterError(string(text[:at]), r)
	})
}

// EncodeWith encodes a text. For characters that the encoding lacks, text[at:end], it
// encodes what replace returns; replace may end the encoding by an error. Python's
// codecs of single bytes report neighbours together, others one by one.
func (e *Encoding) EncodeWith(text string, replace func(at, end int) (string, error)) ([]byte, error) {
	enc := e.encode()
	out := append(make([]byte, 0, len(e.begin)+len(text)), e.begin...)
	for i := 0; i < len(text); {
		var n int
		var err error
		if out, n, err = enc.next(out, text[i:]); err != nil {
			return nil, err
		}
		if n > 0 {
			i += n
			continue
		}
		end := e.lacking(enc, text, i)
		put, err := replace(i, end)
		if err != nil {
			return nil, err
		}
		for len(put) > 0 {
			if out, n, err = enc.next(out, put); err != nil || n == 0 {
				return nil, e.characterError(text[:i], []rune(put)[0])
			}
			put = put[n:]
		}
		i = end
	}
	return enc.end(out), nil
}

// lacking finds where the characters that cannot be encoded end.
func (e *Encoding) lacking(enc encoder, text string, i int) int {
	_, n := utf8.DecodeRuneInString(text[i:])
	i += n
	if e.table != nil && e.table.multi() {
		return i
	}
	for i < len(text) {
		if _, done, err := enc.next(nil, text[i:]); done > 0 || err != nil {
			break
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		i += n
	}
	return i
}

func (e *Encoding) characterError(before string, r rune) error {
	line, col := 1, 1
	for _, c := range before {
		if col++; c == '\n' {
			line, col = line+1, 1
		}
	}
	return &CharacterError{e.name, r, line, col}
}
