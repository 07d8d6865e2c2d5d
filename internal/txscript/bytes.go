package txscript

import (
	hexcode "encoding/hex"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// toBytes is the class bytes.
func toBytes(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("bytes", 0, "source", "encoding", "errors"); err != nil {
		return value{}, err
	}
	source, given := c.Arg(0, "source")
	if !given {
		return pyvalue.Bytes(nil), nil
	}
	if source.IsText() {
		if _, ok := c.Arg(1, "encoding"); !ok {
			return value{}, pyvalue.Raise("TypeError", "string argument without an encoding")
		}
		rest := &pyvalue.Call{Meter: r.meter}
		for i, name := range []string{"encoding", "errors"} {
			if v, ok := c.Arg(i+1, name); ok {
				rest.Args = append(rest.Args, v)
			}
		}
		return pyvalue.CallMethod(r.meter, source, "encode", rest)
	}
	if len(c.Args)+len(c.Names) > 1 {
		return value{}, pyvalue.Raise("TypeError", "encoding without a string argument")
	}
	switch source.Kind() {
	case pyvalue.KindBytes:
		return source, nil
	case pyvalue.KindInt, pyvalue.KindBool:
		n, ok := source.Int64()
		if n < 0 {
			return value{}, pyvalue.Raise("ValueError", "negative count")
		}
		if !ok || n > 1<<40 {
			return value{}, pyvalue.Raise("OverflowError", "cannot fit 'int' into an index-sized integer")
		}
		if err := r.meter.Grow(n); err != nil {
			return value{}, err
		}
		return pyvalue.Bytes(make([]byte, n)), nil
	}
	if pyvalue.Iterable(source) != nil {
		return value{}, pyvalue.Raise("TypeError", "cannot convert '%s' object to bytes", pyvalue.TypeName(source))
	}
	var data []byte
	err := pyvalue.Each(source, func(v value) (bool, error) {
		n, ok := v.Int64()
		if v.Kind() != pyvalue.KindInt && v.Kind() != pyvalue.KindBool {
			return false, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
		}
		if !ok || n < 0 || n > 255 {
			return false, pyvalue.Raise("ValueError", "bytes must be in range(0, 256)")
		}
		data = append(data, byte(n))
		return true, r.meter.Grow(1)
	})
	return pyvalue.Bytes(data), err
}

func bytesFromHex(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("bytes.fromhex", 1); err != nil {
		return value{}, err
	}
	if !c.Args[0].IsText() {
		return value{}, pyvalue.Raise("TypeError", "fromhex() argument must be str, not %s", pyvalue.TypeName(c.Args[0]))
	}
	text := c.Args[0].Text()
	if err := r.meter.Grow(int64(len(text))); err != nil {
		return value{}, err
	}
	digits, wrong := make([]byte, 0, len(text)), -1
	for i := 0; i < len(text) && wrong < 0; i++ {
		if i%longtext.Piece == longtext.Piece-1 {
			if err := r.meter.Look(longtext.Piece); err != nil {
				return value{}, err
			}
		}
		switch c := text[i]; {
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			digits = append(digits, c)
		case c != ' ' && (c < '\t' || c > '\r'):
			wrong = i
		}
	}
	if wrong < 0 && len(digits)%2 != 0 {
		wrong = len(text)
	}
	if wrong >= 0 {
		return value{}, pyvalue.Raise("ValueError", "non-hexadecimal number found in fromhex() arg at position %d", wrong)
	}
	n, _ := hexcode.Decode(digits, digits) // there are only digits, an even number of them
	return pyvalue.Bytes(digits[:n]), nil
}
