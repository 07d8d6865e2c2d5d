package textenc

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encoder encodes one text, a unit at a time.
type encoder interface {
	// next encodes the unit that text begins with: a character, or more. It returns
	// how many bytes of the text these are; 0 if it has no such character.
	next(dst []byte, text string) ([]byte, int, error)
	// end adds what stands at the end of every text.
	end(dst []byte) []byte
}

// each encodes character by character, without a state.
type each func(dst []byte, r rune) ([]byte, bool)

func (f each) next(dst []byte, text string) ([]byte, int, error) {
	r, n := utf8.DecodeRuneInString(text)
	dst, ok := f(dst, r)
	if !ok {
		n = 0
	}
	return dst, n, nil
}

func (f each) end(dst []byte) []byte { return dst }

// whole encodes the text at once.
type whole func(text string) ([]byte, error)

func (f whole) next(dst []byte, text string) ([]byte, int, error) {
	out, err := f(text)
	return append(dst, out...), len(text), err
}

func (f whole) end(dst []byte) []byte { return dst }

func upTo(most rune) each {
	return func(dst []byte, r rune) ([]byte, bool) {
		if r > most {
			return dst, false
		}
		return append(dst, byte(r)), true
	}
}

func utf16In(order binary.AppendByteOrder) each {
	return func(dst []byte, r rune) ([]byte, bool) {
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			return order.AppendUint16(order.AppendUint16(dst, uint16(high)), uint16(low)), true
		}
		return order.AppendUint16(dst, uint16(r)), true
	}
}

func utf32In(order binary.AppendByteOrder) each {
	return func(dst []byte, r rune) ([]byte, bool) { return order.AppendUint32(dst, uint32(r)), true }
}

func appendUTF8(dst []byte, r rune) ([]byte, bool) { return utf8.AppendRune(dst, r), true }

// unicodeEscape writes escapes as Python's literals have them.
func unicodeEscape(dst []byte, r rune) ([]byte, bool) {
	if at := strings.IndexRune("\\\t\n\r", r); at >= 0 {
		return append(dst, '\\', `\tnr`[at]), true
	}
	switch {
	case r >= ' ' && r < 0x7f:
		return append(dst, byte(r)), true
	case r <= 0xff:
		return fmt.Appendf(dst, `\x%02x`, r), true
	}
	return longEscape(dst, r), true
}

func rawUnicodeEscape(dst []byte, r rune) ([]byte, bool) {
	if r <= 0xff {
		return append(dst, byte(r)), true
	}
	return longEscape(dst, r), true
}

func longEscape(dst []byte, r rune) []byte {
	if r > 0xffff {
		return fmt.Appendf(dst, `\U%08x`, r)
	}
	return fmt.Appendf(dst, `\u%04x`, r)
}

// directUTF7 are the characters that UTF-7 writes as they are (RFC 2152, sets D and
// O, and white space).
const directUTF7 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'(),-./:?!\"#$%&*;<=>@[]^_`{|} \t\n\r"

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func encodeUTF7(text string) ([]byte, error) {
	var out, shifted []byte
	leave := func(next rune) {
		if shifted == nil {
			return
		}
		out = append(append(out, '+'), base64.RawStdEncoding.EncodeToString(shifted)...)
		if next < 0 || next == '-' || strings.ContainsRune(base64Alphabet, next) {
			out = append(out, '-')
		}
		shifted = nil
	}
	for _, r := range text {
		switch {
		case strings.ContainsRune(directUTF7, r):
			leave(r)
			out = append(out, byte(r))
		case r == '+' && shifted == nil:
			out = append(out, "+-"...)
		default:
			shifted, _ = utf16In(binary.BigEndian)(shifted, r)
		}
	}
	leave(-1)
	return out, nil
}
