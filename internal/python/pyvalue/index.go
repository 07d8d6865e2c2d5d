package pyvalue

import (
	"bytes"
	"errors"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
)

// All yields the elements that iterating over v gives. The error is TypeError
// for a value that cannot be iterated.
func All(v Value) (iter.Seq[Value], error) {
	if d := v.Derived(); d != nil {
		if over, ok, err := d.special("__iter__"); err != nil {
			return nil, err
		} else if ok {
			return All(over)
		}
		v = d.Base
	}
	switch x := v.any.(type) {
	case *List:
		return func(yield func(Value) bool) {
			for i := 0; i < len(x.Items); i++ { // the list may grow meanwhile
				if !yield(x.Items[i]) {
					return
				}
			}
		}, nil
	case *tuple:
		return func(yield func(Value) bool) {
			for _, item := range x.items {
				if !yield(item) {
					return
				}
			}
		}, nil
	case *Dict:
		return func(yield func(Value) bool) {
			for k := range x.All() {
				if !yield(k) {
					return
				}
			}
		}, nil
	case *Set:
		return All(NewList(x.Members()...))
	case strPtr, markupPtr:
		return runes(v), nil
	case *bytesBox:
		return func(yield func(Value) bool) {
			for _, c := range x.data {
				if !yield(Int(int64(c))) {
					return
				}
			}
		}, nil
	case *undefined:
		return func(func(Value) bool) {}, nil
	case interface{ PyIter() iter.Seq[Value] }:
		return x.PyIter(), nil
	}
	return nil, typeError("'%s' object is not iterable", TypeName(v))
}

// runes yields the characters of a text, as plain str also for Markup, whose
// class leaves iterating to str.
func runes(v Value) iter.Seq[Value] {
	text := v.Text()
	return func(yield func(Value) bool) {
		for i := 0; i < len(text); {
			_, n := utf8.DecodeRuneInString(text[i:])
			if !yield(Str(text[i : i+n])) {
				return
			}
			i += n
		}
	}
}

// Collect returns what list(v) holds.
func Collect(m *Meter, v Value) ([]Value, error) {
	if items, ok := v.Items(); ok && v.Derived() == nil {
		if err := m.GrowParts(valueSize, int64(len(items))); err != nil {
			return nil, err
		}
		return append([]Value(nil), items...), nil
	}
	sized, isSized := v.any.(interface{ PyLen() int })
	if isSized {
		if err := m.GrowParts(valueSize, int64(sized.PyLen())); err != nil {
			return nil, err
		}
	}
	var items []Value
	err := Each(v, func(item Value) (bool, error) {
		if len(items) == cap(items) {
			if err := m.checkSize(valueSize * len(items)); err != nil {
				return false, err
			}
		}
		items = append(items, item)
		if isSized {
			return true, m.Step(1)
		}
		return true, m.Grow(valueSize)
	})
	return items, err
}

// Contains returns item in container.
func Contains(m *Meter, container, item Value) (bool, error) {
	if d := container.Derived(); d != nil {
		if has, ok, err := d.special("__contains__", item); ok {
			return Truth(has), err
		}
		container = d.Base
	}
	switch x := container.any.(type) {
	case strPtr, markupPtr:
		if !item.IsText() {
			return false, typeError("'in <string>' requires string as left operand, not %s", TypeName(item))
		}
		if err := m.Step(int64(len(container.Text())) / perStep); err != nil {
			return false, err
		}
		at, err := longtext.Index(container.Text(), item.Text(), m.Look)
		return at >= 0, err
	case *bytesBox:
		switch n, isInt := item.Int64(); {
		case item.Kind() == KindBytes:
			if err := m.Step(int64(len(x.data)) / perStep); err != nil {
				return false, err
			}
			return bytes.Contains(x.data, item.Data()), nil
		case !isInt || item.Kind() == KindFloat:
			return false, typeError("a bytes-like object is required, not '%s'", TypeName(item))
		case n < 0 || n > 255:
			return false, valueError("byte must be in range(0, 256)")
		default:
			if err := m.Step(int64(len(x.data)) / perStep); err != nil {
				return false, err
			}
			return bytes.IndexByte(x.data, byte(n)) >= 0, nil
		}
	case *Dict:
		if err := m.Key(item); err != nil {
			return false, err
		}
		_, ok, err := x.Get(item)
		return ok, err
	case *Set:
		if err := m.Key(item); err != nil {
			return false, err
		}
		return x.Has(item)
	case *view:
		if x.what != "values" {
			in := &comparing{m: m}
			found := x.has(in, item, 0)
			return found, in.err
		}
	case *Range:
		return x.contains(m, item)
	case interface{ PyContains(v Value) (bool, error) }:
		return x.PyContains(item)
	}
	if Iterable(container) != nil {
		return false, typeError("argument of type '%s' is not iterable", TypeName(container))
	}
	found := false
	err := Each(container, func(other Value) (_ bool, err error) {
		if err := m.Step(1); err != nil {
			return false, err
		}
		found, err = SameOrEqual(m, other, item)
		return !found, err
	})
	return found, err
}

// ItemOrMade is GetItem that lets a defaultdict make what it has not.
func ItemOrMade(m *Meter, v, key Value) (Value, error) {
	if d := v.Dict(); d != nil && !d.Factory().IsNone() {
		if _, found, err := d.GetWithin(m, key); err == nil && !found {
			made, err := CallValue(d.Factory(), &Call{Meter: m})
			if err != nil {
				return Value{}, err
			}
			return made, d.Set(key, made)
		}
	}
	return GetItem(m, v, key)
}

// GetItem returns v[key]: IndexError, KeyError or TypeError where there is none.
func GetItem(m *Meter, v, key Value) (Value, error) {
	if err := m.Key(key); err != nil {
		return Value{}, err
	}
	v = v.stoodFor()
	if d := v.Derived(); d != nil {
		if item, ok, err := d.item(key); ok {
			return item, err
		}
		v = d.Base
	}
	switch x := v.any.(type) {
	case *Dict:
		item, ok, err := x.Get(key)
		if err != nil {
			return Value{}, err
		}
		if !ok {
			return Value{}, keyError(m, key)
		}
		return item, nil
	case *undefined:
		return Value{}, undefinedError(v)
	case interface {
		PyItem(key Value) (Value, error)
	}:
		return x.PyItem(key)
	}
	if v.IsText() {
		if err := m.Work(v); err != nil {
			return Value{}, err
		}
	}
	n, err := Len(v)
	if !isSequence(v) || err != nil {
		return Value{}, typeError("'%s' object is not subscriptable", TypeName(v))
	}
	name := map[Kind]string{KindStr: "string", KindMarkup: "string", KindBytes: "byte", KindList: "list", KindTuple: "tuple"}[v.Kind()]
	if !key.isInteger() {
		if v.IsText() {
			return Value{}, typeError("string indices must be integers, not '%s'", TypeName(key))
		}
		return Value{}, typeError("%s indices must be integers or slices, not %s", name, TypeName(key))
	}
	i, fits := key.Int64()
	if !fits {
		return Value{}, Raise("IndexError", "cannot fit 'int' into an index-sized integer")
	}
	if i < 0 {
		i += int64(n)
	}
	if i < 0 || i >= int64(n) {
		if name == "byte" {
			return Value{}, Raise("IndexError", "index out of range")
		}
		return Value{}, Raise("IndexError", "%s index out of range", name)
	}
	return at(v, int(i)), nil
}

func at(v Value, i int) Value {
	if items, ok := v.Items(); ok {
		return items[i]
	}
	if v.Kind() == KindBytes {
		return Int(int64(v.Data()[i]))
	}
	text := v.Text()
	from := offset(text, i)
	_, n := utf8.DecodeRuneInString(text[from:])
	if v.Kind() == KindMarkup {
		return Markup(text[from : from+n])
	}
	return Str(text[from : from+n])
}

// offset returns where the i-th code point of a text begins.
func offset(text string, i int) int {
	if isASCII(text) {
		return min(i, len(text))
	}
	for at := range text {
		if i == 0 {
			return at
		}
		i--
	}
	return len(text)
}

// keyError is what is raised for a key that a dict or set does not have.
func keyError(m *Meter, key Value) error {
	text, err := Repr(m, key)
	var raised *Error
	if err != nil && !errors.As(err, &raised) {
		return err
	}
	return &Error{"KeyError", text}
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Slice returns v[lo:hi:step]; None stands for a part that is not given.
func Slice(m *Meter, v, lo, hi, step Value) (Value, error) {
	if v.IsUndefined() {
		return Value{}, undefinedError(v)
	}
	v = v.stoodFor()
	if s, ok := v.any.(interface {
		PySlice(lo, hi, step Value) (Value, error)
	}); ok {
		return s.PySlice(lo, hi, step)
	}
	if o, ok := v.any.(interface {
		PyItem(key Value) (Value, error)
	}); ok {
		return o.PyItem(FromObject(&Slicing{lo, hi, step}))
	}
	if !isSequence(v) {
		if v.Kind() == KindDict {
			return Value{}, typeError("unhashable type: 'slice'")
		}
		return Value{}, typeError("'%s' object is not subscriptable", TypeName(v))
	}
	n, err := Len(v)
	if err != nil {
		return Value{}, err
	}
	from, to, by, err := sliceBounds(n, lo, hi, step)
	if err != nil {
		return Value{}, err
	}
	if err := m.Step(1 + int64(n)/64); err != nil {
		return Value{}, err
	}
	if v.IsText() || v.Kind() == KindBytes {
		return sliceText(m, v, from, to, by)
	}
	items, _ := v.Items()
	length := int64(sliceLength(from, to, by))
	if err := m.GrowParts(valueSize, length); err != nil {
		return Value{}, err
	}
	picked := make([]Value, 0, length)
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		picked = append(picked, items[i])
	}
	if v.Kind() == KindList {
		return NewList(picked...), nil
	}
	return NewTuple(picked...), nil
}

// sliceLength is how many elements a slice has whose bounds are those of sliceBounds.
func sliceLength(from, to, by int) int {
	switch {
	case by > 0 && from < to:
		return (to-from-1)/by + 1
	case by < 0 && from > to:
		return (from-to-1)/-by + 1
	}
	return 0
}

func sliceText(m *Meter, v Value, from, to, by int) (Value, error) {
	length := sliceLength(from, to, by)
	if v.Kind() == KindBytes {
		if err := m.Grow(int64(length)); err != nil {
			return Value{}, err
		}
		picked := make([]byte, 0, length)
		for i := from; len(picked) < length; i += by {
			picked = append(picked, v.Data()[i])
			if len(picked)%longtext.Piece == 0 {
				if err := m.Look(longtext.Piece); err != nil {
					return Value{}, err
				}
			}
		}
		return Bytes(picked), nil
	}
	text := v.Text()
	if by == 1 && length > 0 {
		begin := offset(text, from)
		return like(v, text[begin:begin+offset(text[begin:], to-from)]), nil
	}
	most := min(int64(len(text)), int64(length)*utf8.UTFMax)
	if err := m.Grow(most); err != nil {
		return Value{}, err
	}
	text, err := pick(m, text, from, by, length, int(most))
	return like(v, text), err
}

// pick takes every by-th character of a text, length of them, which have no more than so many
// bytes.
func pick(m *Meter, text string, from, by, length, bytes int) (string, error) {
	if length == 0 {
		return "", nil
	}
	var b strings.Builder
	b.Grow(bytes)
	at := offset(text, from)
	for n := range length {
		if n%longtext.Piece == longtext.Piece-1 {
			if err := m.Look(0); err != nil {
				return "", err
			}
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		b.WriteString(text[at : at+size])
		for skip := by; skip > 0 && at < len(text); skip-- {
			_, size := utf8.DecodeRuneInString(text[at:])
			at += size
		}
		for skip := by; skip < 0 && at > 0; skip++ {
			_, size := utf8.DecodeLastRuneInString(text[:at])
			at -= size
		}
	}
	return b.String(), nil
}

// farthest is beyond any list, and far enough from the end of an int.
const farthest = 1 << 60

// sliceBounds is CPython's PySlice_AdjustIndices.
func sliceBounds(n int, lo, hi, step Value) (from, to, by int, err error) {
	index := func(v Value, fallback int) (int, error) {
		if v.IsNone() {
			return fallback, nil
		}
		if !v.isInteger() {
			return 0, typeError("slice indices must be integers or None or have an __index__ method")
		}
		i, ok := v.Int64()
		if !ok {
			i = farthest * int64(v.BigInt().Sign())
		}
		return int(max(-farthest, min(farthest, i))), nil
	}
	if by, err = index(step, 1); err != nil {
		return
	}
	if by == 0 {
		return 0, 0, 0, valueError("slice step cannot be zero")
	}
	least, most := 0, n
	if by < 0 {
		least, most = -1, n-1
	}
	clamp := func(v Value, fallback int) (int, error) {
		i, err := index(v, fallback)
		if err != nil || v.IsNone() {
			return i, err
		}
		if i < 0 {
			i += n
		}
		return max(least, min(most, i)), nil
	}
	first, last := 0, n
	if by < 0 {
		first, last = n-1, -1
	}
	if from, err = clamp(lo, first); err != nil {
		return
	}
	to, err = clamp(hi, last)
	return
}
