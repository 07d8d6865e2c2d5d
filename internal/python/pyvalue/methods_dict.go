package pyvalue

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

func dictGet(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "get", 1, 2); err != nil {
		return Value{}, err
	}
	item, ok, err := v.Dict().GetWithin(m, c.Args[0])
	if !ok && err == nil && len(c.Args) == 2 {
		return c.Args[1], nil
	}
	return item, err
}

func dictView(what string) method {
	return func(_ *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "dict."+what, 0, 0); err != nil {
			return Value{}, err
		}
		return FromObject(&view{v.Dict(), what}), nil
	}
}

func dictPop(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "pop", 1, 2); err != nil {
		return Value{}, err
	}
	item, ok, err := v.Dict().DeleteWithin(m, c.Args[0])
	switch {
	case ok || err != nil:
		return item, err
	case len(c.Args) == 2:
		return c.Args[1], nil
	}
	return GetItem(m, v, c.Args[0]) // which raises KeyError
}

func dictPopItem(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "dict.popitem", 0, 0); err != nil {
		return Value{}, err
	}
	key, item, ok, err := v.Dict().takeEnd(m, true)
	if !ok {
		return Value{}, Raise("KeyError", "'popitem(): dictionary is empty'")
	}
	return NewTuple(key, item), err
}

func dictSetDefault(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "setdefault", 1, 2); err != nil {
		return Value{}, err
	}
	item, ok, err := v.Dict().GetWithin(m, c.Args[0])
	if ok || err != nil {
		return item, err
	}
	if err := m.Grow(4 * valueSize); err != nil {
		return Value{}, err
	}
	if len(c.Args) == 2 {
		item = c.Args[1]
	}
	return item, v.Dict().SetWithin(m, c.Args[0], item)
}

func dictUpdate(m *Meter, v Value, c *Call) (Value, error) {
	if len(c.Args) > 1 {
		return Value{}, typeError("update expected at most 1 argument, got %d", len(c.Args))
	}
	if err := m.GrowParts(4*valueSize, int64(len(c.Names))); err != nil {
		return Value{}, err
	}
	if len(c.Args) == 1 {
		if err := UpdateDict(m, v.Dict(), c.Args[0]); err != nil {
			return Value{}, err
		}
	}
	for i, name := range c.Names {
		v.Dict().SetStr(name, c.Named[i])
	}
	return None(), nil
}

// UpdateDict sets the entries of a dict, or of an iterable of pairs.
func UpdateDict(m *Meter, d *Dict, from Value) error {
	if other := from.Dict(); other != nil {
		if err := m.GrowParts(4*valueSize, int64(other.Len())); err != nil {
			return err
		}
		for k, item := range other.All() {
			if err := d.SetWithin(m, k, item); err != nil {
				return err
			}
		}
		return nil
	}
	if keys, err := Attr(from, "keys"); err == nil && from.Kind() == KindObject {
		return updateByKeys(m, d, from, keys)
	}
	pairs, err := Collect(m, from)
	if err != nil {
		return err
	}
	for i, p := range pairs {
		pair, err := Collect(m, p)
		if err != nil {
			return typeError("cannot convert dictionary update sequence element #%d to a sequence", i)
		}
		if len(pair) != 2 {
			return valueError("dictionary update sequence element #%d has length %d; 2 is required", i, len(pair))
		}
		if err := d.SetWithin(m, pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// updateByKeys takes the items of an object that has keys().
func updateByKeys(m *Meter, d *Dict, from, method Value) error {
	keys, err := CallValue(method, &Call{Meter: m})
	if err != nil {
		return err
	}
	return Each(keys, func(key Value) (bool, error) {
		if err := m.GrowParts(4*valueSize, 1); err != nil {
			return false, err
		}
		item, err := GetItem(m, from, key)
		if err != nil {
			return false, err
		}
		return true, d.SetWithin(m, key, item)
	})
}

func dictClear(_ *Meter, v Value, c *Call) (Value, error) {
	v.Dict().Clear()
	return None(), positional(c, "dict.clear", 0, 0)
}

func dictCopy(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "dict.copy", 0, 0); err != nil {
		return Value{}, err
	}
	made, err := v.Dict().CopyWithin(m)
	if err != nil {
		return Value{}, err
	}
	return made.Value(), nil
}

func dictFromKeys(m *Meter, _ Value, c *Call) (Value, error) {
	if err := positional(c, "fromkeys", 1, 2); err != nil {
		return Value{}, err
	}
	keys, err := Collect(m, c.Args[0])
	if err != nil {
		return Value{}, err
	}
	d, item := NewDictSize(len(keys)), Value{}
	if len(c.Args) == 2 {
		item = c.Args[1]
	}
	for _, k := range keys {
		if err := d.SetWithin(m, k, item); err != nil {
			return Value{}, err
		}
	}
	return d.Value(), nil
}

var intMethods = map[string]method{
	"to_bytes": intToBytes,
	"bit_length": func(_ *Meter, v Value, c *Call) (Value, error) {
		return Int(int64(v.BigInt().BitLen())), positional(c, "int.bit_length", 0, 0)
	},
	"bit_count": func(_ *Meter, v Value, c *Call) (Value, error) {
		n := 0
		for _, word := range v.BigInt().Bits() {
			n += bits.OnesCount(uint(word))
		}
		return Int(int64(n)), positional(c, "int.bit_count", 0, 0)
	},
	"as_integer_ratio": func(_ *Meter, v Value, c *Call) (Value, error) {
		return NewTuple(BigInt(v.BigInt()), Int(1)), positional(c, "int.as_integer_ratio", 0, 0)
	},
	"conjugate": func(_ *Meter, v Value, c *Call) (Value, error) {
		return BigInt(v.BigInt()), positional(c, "int.conjugate", 0, 0)
	},
}

var floatMethods = map[string]method{
	"is_integer": func(_ *Meter, v Value, c *Call) (Value, error) {
		f, _ := v.float()
		return Bool(f == math.Trunc(f) && !math.IsInf(f, 0)), positional(c, "float.is_integer", 0, 0)
	},
	"as_integer_ratio": func(_ *Meter, v Value, c *Call) (Value, error) {
		f, _ := v.float()
		switch {
		case math.IsNaN(f):
			return Value{}, valueError("cannot convert NaN to integer ratio")
		case math.IsInf(f, 0):
			return Value{}, Raise("OverflowError", "cannot convert Infinity to integer ratio")
		}
		ratio := new(big.Rat).SetFloat64(f)
		return NewTuple(BigInt(ratio.Num()), BigInt(ratio.Denom())), positional(c, "float.as_integer_ratio", 0, 0)
	},
	"conjugate": func(_ *Meter, v Value, c *Call) (Value, error) {
		return v, positional(c, "float.conjugate", 0, 0)
	},
	"hex": func(_ *Meter, v Value, c *Call) (Value, error) {
		f, _ := v.float()
		return Str(floatHex(f)), positional(c, "float.hex", 0, 0)
	},
}

func floatHex(f float64) string {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return FloatRepr(f)
	case f == 0:
		return strings.TrimSuffix(FloatRepr(f), "0.0") + "0x0.0p+0"
	}
	text := strconv.FormatFloat(f, 'x', 13, 64)
	mantissa, exponent, _ := strings.Cut(text, "p")
	exp, _ := strconv.Atoi(exponent) // strconv wrote it
	if exp >= 0 {
		return mantissa + "p+" + strconv.Itoa(exp)
	}
	return mantissa + "p" + strconv.Itoa(exp)
}
