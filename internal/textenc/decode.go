package textenc

import (
	"context"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Fault is a place in data that an encoding cannot decode, as Python's codecs have
// it: n bytes from at, and why.
type Fault struct {
	At, N  int
	Reason string
}

// Decode returns the text of data. The text that is put in the place of what cannot
// be decoded is what replace returns; it may end the decoding by an error.
func (e *Encoding) Decode(data []byte, replace func(Fault) (string, error)) (string, error) {
	return e.DecodeWithin(context.Background(), data, replace)
}

// DecodeWithin is [Encoding.Decode] that ends with the error of its context.
func (e *Encoding) DecodeWithin(ctx context.Context, data []byte, replace func(Fault) (string, error)) (string, error) {
	d := &decoder{ctx: ctx, data: data, replace: replace}
	switch {
	case e.table != nil:
		e.table.decode(d)
	case e.codec == "ascii":
		d.each(func(b byte) (rune, bool) { return rune(b), b < 0x80 }, "ordinal not in range(128)")
	case e.codec == "latin_1":
		d.each(func(b byte) (rune, bool) { return rune(b), true }, "")
	case strings.HasPrefix(e.codec, "utf_8"):
		if e.begin != "" && strings.HasPrefix(string(data), e.begin) {
			d.at = len(e.begin)
		}
		d.utf8()
	case strings.HasPrefix(e.codec, "utf_16"):
		d.utf16(e.order(data, 2))
	case strings.HasPrefix(e.codec, "utf_32"):
		d.utf32(e.order(data, 4))
	case e.codec == "utf_7":
		d.utf7()
	case e.codec == "punycode":
		text, fault := decodePunycode(string(data))
		if d.out.WriteString(text); fault >= 0 {
			d.at = min(fault, len(data)-1)
			d.fault(1, "not punycode")
		}
	case e.codec == "idna":
		text, err := decodeIDNA(string(data))
		d.out.WriteString(text)
		d.err = err
	default:
		d.escapes(e.codec == "raw_unicode_escape")
	}
	return d.out.String(), d.err
}

// order finds the byte order, and how many bytes tell it.
func (e *Encoding) order(data []byte, size int) (binary.ByteOrder, int) {
	switch {
	case strings.HasSuffix(e.codec, "be"):
		return binary.BigEndian, 0
	case strings.HasSuffix(e.codec, "le"):
		return binary.LittleEndian, 0
	}
	little, big := "\xff\xfe", "\xfe\xff"
	if size == 4 {
		little, big = "\xff\xfe\x00\x00", "\x00\x00\xfe\xff"
	}
	switch {
	case strings.HasPrefix(string(data), little):
		return binary.LittleEndian, size
	case strings.HasPrefix(string(data), big):
		return binary.BigEndian, size
	}
	return binary.LittleEndian, 0
}

type decoder struct {
	ctx     context.Context
	data    []byte
	at      int
	look    int // where the context is looked at next
	out     strings.Builder
	replace func(Fault) (string, error)
	err     error
}

// more reports whether there is something left to decode.
func (d *decoder) more() bool {
	const checkEvery = 64 << 10
	if d.at >= d.look && d.err == nil {
		d.look = d.at + checkEvery
		d.err = context.Cause(d.ctx)
	}
	return d.at < len(d.data) && d.err == nil
}

// fault passes over n bytes that cannot be decoded.
func (d *decoder) fault(n int, reason string) {
	text, err := d.replace(Fault{d.at, n, reason})
	d.out.WriteString(text)
	d.at, d.err = d.at+n, err
}

func (d *decoder) each(decode func(byte) (rune, bool), reason string) {
	for d.more() {
		if r, ok := decode(d.data[d.at]); ok {
			d.out.WriteRune(r)
			d.at++
		} else {
			d.fault(1, reason)
		}
	}
}

func (d *decoder) utf8() {
	for d.more() {
		rest := d.data[d.at:]
		r, n := utf8.DecodeRune(rest)
		if r != utf8.RuneError || n > 1 {
			d.out.WriteRune(r)
			d.at += n
			continue
		}
		d.fault(utf8Fault(rest))
	}
}

// utf8Fault says how many bytes are at fault, as the Unicode standard recommends.
func utf8Fault(rest []byte) (int, string) {
	first := rest[0]
	need, low, high := 0, byte(0x80), byte(0xbf)
	switch {
	case first >= 0xc2 && first <= 0xdf:
		need = 1
	case first >= 0xe0 && first <= 0xef:
		need = 2
		if first == 0xe0 {
			low = 0xa0
		} else if first == 0xed {
			high = 0x9f
		}
	case first >= 0xf0 && first <= 0xf4:
		need = 3
		if first == 0xf0 {
			low = 0x90
		} else if first == 0xf4 {
			high = 0x8f
		}
	default:
		return 1, "invalid start byte"
	}
	for i := 1; i <= need; i++ {
		if i == len(rest) {
			return i, "unexpected end of data"
		}
		if rest[i] < low || rest[i] > high {
			return i, "invalid continuation byte"
		}
		low, high = 0x80, 0xbf
	}
	return 1, "invalid start byte"
}

func (d *decoder) utf16(order binary.ByteOrder, skip int) {
	for d.at = skip; d.more(); {
		rest := d.data[d.at:]
		if len(rest) < 2 {
			d.fault(1, "truncated data")
			continue
		}
		r := rune(order.Uint16(rest))
		switch {
		case !utf16.IsSurrogate(r):
			d.out.WriteRune(r)
			d.at += 2
		case r >= 0xdc00:
			d.fault(2, "illegal encoding")
		case len(rest) < 4:
			d.fault(len(rest), "unexpected end of data")
		default:
			if whole := utf16.DecodeRune(r, rune(order.Uint16(rest[2:]))); whole != utf8.RuneError {
				d.out.WriteRune(whole)
				d.at += 4
			} else {
				d.fault(2, "illegal UTF-16 surrogate")
			}
		}
	}
}

func (d *decoder) utf32(order binary.ByteOrder, skip int) {
	for d.at = skip; d.more(); {
		rest := d.data[d.at:]
		if len(rest) < 4 {
			d.fault(len(rest), "truncated data")
			continue
		}
		switch r := order.Uint32(rest); {
		case r > utf8.MaxRune:
			d.fault(4, "code point not in range(0x110000)")
		case utf16.IsSurrogate(rune(r)):
			d.fault(4, "code point in surrogate code point range(0xd800, 0xe000)")
		default:
			d.out.WriteRune(rune(r))
			d.at += 4
		}
	}
}
