package textenc

import (
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf8"
)

// utf7 decodes UTF-7 (RFC 2152).
func (d *decoder) utf7() {
	for d.more() {
		b := d.data[d.at]
		switch {
		case b >= 0x80:
			d.fault(1, "unexpected special character")
		case b != '+':
			d.out.WriteByte(b)
			d.at++
		case d.at+1 < len(d.data) && d.data[d.at+1] == '-':
			d.out.WriteByte('+')
			d.at += 2
		default:
			d.shifted()
		}
	}
}

// shifted decodes a part in base64.
func (d *decoder) shifted() {
	end, bits, have := d.at+1, uint32(0), 0
	var units []byte
	for ; end < len(d.data) && strings.IndexByte(base64Alphabet, d.data[end]) >= 0; end++ {
		bits = bits<<6 | uint32(strings.IndexByte(base64Alphabet, d.data[end]))
		if have += 6; have >= 16 {
			have -= 16
			units = binary.BigEndian.AppendUint16(units, uint16(bits>>have))
		}
	}
	switch {
	case end == d.at+1:
		d.fault(1, "ill-formed sequence")
		return
	case have >= 6:
		d.fault(end-d.at, "partial character in base64 sequence")
		return
	case bits&(1<<have-1) != 0:
		d.fault(end-d.at, "non-zero padding bits in base64 sequence")
		return
	}
	inner := &decoder{ctx: d.ctx, data: units, replace: func(f Fault) (string, error) { return string(utf8.RuneError), nil }}
	inner.utf16(binary.BigEndian, 0)
	d.out.WriteString(inner.out.String())
	if end < len(d.data) && d.data[end] == '-' {
		end++
	}
	d.at = end
}

// simpleEscapes are the characters behind a backslash that stand for another.
var simpleEscapes = map[byte]string{
	'\n': "", '\\': "\\", '\'': "'", '"': `"`, 'b': "\b", 'f': "\f", 't': "\t", 'n': "\n", 'r': "\r", 'v': "\v", 'a': "\a",
}

// escapes decodes the escapes of Python's literals; raw knows \u and \U only.
func (d *decoder) escapes(raw bool) {
	for d.more() {
		b := d.data[d.at]
		if b != '\\' || raw && !(d.at+1 < len(d.data) && strings.IndexByte("uU", d.data[d.at+1]) >= 0) {
			d.out.WriteRune(rune(b))
			if d.at++; raw && b == '\\' && d.at < len(d.data) {
				d.out.WriteRune(rune(d.data[d.at]))
				d.at++
			}
			continue
		}
		if d.at+1 == len(d.data) {
			d.fault(1, `\ at end of string`)
			return
		}
		d.escape(d.data[d.at+1])
	}
}

func (d *decoder) escape(kind byte) {
	if text, ok := simpleEscapes[kind]; ok {
		d.out.WriteString(text)
		d.at += 2
		return
	}
	begin, digits, base := d.at+2, map[byte]int{'x': 2, 'u': 4, 'U': 8}[kind], 16
	if digits == 0 && kind >= '0' && kind <= '7' {
		begin, digits, base = d.at+1, 3, 8
	}
	if digits == 0 {
		d.out.WriteByte('\\')
		d.at++
		return
	}
	end := begin
	for end < len(d.data) && end < begin+digits {
		if _, err := strconv.ParseUint(string(d.data[end]), base, 8); err != nil {
			break
		}
		end++
	}
	n, err := strconv.ParseUint(string(d.data[begin:end]), base, 32)
	switch {
	case base == 16 && (err != nil || end < begin+digits):
		d.fault(end-d.at, `truncated \`+string(kind)+map[byte]string{'x': "XX", 'u': "XXXX", 'U': "XXXXXXXX"}[kind]+" escape")
	case n > utf8.MaxRune:
		d.fault(end-d.at, "illegal Unicode character")
	default:
		d.out.WriteRune(rune(n))
		d.at = end
	}
}
