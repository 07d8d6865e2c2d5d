package pyvalue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"unsafe"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/exportpipeline/exportpipeline/internal/charset"
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
	text, err := replyText(m.Context(), data)
	if err != nil {
		return Value{}, err
	}
	return (&jsonReader{text: text, spelling: spelling, constants: true, meter: m}).whole()
}

// replyText returns the text of a reply, which shares its memory where it is UTF-8.
func replyText(ctx context.Context, data []byte) (string, error) {
	data, err := toUTF8(ctx, data)
	return unsafe.String(unsafe.SliceData(data), len(data)), err
}

// toUTF8 decodes what begins as one of the encodings of Unicode.
func toUTF8(ctx context.Context, data []byte) ([]byte, error) {
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
	text, err := charset.Decode(ctx, e, data)
	if ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("it is neither UTF-8 nor UTF-16: %w", err)
	}
	return text, nil
}

// constantAt returns the float that a text begins with which JSON has no number for, and
// how it is spelt; "" for none.
func constantAt(text string) (f float64, literal string) {
	for _, c := range []struct {
		literal string
		is      float64
	}{{"NaN", math.NaN()}, {"Infinity", math.Inf(1)}, {"-Infinity", math.Inf(-1)}} {
		if strings.HasPrefix(text, c.literal) {
			return c.is, c.literal
		}
	}
	return 0, ""
}
