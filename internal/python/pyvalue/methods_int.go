package pyvalue

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// intToBytes is int.to_bytes.
func intToBytes(m *Meter, v Value, c *Call) (Value, error) {
	length, big, signed, err := bytesArgs(c, "to_bytes", "length")
	if err != nil {
		return Value{}, err
	}
	if err := m.Grow(int64(length)); err != nil {
		return Value{}, err
	}
	i := v.BigInt()
	if i.Sign() < 0 && !signed {
		return Value{}, Raise("OverflowError", "can't convert negative int to unsigned")
	}
	size := i.BitLen()
	if signed {
		size = new(bigInt).Not(i).BitLen() + 1
		if i.Sign() >= 0 {
			size = i.BitLen() + 1
		}
	}
	if size > 8*length {
		return Value{}, Raise("OverflowError", "int too big to convert")
	}
	if i.Sign() < 0 {
		i = new(bigInt).Add(i, new(bigInt).Lsh(bigOne, uint(8*length)))
	}
	out := i.FillBytes(make([]byte, length))
	if !big {
		slices.Reverse(out)
	}
	return Bytes(out), nil
}

// IntFromBytes is int.from_bytes.
func IntFromBytes(m *Meter, c *Call) (Value, error) {
	source, ok := c.Arg(0, "bytes")
	if !ok {
		return Value{}, typeError("from_bytes() missing required argument 'bytes' (pos 1)")
	}
	rest := &Call{Args: c.Args[min(1, len(c.Args)):], Names: c.Names, Named: c.Named}
	_, big, signed, err := bytesArgs(&Call{Args: append([]Value{Int(1)}, rest.Args...), Names: rest.Names, Named: rest.Named}, "from_bytes", "bytes")
	if err != nil {
		return Value{}, err
	}
	data := slices.Clone(source.Data())
	if source.Kind() != KindBytes {
		if source.IsText() {
			return Value{}, typeError("cannot convert 'str' object to bytes")
		}
		items, err := Collect(m, source)
		if err != nil {
			return Value{}, typeError("cannot convert '%s' object to bytes", TypeName(source))
		}
		for _, item := range items {
			n, ok := item.Int64()
			if !ok || n < 0 || n > 255 {
				return Value{}, valueError("bytes must be in range(0, 256)")
			}
			data = append(data, byte(n))
		}
	}
	if err := m.Grow(int64(len(data))); err != nil {
		return Value{}, err
	}
	if !big {
		slices.Reverse(data)
	}
	i := new(bigInt).SetBytes(data)
	if signed && len(data) > 0 && data[0] >= 0x80 {
		i.Sub(i, new(bigInt).Lsh(bigOne, uint(8*len(data))))
	}
	return BigInt(i), nil
}

type bigInt = big.Int

var bigOne = big.NewInt(1)

// bytesArgs reads the arguments that to_bytes and from_bytes have in common.
func bytesArgs(c *Call, function, first string) (length int, big, signed bool, err error) {
	if len(c.Args) > 2 {
		return 0, false, false, typeError("%s() takes at most 2 positional arguments (%d given)", function, len(c.Args))
	}
	if err := c.Check(function, 0, first, "byteorder", "signed"); err != nil {
		return 0, false, false, err
	}
	length = 1
	if v, ok := c.Arg(0, "length"); ok {
		if length, err = argInt(v); err != nil {
			return 0, false, false, err
		}
		if length < 0 {
			return 0, false, false, valueError("length argument must be non-negative")
		}
	}
	order := "big"
	if v, ok := c.Arg(1, "byteorder"); ok {
		if !v.IsText() {
			return 0, false, false, typeError("%s() argument 'byteorder' must be str, not %s", function, TypeName(v))
		}
		order = v.Text()
	}
	if order != "big" && order != "little" {
		return 0, false, false, valueError("byteorder must be either 'little' or 'big'")
	}
	if v, ok := c.Arg(-1, "signed"); ok {
		signed = Truth(v)
	}
	return length, order == "big", signed, nil
}

// FloatFromHex is float.fromhex.
func FloatFromHex(text string) (Value, error) {
	t := strings.ToLower(strings.TrimFunc(text, ucd.IsSpace))
	digits := strings.TrimLeft(t, "+-")
	if len(t)-len(digits) > 1 {
		return Value{}, valueError("invalid hexadecimal floating-point string")
	}
	switch digits {
	case "inf", "infinity", "nan":
		return ParseFloat(nil, t)
	}
	sign := t[:len(t)-len(digits)]
	digits = strings.TrimPrefix(digits, "0x")
	if !strings.Contains(digits, "p") {
		digits += "p0"
	}
	f, err := strconv.ParseFloat(sign+"0x"+digits, 64)
	switch {
	case err == nil:
		return Float(f), nil
	case math.IsInf(f, 0):
		return Value{}, Raise("OverflowError", "hexadecimal value too large to represent as a float")
	}
	return Value{}, valueError("invalid hexadecimal floating-point string")
}

// bytesHex is bytes.hex, with a separator after every so many bytes from the right.
func bytesHex(m *Meter, v Value, c *Call) (Value, error) {
	if err := c.Check("hex", 0, "sep", "bytes_per_sep"); err != nil {
		return Value{}, err
	}
	data, sep, group := v.Data(), "", 1
	if s, ok := c.Arg(0, "sep"); ok {
		if sep = s.Text(); s.Kind() == KindBytes {
			sep = string(s.Data())
		}
		if len(sep) != 1 {
			return Value{}, valueError("sep must be length 1.")
		}
	}
	if n, ok := c.Arg(1, "bytes_per_sep"); ok {
		var err error
		if group, err = argInt(n); err != nil {
			return Value{}, err
		}
	}
	if err := m.GrowParts(3, int64(len(data))); err != nil {
		return Value{}, err
	}
	out := make([]byte, 0, 3*len(data))
	for i, b := range data {
		at := i // bytes before this one
		if group > 0 {
			at = len(data) - i
		}
		if i > 0 && group != 0 && at%max(group, -group) == 0 {
			out = append(out, sep...)
		}
		out = append(out, hexDigits[b>>4], hexDigits[b&15])
	}
	return Str(string(out)), nil
}

// bytesPercent is bytes % arguments: the text of the format is ASCII, or stays as it is.
func bytesPercent(m *Meter, format, args Value) (Value, error) {
	items, isTuple := []Value{args}, false
	if args.Kind() == KindTuple {
		items, _ = args.Items()
		isTuple = true
	}
	moving := make([]Value, len(items))
	for i, item := range items {
		var err error
		if moving[i], err = percentBytesArg(m, item); err != nil {
			return Value{}, err
		}
	}
	given := NewTuple(moving...)
	if !isTuple && args.Kind() == KindDict {
		d := NewDict()
		for k, item := range args.Dict().All() {
			moved, err := percentBytesArg(m, item)
			if err != nil {
				return Value{}, err
			}
			key, err := bytesArg(m, k)
			if err != nil {
				key = k
			}
			if err := d.SetWithin(m, key, moved); err != nil {
				return Value{}, err
			}
		}
		given = d.Value()
	}
	text, err := movedWithin(m, format.Data())
	if err != nil {
		return Value{}, err
	}
	made, err := PercentFormat(m, Str(strings.ReplaceAll(text, "%b", "%s")), given)
	if err != nil {
		return Value{}, err
	}
	return back(m, made)
}

func percentBytesArg(m *Meter, v Value) (Value, error) {
	switch {
	case v.Kind() == KindBytes:
		text, err := movedWithin(m, v.Data())
		return Str(text), err
	case v.IsText():
		return Value{}, typeError("%%b requires a bytes-like object, or an object that implements __bytes__, not 'str'")
	}
	return v, nil
}
