package pyvalue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

// FromReply reads JSON that another program has sent: as [FromJSON], and with what
// such programs put there besides. A byte order mark is passed over, UTF-16 and
// UTF-32 are found by their first bytes, as Python's requests does, and NaN,
// Infinity and -Infinity are floats, as they are for Python's json. The texts of the
// tree are parts of data, which must not be changed any more. Reading ends with the context,
// and with a [*treelimit.Error] where the tree would be too large.
func FromReply(ctx context.Context, data []byte, spelling bool) (Value, error) {
	limit := treelimit.Of(ctx)
	v, err := fromReply(NewMeter(ctx, Limits{TotalBytes: limit}), data, spelling)
	if errors.Is(err, ErrLimit) {
		err = &treelimit.Error{Limit: limit}
	}
	return v, err
}

func fromReply(m *Meter, data []byte, spelling bool) (Value, error) {
	return readReply(data, func(text string) (Value, error) { return readJSONText(m, text, spelling) },
		func(err error) bool { return errors.Is(err, ErrLimit) || m.Context().Err() != nil })
}

// readReply reads a reply, once more with its constants spelt out where it cannot be read
// as it is. An error that is final is not about the text.
func readReply(data []byte, read func(text string) (Value, error), final func(error) bool) (Value, error) {
	data, err := toUTF8(data)
	if err != nil {
		return Value{}, err
	}
	v, err := read(unsafe.String(unsafe.SliceData(data), len(data)))
	if err == nil || final(err) {
		return v, err
	}
	if with, found := spellConstants(data); found {
		if v, again := read(string(with)); again == nil {
			return v, nil
		}
	}
	return Value{}, err
}

// toUTF8 decodes what begins as one of the encodings of Unicode.
func toUTF8(data []byte) ([]byte, error) {
	var e encoding.Encoding
	switch zero := func(i int) bool { return i < len(data) && data[i] == 0 }; {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return data[3:], nil
	case bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")):
		e = utf32.UTF32(utf32.BigEndian, utf32.ExpectBOM)
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		e = unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM)
	case len(data) < 2:
		return data, nil
	case zero(0) && zero(1) && zero(2) && !zero(3):
		e = utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	case !zero(0) && zero(1) && zero(2) && zero(3):
		e = utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case zero(0) && !zero(1):
		e = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case !zero(0) && zero(1):
		e = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	default:
		return data, nil
	}
	text, err := e.NewDecoder().Bytes(data)
	if err != nil {
		return nil, fmt.Errorf("it is neither UTF-8 nor UTF-16: %w", err)
	}
	return text, nil
}

// Numbers that stand for what JSON has no number for, until it is parsed. They have
// more digits in their exponents than any number that a program writes.
const (
	spelledInfinity = "1e9223372036854775801"
	spelledNaN      = "1e9223372036854775802"
)

// spellConstants replaces NaN and Infinity, where they stand for themselves.
func spellConstants(data []byte) ([]byte, bool) {
	var out []byte
	found, inString := false, false
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case inString && c == '\\' && i+1 < len(data):
			out = append(out, c, data[i+1])
			i++
			continue
		case c == '"':
			inString = !inString
		case inString:
		case bytes.HasPrefix(data[i:], []byte("NaN")):
			out, found = append(out, spelledNaN...), true
			i += len("NaN") - 1
			continue
		case bytes.HasPrefix(data[i:], []byte("Infinity")): // after a minus, too
			out, found = append(out, spelledInfinity...), true
			i += len("Infinity") - 1
			continue
		}
		out = append(out, c)
	}
	return out, found
}

// constant returns what a spelled constant stands for.
func constant(number string) (float64, bool) {
	switch number {
	case spelledInfinity:
		return math.Inf(1), true
	case "-" + spelledInfinity:
		return math.Inf(-1), true
	case spelledNaN:
		return math.NaN(), true
	}
	return 0, false
}
