package re

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
)

// decode returns the code points of a text. The three-byte form of a surrogate is
// one code point; any other byte that is not UTF-8 becomes U+FFFD.
func decode(s string) []rune { return appendRunes(make([]rune, 0, len(s)), s) }

func appendRunes(runes []rune, s string) []rune {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			runes = append(runes, rune(c))
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			if surrogate := surrogateAt(s, i); surrogate != 0 {
				r, size = surrogate, 3
			}
		}
		runes = append(runes, r)
		i += size
	}
	return runes
}

// surrogateAt returns the surrogate that begins at s[i], 0 if there is none.
func surrogateAt(s string, i int) rune {
	if i+2 < len(s) && s[i] == 0xED && s[i+1] >= 0xA0 && s[i+1] <= 0xBF && s[i+2]&0xC0 == 0x80 {
		return 0xD000 | rune(s[i+1]&0x3F)<<6 | rune(s[i+2]&0x3F)
	}
	return 0
}

// encode is the inverse of decode.
func encode(runes []rune) string {
	var b strings.Builder
	b.Grow(encodedLen(runes))
	for _, r := range runes {
		if r >= 0xD800 && r <= 0xDFFF {
			b.WriteByte(0xED)
			b.WriteByte(0x80 | byte(r>>6)&0x3F)
			b.WriteByte(0x80 | byte(r)&0x3F)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// encodedLen is the length of what encode returns.
func encodedLen(runes []rune) int {
	n := len(runes)
	for _, r := range runes {
		switch {
		case r < 0x80:
		case r < 0x800:
			n++
		case r < 0x10000:
			n += 2
		default:
			n += 3
		}
	}
	return n
}

// Text is a text that patterns are matched with.
type Text struct {
	source string
	runes  []rune
	ascii  bool
}

// NewText prepares a text for matching. It may be used by several goroutines.
func NewText(s string) *Text {
	runes := decode(s)
	return &Text{source: s, runes: runes, ascii: len(runes) == len(s)}
}

// NewTextWithin is [NewText] of a text that may be long, with looks between its pieces.
func NewTextWithin(look longtext.Look, s string) (*Text, error) {
	count, err := longtext.RuneCount(s, look)
	if err != nil {
		return nil, err
	}
	runes := make([]rune, 0, count)
	err = longtext.Pieces(s, look, func(piece string) error {
		runes = appendRunes(runes, piece)
		return nil
	})
	return &Text{source: s, runes: runes, ascii: len(runes) == len(s)}, err
}

// Reset makes the text another one, in its memory. Nothing that was made of the text may
// be in use.
func (t *Text) Reset(s string) {
	t.runes = appendRunes(slices.Grow(t.runes[:0], len(s)), s)
	t.source, t.ascii = s, len(t.runes) == len(s)
}

// NewBytes prepares bytes for matching with a pattern of [CompileBytes]. What is cut out
// of them are bytes, too.
func NewBytes(data []byte) *Text {
	return &Text{source: string(data), runes: bytesAsRunes(data), ascii: true}
}

func bytesAsRunes(data []byte) []rune {
	runes := make([]rune, len(data))
	for i, b := range data {
		runes[i] = rune(b)
	}
	return runes
}

func runesAsBytes(runes []rune) string {
	data := make([]byte, len(runes))
	for i, r := range runes {
		data[i] = byte(r)
	}
	return string(data)
}

// Len returns the number of code points.
func (t *Text) Len() int { return len(t.runes) }

// String returns the text itself.
func (t *Text) String() string { return t.source }

// Slice returns the text between two positions.
func (t *Text) Slice(from, to int) string {
	if t.ascii {
		return t.source[from:to]
	}
	if n := to - from; n >= longtext.Piece && n > len(t.runes)/8 { // a copy would take longer than to count
		before, inside := encodedLen(t.runes[:from]), encodedLen(t.runes[from:to])
		if before+inside+encodedLen(t.runes[to:]) == len(t.source) { // without what is not UTF-8
			return t.source[before : before+inside]
		}
	}
	return encode(t.runes[from:to])
}

// quote returns repr() of a short text in an error.
func quote(s string) string {
	mark := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = `"`
	}
	s = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, mark, `\`+mark).Replace(s)
	return mark + s + mark
}
