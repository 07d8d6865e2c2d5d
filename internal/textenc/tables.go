package textenc

import (
	"archive/zip"
	"bytes"
	_ "embed" // the tables
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
)

// tablesZip has a file for each codec that is a table, made by testdata/oracle.py
// from Python's own codecs: sections, each with the shift that switches to it (for
// codecs with states) and rows of code and character, as differences.
//
//go:embed tables.zip
var tablesZip []byte

var tableFiles onuse.Value[map[string]*zip.File]

// tables are the files by their names.
func tables() map[string]*zip.File { return tableFiles.Get(readTables) }

func readTables() map[string]*zip.File {
	files := make(map[string]*zip.File)
	r, err := zip.NewReader(bytes.NewReader(tablesZip), int64(len(tablesZip)))
	if err != nil {
		return files // the tests open every one
	}
	for _, f := range r.File {
		files[f.Name] = f
	}
	return files
}

func member(name string) ([]byte, error) {
	f := tables()[name]
	if f == nil {
		return nil, errors.New("there is no table of codec " + name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}

// How a row of a table is used.
const (
	bothWays = iota
	decodeOnly
	encodeOnly
	twoCharacters
)

// place is where a character is in a table.
type place struct {
	shift int // index of the section
	code  uint32
}

// table is a codec's characters. It is not changed once it has been read.
type table struct {
	name     string
	shifts   []string
	byRune   map[rune]place
	byPair   map[[2]rune]place
	begins   map[rune]bool     // first characters of pairs
	byCode   []map[uint32]pair // by section
	lengths  [256]int          // of the longest code that begins with a byte, in any section
	ascii    string            // what leads back to ASCII; "" for a codec without states
	prologue string            // goes before the first shift
	supp     bool              // GB 18030: what is beyond the BMP is computed
}

type pair struct{ first, second rune } // second is 0 for most

func readTable(name string) (*table, error) {
	data, err := member(name)
	if err != nil {
		return nil, err
	}
	t := &table{name: name, byRune: make(map[rune]place), byPair: make(map[[2]rune]place), begins: make(map[rune]bool), supp: name == "gb18030"}
	number := func() int64 {
		n, size := binary.Uvarint(data)
		if size <= 0 {
			err, data = io.ErrUnexpectedEOF, nil
			return 0
		}
		data = data[size:]
		return int64(n)
	}
	for range number() {
		n := number()
		shift := string(data[:n])
		data = data[n:]
		t.section(shift, int(number()), number)
	}
	t.state()
	return t, err
}

// section reads the rows of one shift.
func (t *table) section(shift string, rows int, number func() int64) {
	at := len(t.shifts)
	t.shifts = append(t.shifts, shift)
	codes := make(map[uint32]pair, rows)
	t.byCode = append(t.byCode, codes)
	var code, point int64
	for range rows {
		n := number()
		code += n >> 2
		step := number()
		if step&1 != 0 {
			step = -(step + 1)
		}
		point += step >> 1
		r, p := rune(point), place{at, uint32(code)}
		flag := n & 3
		if flag == twoCharacters {
			second := rune(number())
			t.byPair[[2]rune{r, second}], t.begins[r] = p, true
			codes[p.code] = pair{r, second}
		}
		if flag == bothWays || flag == encodeOnly {
			t.byRune[r] = p
		}
		if flag == bothWays || flag == decodeOnly {
			codes[p.code] = pair{r, 0}
		}
		if b := codeBytes(nil, p.code); flag != encodeOnly {
			t.lengths[b[0]] = max(t.lengths[b[0]], len(b))
		}
	}
}

// state sets how a codec with states returns to ASCII.
func (t *table) state() {
	switch {
	case len(t.shifts) == 1:
	case t.name == "hz":
		t.ascii = "~}"
	case t.name == "iso2022_kr":
		t.ascii, t.prologue = "\x0f", "\x1b$)C"
		for i, s := range t.shifts {
			if s != "" {
				t.shifts[i] = "\x0e"
			}
		}
	default:
		t.ascii = "\x1b(B"
	}
}

func codeBytes(dst []byte, code uint32) []byte {
	switch {
	case code > 0xffffff:
		dst = append(dst, byte(code>>24))
		fallthrough
	case code > 0xffff:
		dst = append(dst, byte(code>>16))
		fallthrough
	case code > 0xff:
		dst = append(dst, byte(code>>8))
	}
	return append(dst, byte(code))
}

// tableEncoder encodes one text.
type tableEncoder struct {
	*table
	shift string // that has been written; "" is ASCII
	begun bool   // the prologue has been written
	wide  string // the shift of single characters that is in force (ISO 2022's G2)
}

func (e *tableEncoder) next(dst []byte, text string) ([]byte, int, error) {
	r, n := utf8.DecodeRuneInString(text)
	p, ok := e.byRune[r]
	if e.begins[r] {
		second, m := utf8.DecodeRuneInString(text[n:])
		if both, found := e.byPair[[2]rune{r, second}]; found {
			p, ok, n = both, true, n+m
		}
	}
	if !ok {
		switch {
		case e.supp && r > 0xffff:
			return gb18030(dst, r), n, nil
		case e.name == "euc_kr" && r >= firstSyllable && r <= lastSyllable:
			return spelt(dst, int(r-firstSyllable)), n, nil
		}
		return dst, 0, nil
	}
	dst = e.switchTo(dst, e.shifts[p.shift])
	if r == '\n' {
		e.wide = ""
	}
	return codeBytes(dst, p.code), n, nil
}

// single begins the shifts of single characters.
const single = "\x1bN"

func (e *tableEncoder) switchTo(dst []byte, shift string) []byte {
	if e.ascii == "" {
		return dst
	}
	if n := len(shift) - len(single); n > 0 && shift[n:] == single {
		if e.shift != "" {
			dst, e.shift = append(dst, e.ascii...), ""
		}
		if e.wide != shift {
			dst, e.wide = append(dst, shift[:n]...), shift
		}
		return append(dst, single...)
	}
	if shift == e.shift {
		return dst
	}
	e.shift = shift
	if shift == "" {
		return append(dst, e.ascii...)
	}
	if !e.begun {
		dst, e.begun = append(dst, e.prologue...), true
	}
	return append(dst, shift...)
}

func (e *tableEncoder) end(dst []byte) []byte {
	if e.shift != "" {
		dst = append(dst, e.ascii...)
	}
	return dst
}

// gb18030 writes a character beyond the BMP.
func gb18030(dst []byte, r rune) []byte {
	n := uint32(r - 0x10000)
	return append(dst, byte(0x90+n/12600), byte(0x30+n/1260%10), byte(0x81+n/10%126), byte(0x30+n%10))
}

// The syllables of Hangul, which Unicode has in the order of their letters.
const firstSyllable, lastSyllable = '가', '힣'

// The letters as KS X 1001 has them; the syllables' own come in a row.
const (
	initials = "\xa1\xa2\xa4\xa7\xa8\xa9\xb1\xb2\xb3\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc\xbd\xbe"
	finals   = "\xd4\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa9\xaa\xab\xac\xad\xae\xaf\xb0\xb1\xb2\xb4\xb5\xb6\xb7\xb8\xba\xbb\xbc\xbd\xbe"
	vowels   = 21
	spelling = "\xa4\xd4" // begins a syllable that is spelt
)

// spelt writes a syllable that EUC-KR has no code for letter by letter.
func spelt(dst []byte, n int) []byte {
	final := n % len(finals)
	n /= len(finals)
	dst = append(dst, spelling...)
	return append(dst, 0xa4, initials[n/vowels], 0xa4, byte(0xbf+n%vowels), 0xa4, finals[final])
}

// syllable reads such a syllable.
func syllable(data []byte) (rune, bool) {
	if len(data) < 8 || string(data[:2]) != spelling || data[2] != 0xa4 || data[4] != 0xa4 || data[6] != 0xa4 {
		return 0, false
	}
	initial, vowel, final := strings.IndexByte(initials, data[3]), int(data[5])-0xbf, strings.IndexByte(finals, data[7])
	if initial < 0 || vowel < 0 || vowel >= vowels || final < 0 {
		return 0, false
	}
	return rune(firstSyllable + (initial*vowels+vowel)*len(finals) + final), true
}

// decode decodes with the table.
func (t *table) decode(d *decoder) {
	section := 0
	for d.more() {
		if t.ascii != "" {
			if to, n := t.shiftAt(d.data[d.at:], section); n > 0 {
				section, d.at = to, d.at+n
				continue
			}
		}
		if !t.one(d, section) {
			t.fault(d)
		}
	}
}

// one decodes the character at the place.
func (t *table) one(d *decoder, section int) bool {
	if t.name == "euc_kr" {
		if r, ok := syllable(d.data[d.at:]); ok {
			d.out.WriteRune(r)
			d.at += 8
			return true
		}
	}
	code := uint32(0)
	for n := 1; n <= 4 && d.at+n <= len(d.data); n++ {
		code = code<<8 | uint32(d.data[d.at+n-1])
		p, ok := t.byCode[section][code]
		if !ok || n > 1 && code < 1<<(8*(n-1)) {
			continue
		}
		d.out.WriteRune(p.first)
		if p.second != 0 {
			d.out.WriteRune(p.second)
		}
		d.at += n
		return true
	}
	if rest := d.data[d.at:]; t.supp && len(rest) >= 4 && rest[0] >= 0x90 && rest[0] <= 0xe3 &&
		rest[1]-0x30 < 10 && rest[2]-0x81 < 126 && rest[3]-0x30 < 10 {
		r := 0x10000 + rune(rest[0]-0x90)*12600 + rune(rest[1]-0x30)*1260 + rune(rest[2]-0x81)*10 + rune(rest[3]-0x30)
		if r <= utf8.MaxRune {
			d.out.WriteRune(r)
			d.at += 4
			return true
		}
	}
	return false
}

// shiftAt finds what switches to another section.
func (t *table) shiftAt(data []byte, section int) (to, n int) {
	if t.prologue != "" && bytes.HasPrefix(data, []byte(t.prologue)) {
		return section, len(t.prologue)
	}
	plain := 0
	for i, shift := range t.shifts {
		if shift == "" {
			plain = i
		} else if bytes.HasPrefix(data, []byte(shift)) {
			return i, len(shift)
		}
	}
	if bytes.HasPrefix(data, []byte(t.ascii)) {
		return plain, len(t.ascii)
	}
	if section != plain && data[0] == '\n' && t.name == "hz" {
		return plain, 0
	}
	return section, 0
}

func (t *table) fault(d *decoder) {
	if t.multi() {
		if left := len(d.data) - d.at; left < t.lengths[d.data[d.at]] {
			d.fault(left, "incomplete multibyte sequence")
			return
		}
		d.fault(1, "illegal multibyte sequence")
		return
	}
	d.fault(1, "character maps to <undefined>")
}

// multi reports whether a character may take several bytes.
func (t *table) multi() bool {
	for _, n := range t.lengths {
		if n > 1 {
			return true
		}
	}
	return false
}
