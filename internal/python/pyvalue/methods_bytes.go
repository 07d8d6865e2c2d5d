package pyvalue

import (
	"bytes"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
)

var bytesMethodTable onuse.Value[map[string]method]

// bytesMethods are the methods of bytes: decode, hex, and those that texts have, too,
// where they work on ASCII alone.
func bytesMethods() map[string]method { return bytesMethodTable.Get(makeBytesMethods) }

func makeBytesMethods() map[string]method {
	methods := map[string]method{
		"decode": bytesDecode,
		"hex":    bytesHex,
		"join":   bytesJoin,

		"translate": bytesTranslate, "maketrans": bytesMaketrans,
	}
	for _, name := range []string{
		"split", "rsplit", "strip", "lstrip", "rstrip", "replace", "startswith", "endswith", "find", "rfind", "index", "rindex", "count", "upper", "lower", "title",
		"capitalize", "swapcase", "partition", "rpartition", "splitlines", "removeprefix", "removesuffix", "center", "ljust", "rjust", "zfill", "isdigit", "isalpha",
		"isalnum", "isspace", "isupper", "islower", "istitle", "isascii", "expandtabs",
	} {
		methods[name] = asText(name)
	}
	return methods
}

// asText is a method of texts for bytes, each of which is a character meanwhile. The
// characters beyond ASCII are moved to where Unicode has nothing that methods know.
func asText(name string) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := m.growTimes(4, int64(len(v.Data()))); err != nil {
			return Value{}, err
		}
		call := &Call{Names: c.Names, Meter: c.Meter}
		for _, list := range []struct {
			from []Value
			to   *[]Value
		}{{c.Args, &call.Args}, {c.Named, &call.Named}} {
			for _, a := range list.from {
				moved, err := bytesArg(a)
				if err != nil {
					return Value{}, err
				}
				*list.to = append(*list.to, moved)
			}
		}
		made, err := strMethods()[name](m, Str(moved(v.Data())), call)
		if err != nil {
			return Value{}, err
		}
		return back(made), nil
	}
}

// bytesTranslate replaces each byte by that of a table of 256, and drops those of delete.
func bytesTranslate(_ *Meter, v Value, c *Call) (Value, error) {
	if err := c.Check("translate", 1, "table", "delete"); err != nil {
		return Value{}, err
	}
	table, _ := c.Arg(0, "table")
	drop, hasDrop := c.Arg(1, "delete")
	for _, a := range []Value{table, drop} {
		if a.Kind() != KindBytes && !a.IsNone() {
			return Value{}, typeError("a bytes-like object is required, not '%s'", TypeName(a))
		}
	}
	if hasDrop && drop.IsNone() {
		return Value{}, typeError("a bytes-like object is required, not 'NoneType'")
	}
	if !table.IsNone() && len(table.Data()) != 256 {
		return Value{}, valueError("translation table must be 256 characters long")
	}
	out := make([]byte, 0, len(v.Data()))
	for _, b := range v.Data() {
		if bytes.IndexByte(drop.Data(), b) >= 0 {
			continue
		}
		if !table.IsNone() {
			b = table.Data()[b]
		}
		out = append(out, b)
	}
	return Bytes(out), nil
}

// bytesMaketrans makes the table that translate takes.
func bytesMaketrans(_ *Meter, _ Value, c *Call) (Value, error) {
	if err := positional(c, "maketrans", 2, 2); err != nil {
		return Value{}, err
	}
	for _, a := range c.Args {
		if a.Kind() != KindBytes {
			return Value{}, typeError("a bytes-like object is required, not '%s'", TypeName(a))
		}
	}
	from, to := c.Args[0].Data(), c.Args[1].Data()
	if len(from) != len(to) {
		return Value{}, valueError("maketrans arguments must have same length")
	}
	table := make([]byte, 256)
	for i := range table {
		table[i] = byte(i)
	}
	for i, b := range from {
		table[b] = to[i]
	}
	return Bytes(table), nil
}

func bytesArg(a Value) (Value, error) {
	switch {
	case a.Kind() == KindBytes:
		return Str(moved(a.Data())), nil
	case a.IsText():
		return Value{}, typeError("a bytes-like object is required, not 'str'")
	case a.Kind() == KindTuple:
		items, _ := a.Items()
		list := make([]Value, len(items))
		for i, item := range items {
			var err error
			if list[i], err = bytesArg(item); err != nil {
				return Value{}, err
			}
		}
		return NewTuple(list...), nil
	}
	return a, nil
}

// privateUse is where bytes beyond ASCII are moved to.
const privateUse = 0xE000

func moved(data []byte) string {
	var out strings.Builder
	for _, b := range data {
		if b < 0x80 {
			out.WriteByte(b)
		} else {
			out.WriteRune(privateUse + rune(b))
		}
	}
	return out.String()
}

// back makes bytes of the texts in what a method returned.
func back(v Value) Value {
	if v.IsText() {
		var out []byte
		for _, r := range v.Text() {
			out = append(out, byte(r)) // of privateUse + b, b is left
		}
		return Bytes(out)
	}
	items, ok := v.Items()
	if !ok {
		return v
	}
	list := make([]Value, len(items))
	for i, item := range items {
		list[i] = back(item)
	}
	if v.Kind() == KindTuple {
		return NewTuple(list...)
	}
	return NewList(list...)
}

func bytesJoin(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "bytes.join", 1, 1); err != nil {
		return Value{}, err
	}
	items, err := Collect(m, c.Args[0])
	if err != nil {
		return Value{}, err
	}
	parts := make([][]byte, len(items))
	for i, item := range items {
		if item.Kind() != KindBytes {
			return Value{}, typeError("sequence item %d: expected a bytes-like object, %s found", i, TypeName(item))
		}
		parts[i] = item.Data()
		if err := m.Grow(int64(len(parts[i]) + len(v.Data()))); err != nil {
			return Value{}, err
		}
	}
	return Bytes(bytes.Join(parts, v.Data())), nil
}
