package txscript

import (
	hexcode "encoding/hex"
	"strings"

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
	text := strings.Join(strings.Fields(c.Args[0].Text()), "")
	data, err := hexcode.DecodeString(text)
	if err != nil {
		at := strings.IndexFunc(c.Args[0].Text(), func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF \t\n\r\f\v", r) })
		if at < 0 {
			at = len(c.Args[0].Text())
		}
		return value{}, pyvalue.Raise("ValueError", "non-hexadecimal number found in fromhex() arg at position %d", at)
	}
	return pyvalue.Bytes(data), r.meter.Grow(int64(len(data)))
}
