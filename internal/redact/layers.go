package redact

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxLayers is how many encodings around a secret are taken off one after another, as in
// the base64 of JSON in which an XML writer has escaped a password.
const maxLayers = 3

// layer is a text as one decoding reads it. Where it comes from is only looked for when
// there is a secret in it.
type layer struct {
	text   string
	source func([]span) []span // the parts of the encoded text that parts of the layer's are from
	last   bool                // what it encodes is not read
}

// layers returns the texts that a text encodes: that without escapes, that without those
// of quoted-printable, and those that are in base64 or hexadecimal digits.
func layers(text string) (all []layer) {
	kinds := kindsOf(text)
	add := func(read reading, last bool) {
		if plain := read.decode(text); plain != text {
			all = append(all, layer{plain, func(spans []span) []span { return read.source(text, spans) }, last})
		}
	}
	if kinds&equals != 0 {
		add(quotedPrintableAt, false)
	}
	if kinds&(percent|backslash|ampersand) != 0 {
		add(escapeAt, false)
	}
	if bits.OnesCount16(kinds&(percent|backslash|ampersand)) > 1 {
		// What looks like an escape of one kind may be a part of a secret that another
		// kind escapes.
		add(percentAt, true)
		add(backslashAt, true)
		add(entityAt, true)
	}
	if kinds&run != 0 {
		all = append(all, digits(text)...)
	}
	return all
}

// reading reads the escape at a place of a text: what it stands for, and its length, which
// is 0 where there is none.
type reading func(text string, i int) (plain string, length int)

// decode takes the escapes off.
func (read reading) decode(text string) string {
	var out strings.Builder
	done := 0
	for i := 0; i < len(text); {
		plain, n := "", 0
		if class[text[i]]&escapes != 0 {
			plain, n = read(text, i)
		}
		if n == 0 {
			i++
			continue
		}
		out.WriteString(text[done:i] + plain)
		i += n
		done = i
	}
	if done == 0 {
		return text
	}
	return out.String() + text[done:]
}

// source returns which parts of a text the parts of what [reading.decode] makes of it are
// from. They are in their order and do not overlap, but an escape may have a part in two.
func (read reading) source(text string, spans []span) []span {
	sources := make([]span, 0, len(spans))
	made, from := 0, -1 // from is where the current one begins
	for i := 0; i < len(text) && len(sources) < len(spans); {
		plain, n := "", 0
		if class[text[i]]&escapes != 0 {
			plain, n = read(text, i)
		}
		if n == 0 {
			plain, n = text[i:i+1], 1
		}
		made += len(plain)
		for len(sources) < len(spans) && made > spans[len(sources)].from {
			if from < 0 {
				from = i
			}
			if made < spans[len(sources)].to {
				break
			}
			sources, from = append(sources, span{from, i + n}), -1
		}
		i += n
	}
	return sources
}

// escapeAt reads an escape of a URL, of a string literal or of markup, in either case.
func escapeAt(text string, i int) (string, int) {
	for _, read := range []reading{percentAt, backslashAt, entityAt} {
		if plain, n := read(text, i); n > 0 {
			return plain, n
		}
	}
	return "", 0
}

// percentAt reads an escape of a URL, also one of JavaScript's escape, such as %u00e4.
func percentAt(text string, i int) (string, int) {
	if text[i] != '%' {
		return "", 0
	}
	if i+1 < len(text) && (text[i+1] == 'u' || text[i+1] == 'U') {
		return unitAt(text, i)
	}
	return byteAt(text, i, 1)
}

// byteAt reads two hexadecimal digits after a mark of so many bytes.
func byteAt(text string, i, mark int) (string, int) {
	c, ok := number(text, i+mark, 2)
	if !ok {
		return "", 0
	}
	return string([]byte{byte(c)}), mark + 2
}

// number reads so many hexadecimal digits.
func number(text string, i, digits int) (rune, bool) {
	if i+digits > len(text) {
		return 0, false
	}
	n, err := strconv.ParseUint(text[i:i+digits], 16, 32)
	return rune(n), err == nil
}

func backslashAt(text string, i int) (string, int) {
	if text[i] != '\\' || i+1 == len(text) {
		return "", 0
	}
	switch c := text[i+1]; c {
	case '"', '\'', '/', '\\':
		return text[i+1 : i+2], 2
	case 'n', 'N':
		return "\n", 2
	case 'r', 'R':
		return "\r", 2
	case 't', 'T':
		return "\t", 2
	case 'x', 'X':
		return byteAt(text, i, 2)
	case 'u', 'U':
		if c == 'U' && strings.HasPrefix(text[i+2:], "000") { // a literal of Go and of Python
			if whole, ok := number(text, i+2, 8); ok {
				return string(whole), 10
			}
		}
		return unitAt(text, i)
	}
	if c, err := strconv.ParseUint(text[i+1:min(len(text), i+4)], 8, 8); err == nil && i+4 <= len(text) { // of C and PostgreSQL
		return string([]byte{byte(c)}), 4
	}
	return "", 0
}

// unitAt reads four hexadecimal digits after a mark of two bytes: a unit of UTF-16, or two.
func unitAt(text string, i int) (string, int) {
	first, ok := number(text, i+2, 4)
	if !ok {
		return "", 0
	}
	if utf16.IsSurrogate(first) && strings.EqualFold(text[i+6:min(len(text), i+8)], text[i:i+2]) {
		if second, ok := number(text, i+8, 4); ok {
			return string(utf16.DecodeRune(first, second)), 12
		}
	}
	return string(first), 6
}

// maxEntity is the length of the longest entity that is read, such as &#x0000a9;.
const maxEntity = 12

// numberedAt reads an entity such as &#228 whose semicolon is missing, as browsers do.
func numberedAt(text string, i int) (string, int) {
	digits := "0123456789"
	rest, base := text[i+1:min(len(text), i+maxEntity)], 10
	if !strings.HasPrefix(rest, "#") {
		return "", 0
	}
	rest = rest[1:]
	mark := len("&#")
	if strings.HasPrefix(rest, "x") || strings.HasPrefix(rest, "X") {
		rest, base, mark, digits = rest[1:], 16, mark+1, digits+"abcdefABCDEF"
	}
	n := 0
	for n < len(rest) && strings.IndexByte(digits, rest[n]) >= 0 {
		n++
	}
	c, err := strconv.ParseUint(rest[:n], base, 32)
	if err != nil || c > utf8.MaxRune {
		return "", 0
	}
	return string(rune(c)), mark + n
}

func entityAt(text string, i int) (string, int) {
	if text[i] != '&' {
		return "", 0
	}
	end := strings.IndexByte(text[i:min(len(text), i+maxEntity)], ';')
	if end < 0 || strings.IndexByte(text[i+1:i+end], '&') >= 0 {
		return numberedAt(text, i)
	}
	entity := text[i : i+end+1]
	if plain := html.UnescapeString(entity); plain != entity && utf8.RuneCountInString(plain) == 1 {
		return plain, len(entity)
	}
	lower := strings.ToLower(entity)
	if plain := html.UnescapeString(lower); plain != lower && utf8.RuneCountInString(plain) == 1 {
		return plain, len(entity)
	}
	return "", 0
}

// quotedPrintableAt reads an escape of quoted-printable, or a break of a line that is none.
func quotedPrintableAt(text string, i int) (string, int) {
	if text[i] != '=' {
		return "", 0
	}
	for _, end := range []string{"\r\n", "\n", `\r\n`, `\n`} {
		if strings.HasPrefix(text[i+1:], end) {
			return "", 1 + len(end)
		}
	}
	if plain, n := byteAt(text, i, 1); n > 0 && strings.ToUpper(text[i:i+n]) == text[i:i+n] {
		return plain, n
	}
	return "", 0
}

// minRun is the length from which base64 and hexadecimal digits are decoded.
const minRun = 16

// What a byte of a text is, and what is in the text.
const (
	lower     = 1 << iota // of base64, as are the next two
	upper                 //
	figure                // a digit or a mark
	beyond                // is not a hexadecimal digit
	percent               // may begin an escape, as may the next three
	backslash             //
	ampersand             //
	equals                //
	gap                   // may separate lines or groups; see breakAt
	run                   // of base64 or hexadecimal digits

	base64s = lower | upper | figure
	escapes = percent | backslash | ampersand | equals
)

var class = func() (all [256]uint16) {
	for c := 'a'; c <= 'z'; c++ {
		all[c], all[c-'a'+'A'] = lower, upper
		if c > 'f' {
			all[c], all[c-'a'+'A'] = lower|beyond, upper|beyond
		}
	}
	for c := '0'; c <= '9'; c++ {
		all[c] = figure
	}
	for _, c := range "+/-_" { // of both alphabets
		all[c] = figure | beyond
	}
	for _, c := range " \t\r\n:" {
		all[c] = gap
	}
	all['%'], all['\\'], all['&'], all['='] = percent, backslash|gap, ampersand, equals
	return all
}()

// kindsOf looks for anything that layers would read.
func kindsOf(text string) (kinds uint16) {
	var now uint16
	begin := 0
	for i := range len(text) {
		c := class[text[i]]
		if c&base64s != 0 {
			now |= c
			continue
		}
		kinds |= c & escapes
		if i-begin >= minRun && isEncoded(now) {
			kinds |= run
		}
		begin, now = i+1, 0
	}
	if len(text)-begin >= minRun && isEncoded(now) {
		kinds |= run
	}
	return kinds
}

// isEncoded tells what a run may encode from words and addresses, which have letters of
// one case.
func isEncoded(kinds uint16) bool { return kinds&beyond == 0 || kinds&lower != 0 && kinds&upper != 0 }

// digits decodes what is in hexadecimal digits and in base64, which may begin at any of
// four characters of a run, since a slash may be before it.
func digits(text string) (all []layer) {
	for i := 0; i < len(text); i++ {
		from := i
		var kinds uint16
		for ; i < len(text) && class[text[i]]&base64s != 0; i++ {
			kinds |= class[text[i]]
		}
		if i-from < minRun || !isEncoded(kinds) {
			continue
		}
		whole := text[from:i]
		if kinds&beyond == 0 {
			for shift := range 2 {
				part := whole[shift : len(whole)-(len(whole)-shift)%2]
				if plain, err := hex.DecodeString(part); err == nil {
					all = append(all, spread(plain, from+shift, 1, 2))
				}
			}
		}
		whole = standardDigits.Replace(whole)
		for shift := range 4 {
			part := whole[shift:]
			if len(part)%4 == 1 {
				part = part[:len(part)-1]
			}
			if plain, err := base64.RawStdEncoding.DecodeString(part); err == nil {
				all = append(all, spread(plain, from+shift, 3, 4))
			}
		}
	}
	return all
}

// standardDigits makes base64 for URLs the standard one.
var standardDigits = strings.NewReplacer("-", "+", "_", "/")

// spread is the layer of bytes of which each few were made of so many characters.
func spread(plain []byte, from, bytes, characters int) layer {
	return layer{text: string(plain), source: func(spans []span) []span {
		for i, s := range spans {
			spans[i] = span{from + s.from*characters/bytes, from + (s.to*characters+bytes-1)/bytes}
		}
		return spans
	}}
}

// layeredSpans finds secrets under encodings that [forms] does not list: others, and
// several on one another.
func (r *Redactor) layeredSpans(text string, depth int) (found []span) {
	if depth == maxLayers {
		return nil
	}
	for _, l := range layers(text) {
		inner := r.plainSpans(l.text)
		if !l.last {
			inner = merged(inner, r.layeredSpans(l.text, depth+1))
		}
		if len(inner) > 0 {
			found = append(found, l.source(inner)...)
		}
	}
	return found
}
