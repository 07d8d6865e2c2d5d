package pyvalue

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var listMethods, tupleMethods, dictMethods, setMethods map[string]method

func init() {
	listMethods = map[string]method{
		"append": listAppend, "extend": listExtend, "insert": listInsert, "pop": listPop, "remove": listRemove,
		"clear": listClear, "copy": listCopy, "reverse": listReverse, "sort": listSort, "count": sequenceCount, "index": sequenceIndex,
	}
	tupleMethods = map[string]method{"count": sequenceCount, "index": sequenceIndex}
	dictMethods = map[string]method{
		"get": dictGet, "keys": dictView("keys"), "values": dictView("values"), "items": dictView("items"), "pop": dictPop,
		"popitem": dictPopItem, "setdefault": dictSetDefault, "update": dictUpdate, "clear": dictClear, "copy": dictCopy, "fromkeys": dictFromKeys,
	}
	setMethods = map[string]method{
		"add": setAdd, "discard": setRemove("discard"), "remove": setRemove("remove"), "copy": setCopy,
		"union": setMethod("union", OpOr), "intersection": setMethod("intersection", OpAnd), "difference": setMethod("difference", OpSub),
		"symmetric_difference": setMethod("symmetric_difference", OpXor),
		"issubset":             setCompare("issubset", CmpLe), "issuperset": setCompare("issuperset", CmpGe),
	}
}

func listAppend(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "list.append", 1, 1); err != nil {
		return Value{}, err
	}
	if err := m.Grow(valueSize); err != nil {
		return Value{}, err
	}
	l := v.List()
	if err := m.checkSize(valueSize * len(l.Items)); err != nil {
		return Value{}, err
	}
	l.Items = append(l.Items, c.Args[0])
	return None(), nil
}

func listExtend(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "list.extend", 1, 1); err != nil {
		return Value{}, err
	}
	items, err := Collect(m, c.Args[0])
	if err != nil {
		return Value{}, err
	}
	l := v.List()
	if err := m.checkSize(valueSize * (len(l.Items) + len(items))); err != nil {
		return Value{}, err
	}
	l.Items = append(l.Items, items...)
	return None(), nil
}

func listInsert(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "insert", 2, 2); err != nil {
		return Value{}, err
	}
	i, err := argInt(c.Args[0])
	if err != nil {
		return Value{}, err
	}
	l := v.List()
	if err := m.Step(int64(len(l.Items))); err != nil {
		return Value{}, err
	}
	if i < 0 {
		i += len(l.Items)
	}
	l.Items = slices.Insert(l.Items, max(0, min(i, len(l.Items))), c.Args[1])
	return None(), nil
}

func listPop(_ *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "pop", 0, 1); err != nil {
		return Value{}, err
	}
	l, i := v.List(), -1
	if len(c.Args) == 1 {
		var err error
		if i, err = argInt(c.Args[0]); err != nil {
			return Value{}, err
		}
	}
	if len(l.Items) == 0 {
		return Value{}, Raise("IndexError", "pop from empty list")
	}
	if i < 0 {
		i += len(l.Items)
	}
	if i < 0 || i >= len(l.Items) {
		return Value{}, Raise("IndexError", "pop index out of range")
	}
	item := l.Items[i]
	l.Items = slices.Delete(l.Items, i, i+1)
	return item, nil
}

func listRemove(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "list.remove", 1, 1); err != nil {
		return Value{}, err
	}
	l := v.List()
	for i, item := range l.Items {
		if err := m.Step(1); err != nil {
			return Value{}, err
		}
		if Equal(item, c.Args[0]) {
			l.Items = slices.Delete(l.Items, i, i+1)
			return None(), nil
		}
	}
	return Value{}, valueError("list.remove(x): x not in list")
}

func listClear(_ *Meter, v Value, c *Call) (Value, error) {
	v.List().Items = nil
	return None(), positional(c, "list.clear", 0, 0)
}

func listCopy(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "list.copy", 0, 0); err != nil {
		return Value{}, err
	}
	items, err := Collect(m, v)
	return NewList(items...), err
}

func listReverse(_ *Meter, v Value, c *Call) (Value, error) {
	slices.Reverse(v.List().Items)
	return None(), positional(c, "list.reverse", 0, 0)
}

func listSort(m *Meter, v Value, c *Call) (Value, error) {
	if len(c.Args) > 0 {
		return Value{}, typeError("sort() takes no positional arguments")
	}
	if err := c.Check("sort", 0); err != nil && len(c.Names) == 0 {
		return Value{}, err
	}
	key, _ := c.Arg(-1, "key")
	reverse, _ := c.Arg(-1, "reverse")
	sorted, err := Sorted(m, v.List().Items, func(item Value) (Value, error) {
		if key.IsNone() {
			return item, nil
		}
		return CallValue(key, &Call{Args: []Value{item}, Meter: m})
	}, Truth(reverse))
	if err != nil {
		return Value{}, err
	}
	v.List().Items = sorted
	return None(), nil
}

// Sorted returns the items in order, as sorted() does: equal ones stay as they
// are, also in reverse. TypeError for items without an order.
func Sorted(m *Meter, items []Value, key func(Value) (Value, error), reverse bool) ([]Value, error) {
	type keyed struct{ key, item Value }
	if err := m.growTimes(2*valueSize, int64(len(items))); err != nil {
		return nil, err
	}
	list := make([]keyed, len(items))
	for i, item := range items {
		k := item
		if key != nil {
			var err error
			if k, err = key(item); err != nil {
				return nil, err
			}
		}
		list[i] = keyed{k, item}
	}
	if reverse {
		slices.Reverse(list)
	}
	var failed error
	slices.SortStableFunc(list, func(a, b keyed) int {
		if failed != nil {
			return 0
		}
		if failed = m.Step(1); failed != nil {
			return 0
		}
		less, err := Compare(CmpLt, b.key, a.key)
		if err != nil {
			failed = err
			return 0
		}
		if less {
			return 1
		}
		if less, err = Compare(CmpLt, a.key, b.key); err != nil {
			failed = err
		}
		if less {
			return -1
		}
		return 0
	})
	if failed != nil {
		return nil, failed
	}
	if reverse {
		slices.Reverse(list)
	}
	out := make([]Value, len(list))
	for i, k := range list {
		out[i] = k.item
	}
	return out, nil
}

func sequenceCount(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, TypeName(v)+".count", 1, 1); err != nil {
		return Value{}, err
	}
	items, _ := v.Items()
	if err := m.Step(int64(len(items))); err != nil {
		return Value{}, err
	}
	n := int64(0)
	for _, item := range items {
		if Equal(item, c.Args[0]) {
			n++
		}
	}
	return Int(n), nil
}

func sequenceIndex(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "index", 1, 3); err != nil {
		return Value{}, err
	}
	items, _ := v.Items()
	bounds := []Value{{}, {}}
	copy(bounds, c.Args[1:])
	from, to, _, err := sliceBounds(len(items), bounds[0], bounds[1], Value{})
	if err != nil {
		return Value{}, err
	}
	if err := m.Step(int64(len(items))); err != nil {
		return Value{}, err
	}
	for i := from; i < to; i++ {
		if Equal(items[i], c.Args[0]) {
			return Int(int64(i)), nil
		}
	}
	if v.Kind() == KindTuple {
		return Value{}, valueError("tuple.index(x): x not in tuple")
	}
	text, err := Repr(m, c.Args[0])
	if err != nil {
		return Value{}, err
	}
	return Value{}, valueError("%s is not in list", text)
}

func dictGet(_ *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "get", 1, 2); err != nil {
		return Value{}, err
	}
	item, ok, err := v.Dict().Get(c.Args[0])
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

func dictPop(_ *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "pop", 1, 2); err != nil {
		return Value{}, err
	}
	item, ok, err := v.Dict().Delete(c.Args[0])
	switch {
	case ok || err != nil:
		return item, err
	case len(c.Args) == 2:
		return c.Args[1], nil
	}
	return GetItem(v, c.Args[0]) // which raises KeyError
}

func dictPopItem(_ *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "dict.popitem", 0, 0); err != nil {
		return Value{}, err
	}
	keys := v.Dict().Keys()
	if len(keys) == 0 {
		return Value{}, Raise("KeyError", "'popitem(): dictionary is empty'")
	}
	last := keys[len(keys)-1]
	item, _, err := v.Dict().Delete(last)
	return NewTuple(last, item), err
}

func dictSetDefault(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "setdefault", 1, 2); err != nil {
		return Value{}, err
	}
	item, ok, err := v.Dict().Get(c.Args[0])
	if ok || err != nil {
		return item, err
	}
	if err := m.Grow(4 * valueSize); err != nil {
		return Value{}, err
	}
	if len(c.Args) == 2 {
		item = c.Args[1]
	}
	return item, v.Dict().Set(c.Args[0], item)
}

func dictUpdate(m *Meter, v Value, c *Call) (Value, error) {
	if len(c.Args) > 1 {
		return Value{}, typeError("update expected at most 1 argument, got %d", len(c.Args))
	}
	if err := m.growTimes(4*valueSize, int64(len(c.Names))); err != nil {
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
		if err := m.growTimes(4*valueSize, int64(other.Len())); err != nil {
			return err
		}
		for k, item := range other.All() {
			if err := d.Set(k, item); err != nil {
				return err
			}
		}
		return nil
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
		if err := d.Set(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

func dictClear(_ *Meter, v Value, c *Call) (Value, error) {
	v.Dict().Clear()
	return None(), positional(c, "dict.clear", 0, 0)
}

func dictCopy(m *Meter, v Value, c *Call) (Value, error) {
	if err := m.growTimes(4*valueSize, int64(v.Dict().Len())); err != nil {
		return Value{}, err
	}
	return v.Dict().Copy().Value(), positional(c, "dict.copy", 0, 0)
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
		if err := d.Set(k, item); err != nil {
			return Value{}, err
		}
	}
	return d.Value(), nil
}

func setAdd(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "set.add", 1, 1); err != nil {
		return Value{}, err
	}
	if err := m.Grow(4 * valueSize); err != nil {
		return Value{}, err
	}
	return None(), v.Set().d.Set(c.Args[0], Value{})
}

func setRemove(name string) method {
	return func(_ *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "set."+name, 1, 1); err != nil {
			return Value{}, err
		}
		_, ok, err := v.Set().d.Delete(c.Args[0])
		if err == nil && !ok && name == "remove" {
			text, _ := Repr(nil, c.Args[0]) // without a meter only its depth could fail
			err = &Error{"KeyError", text}
		}
		return None(), err
	}
}

func setCopy(m *Meter, v Value, _ *Call) (Value, error) {
	if err := m.growTimes(4*valueSize, int64(v.Set().d.Len())); err != nil {
		return Value{}, err
	}
	return NewSet(v.Set().Members()...)
}

func setMethod(name string, op Op) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "set."+name, 0, math.MaxInt32); err != nil {
			return Value{}, err
		}
		out := v
		for _, arg := range c.Args {
			items, err := Collect(m, arg)
			if err != nil {
				return Value{}, err
			}
			other, err := NewSet(items...)
			if err != nil {
				return Value{}, err
			}
			if out, _, err = setOp(m, op, out.Set(), other.Set()); err != nil {
				return Value{}, err
			}
		}
		return out, nil
	}
}

func setCompare(name string, op CmpOp) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "set."+name, 1, 1); err != nil {
			return Value{}, err
		}
		items, err := Collect(m, c.Args[0])
		if err != nil {
			return Value{}, err
		}
		other, err := NewSet(items...)
		if err != nil {
			return Value{}, err
		}
		return Bool(compareSets(op, v.Set(), other.Set())), nil
	}
}

var intMethods = map[string]method{
	"bit_length": func(_ *Meter, v Value, c *Call) (Value, error) {
		return Int(int64(v.BigInt().BitLen())), positional(c, "int.bit_length", 0, 0)
	},
	"bit_count": func(_ *Meter, v Value, c *Call) (Value, error) {
		return Int(int64(strings.Count(v.BigInt().Text(2), "1"))), positional(c, "int.bit_count", 0, 0)
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

var bytesMethods = map[string]method{
	"decode": func(m *Meter, v Value, c *Call) (Value, error) {
		if err := c.Check("decode", 0, "encoding", "errors"); err != nil {
			return Value{}, err
		}
		name := "utf-8"
		if arg, ok := c.Arg(0, "encoding"); ok {
			name = strings.ToLower(strings.ReplaceAll(arg.Text(), "_", "-"))
		}
		if err := m.growTimes(2, int64(len(v.Data()))); err != nil {
			return Value{}, err
		}
		switch name {
		case "utf-8", "utf8", "ascii":
			for i, b := range v.Data() {
				if name == "ascii" && b >= utf8.RuneSelf {
					return Value{}, Raise("UnicodeDecodeError", "'ascii' codec can't decode byte 0x%02x in position %d: ordinal not in range(128)", b, i)
				}
			}
			if !utf8.Valid(v.Data()) {
				return Value{}, Raise("UnicodeDecodeError", "'utf-8' codec can't decode the bytes: invalid data")
			}
			return Str(string(v.Data())), nil
		case "latin-1", "latin1", "iso-8859-1":
			all := make([]rune, len(v.Data()))
			for i, b := range v.Data() {
				all[i] = rune(b)
			}
			return Str(string(all)), nil
		}
		return Value{}, Raise("LookupError", "unknown encoding: %s", name)
	},
	"hex": func(m *Meter, v Value, c *Call) (Value, error) {
		if err := m.growTimes(2, int64(len(v.Data()))); err != nil {
			return Value{}, err
		}
		out := make([]byte, 0, 2*len(v.Data()))
		for _, b := range v.Data() {
			out = append(out, hexDigits[b>>4], hexDigits[b&15])
		}
		return Str(string(out)), positional(c, "bytes.hex", 0, 0)
	},
}
