package pyvalue

import (
	"bytes"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
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
		if err := m.GrowParts(4, int64(len(v.Data()))); err != nil {
			return Value{}, err
		}
		call := &Call{Names: c.Names, Meter: c.Meter}
		for _, list := range []struct {
			from []Value
			to   *[]Value
		}{{c.Args, &call.Args}, {c.Named, &call.Named}} {
			for _, a := range list.from {
				moved, err := bytesArg(m, a)
				if err != nil {
					return Value{}, err
				}
				*list.to = append(*list.to, moved)
			}
		}
		text, err := movedWithin(m, v.Data())
		if err != nil {
			return Value{}, err
		}
		made, err := strMethods()[name](m, Str(text), call)
		if err != nil {
			return Value{}, err
		}
		return back(m, made)
	}
}

// bytesTranslate replaces each byte by that of a table of 256, and drops those of delete.
func bytesTranslate(m *Meter, v Value, c *Call) (Value, error) {
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
	if err := m.Grow(int64(len(v.Data()))); err != nil {
		return Value{}, err
	}
	var gone [256]bool
	for _, b := range drop.Data() {
		gone[b] = true
	}
	out := make([]byte, 0, len(v.Data()))
	for i, b := range v.Data() {
		if i%longtext.Piece == longtext.Piece-1 {
			if err := m.Look(longtext.Piece); err != nil {
				return Value{}, err
			}
		}
		if gone[b] {
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

// bytesArg is an argument of a method of bytes, or a tuple of what startswith looks for.
func bytesArg(m *Meter, a Value) (Value, error) {
	if a.Kind() != KindTuple {
		return movedArg(m, a)
	}
	items, _ := a.Items()
	list, err := mapped(m, items, movedArg)
	return NewTuple(list...), err
}

// mapped returns what f makes of each of the items.
func mapped(m *Meter, items []Value, f func(*Meter, Value) (Value, error)) ([]Value, error) {
	if err := m.GrowParts(valueSize, int64(len(items))); err != nil {
		return nil, err
	}
	list := make([]Value, len(items))
	for i, item := range items {
		var err error
		if list[i], err = f(m, item); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// movedArg is one argument, whose bytes become characters.
func movedArg(m *Meter, a Value) (Value, error) {
	switch {
	case a.Kind() == KindBytes:
		text, err := movedWithin(m, a.Data())
		return Str(text), err
	case a.IsText():
		return Value{}, typeError("a bytes-like object is required, not 'str'")
	}
	return a, nil
}

// privateUse is where bytes beyond ASCII are moved to.
const privateUse = 0xE000

// movedWithin returns a text with a character for each byte.
func movedWithin(m *Meter, data []byte) (string, error) {
	size := int64(0)
	for _, b := range data {
		size++
		if b >= 0x80 {
			size += 2
		}
	}
	if err := m.Grow(size); err != nil {
		return "", err
	}
	var out strings.Builder
	out.Grow(int(size))
	for piece := range slices.Chunk(data, longtext.Piece) {
		for _, b := range piece {
			if b < 0x80 {
				out.WriteByte(b)
			} else {
				out.WriteRune(privateUse + rune(b))
			}
		}
		if err := m.Look(len(piece)); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// back makes bytes of the texts in what a method returned.
func back(m *Meter, v Value) (Value, error) {
	if v.IsText() {
		text := v.Text()
		if err := m.Grow(int64(len(text))); err != nil {
			return Value{}, err
		}
		out := make([]byte, 0, len(text))
		err := longtext.Runes(text, m.Look, func(r rune) bool {
			out = append(out, byte(r)) // of privateUse + b, b is left
			return true
		})
		return Bytes(out), err
	}
	items, ok := v.Items()
	if !ok {
		return v, nil
	}
	list, err := mapped(m, items, back)
	if v.Kind() == KindTuple {
		return NewTuple(list...), err
	}
	return NewList(list...), err
}

func bytesJoin(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "bytes.join", 1, 1); err != nil {
		return Value{}, err
	}
	items, err := Collect(m, c.Args[0])
	if err != nil {
		return Value{}, err
	}
	parts, size := make([][]byte, len(items)), int64(0)
	for i, item := range items {
		if item.Kind() != KindBytes {
			return Value{}, typeError("sequence item %d: expected a bytes-like object, %s found", i, TypeName(item))
		}
		parts[i] = item.Data()
		part := int64(len(parts[i]))
		if i > 0 {
			part += int64(len(v.Data()))
		}
		if err := m.Grow(part); err != nil {
			return Value{}, err
		}
		size += part
		if err := m.Fits(size); err != nil {
			return Value{}, err
		}
	}
	return Bytes(bytes.Join(parts, v.Data())), nil
}
