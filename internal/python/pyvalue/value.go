package pyvalue

import (
	"math"
	"math/big"
	"unicode/utf8"
	"unsafe"
)

// Kind is the kind of a [Value].
type Kind uint8

// The kinds. A subclass of str that templates have, Markup, is a kind of its own.
const (
	KindNone Kind = iota
	KindUndefined
	KindBool
	KindInt
	KindFloat
	KindStr
	KindMarkup
	KindBytes
	KindList
	KindTuple
	KindDict
	KindSet
	KindObject
)

// Value is a Python value. The zero Value is None. Values may be shared between
// goroutines as long as nobody changes a list, dict or set in them.
type Value struct {
	num uint64 // int64, float bits, bool, or the length of a text
	any any    // Kind for scalars, a pointer type below for the rest
}

type (
	strPtr    *byte
	markupPtr *byte
	tuple     struct{ items []Value }
	undefined struct{ hint string }
	spelt     struct {
		text  string
		value Value
	}
	bytesBox struct{ data []byte }
)

// List is a Python list; it may be changed through any Value of it.
type List struct{ Items []Value }

// None returns None.
func None() Value { return Value{} }

// Undefined returns Jinja's default Undefined: it prints as nothing, and using
// it in any other way raises UndefinedError with the hint.
func Undefined(hint string) Value { return Value{any: &undefined{hint}} }

// Bool returns True or False.
func Bool(b bool) Value {
	v := Value{any: KindBool}
	if b {
		v.num = 1
	}
	return v
}

// Int returns an int.
func Int(i int64) Value { return Value{uint64(i), KindInt} }

// BigInt returns an int of any size. The number must not be changed afterwards.
func BigInt(i *big.Int) Value {
	if i.IsInt64() {
		return Int(i.Int64())
	}
	return Value{any: i}
}

// Float returns a float.
func Float(f float64) Value { return Value{math.Float64bits(f), KindFloat} }

// Str returns a str.
func Str(s string) Value { return Value{uint64(len(s)), strPtr(unsafe.StringData(s))} }

// Markup returns a str that is safe to put into HTML, as markupsafe.Markup.
func Markup(s string) Value { return Value{uint64(len(s)), markupPtr(unsafe.StringData(s))} }

// Bytes returns bytes. The slice must not be changed afterwards.
func Bytes(b []byte) Value { return Value{any: &bytesBox{b}} }

// NewList returns a list that owns items.
func NewList(items ...Value) Value { return Value{any: &List{items}} }

// NewTuple returns a tuple that owns items.
func NewTuple(items ...Value) Value { return Value{any: &tuple{items}} }

// NewPair returns the tuple of two values, which is made at once: those of enumerate and
// items are the commonest garbage of loops.
func NewPair(a, b Value) Value {
	made := &struct {
		tuple
		items [2]Value
	}{items: [2]Value{a, b}}
	made.tuple.items = made.items[:]
	return Value{any: &made.tuple}
}

// ListValue returns the Value of a list.
func ListValue(l *List) Value { return Value{any: l} }

// Value returns the Value of a dict.
func (d *Dict) Value() Value { return Value{any: d} }

// FromObject returns the Value of an object of another package.
func FromObject(o Object) Value { return Value{any: o} }

// Kind returns the kind of the value.
func (v Value) Kind() Kind {
	switch x := v.any.(type) {
	case nil:
		return KindNone
	case Kind:
		return x
	case strPtr:
		return KindStr
	case markupPtr:
		return KindMarkup
	case *big.Int:
		return KindInt
	case *List:
		return KindList
	case *tuple:
		return KindTuple
	case *Dict:
		return KindDict
	case *Set:
		return KindSet
	case *undefined:
		return KindUndefined
	case *bytesBox:
		return KindBytes
	case *spelt:
		return x.value.Kind()
	case *Derived:
		return x.Base.Kind()
	}
	return KindObject
}

// IsNone reports whether the value is None.
func (v Value) IsNone() bool { return v.any == nil }

// IsUndefined reports whether the value is Undefined.
func (v Value) IsUndefined() bool { _, ok := v.any.(*undefined); return ok }

// IsText reports whether the value is a str, Markup included.
func (v Value) IsText() bool {
	switch x := v.any.(type) {
	case strPtr, markupPtr:
		return true
	case *Derived:
		return x.Base.IsText()
	}
	return false
}

// Hint returns what an Undefined says when it is used.
func (v Value) Hint() string {
	if u, ok := v.any.(*undefined); ok {
		return u.hint
	}
	return ""
}

// Text returns the text of a str or Markup, "" for another kind.
func (v Value) Text() string {
	switch p := v.any.(type) {
	case strPtr:
		return unsafe.String((*byte)(p), v.num)
	case markupPtr:
		return unsafe.String((*byte)(p), v.num)
	case *Derived:
		return p.Base.Text()
	}
	return ""
}

// Data returns the bytes of a bytes value, nil for another kind.
func (v Value) Data() []byte {
	if b, ok := v.Base().any.(*bytesBox); ok {
		return b.data
	}
	return nil
}

// List returns the list, nil for another kind.
func (v Value) List() *List { l, _ := v.Base().any.(*List); return l }

// Dict returns the dict, nil for another kind.
func (v Value) Dict() *Dict { d, _ := v.Base().any.(*Dict); return d }

// PlainDict returns the dict of a value of the class dict itself, nil for another.
func (v Value) PlainDict() *Dict { d, _ := v.any.(*Dict); return d }

// PlainList returns the list of a value of the class list itself, nil for another.
func (v Value) PlainList() *List { l, _ := v.any.(*List); return l }

// Set returns the set, nil for another kind.
func (v Value) Set() *Set { s, _ := v.Base().any.(*Set); return s }

// Object returns the object, nil for another kind.
func (v Value) Object() Object {
	switch x := v.any.(type) {
	case nil, Kind, strPtr, *List:
		return nil // the commonest, which are quickly told
	case *Derived:
		o, _ := x.Base.any.(Object)
		return o
	case Object:
		return x
	}
	return nil
}

// As returns what a value holds, and whether that is a T: an object of another package
// whose class it knows, which is quicker than to ask for any [Object].
func As[T Object](v Value) (T, bool) {
	o, ok := v.any.(T)
	return o, ok
}

// Items returns the items of a list or tuple, and whether it is one. They must
// not be changed.
func (v Value) Items() ([]Value, bool) {
	switch x := v.any.(type) {
	case *List:
		return x.Items, true
	case *tuple:
		return x.items, true
	case *Derived:
		return x.Base.Items()
	}
	return nil, false
}

// Spelling returns a number as the document it came from spelt it; see [Number].
func (v Value) Spelling() (string, bool) {
	if s, ok := v.any.(*spelt); ok {
		return s.text, true
	}
	return "", false
}

// plain is the value without its spelling or a class of the program.
func (v Value) plain() Value {
	switch x := v.any.(type) {
	case *spelt:
		return x.value
	case *Derived:
		return x.Base.plain()
	}
	return v
}

// Int64 returns an int or bool that fits, and whether it does.
func (v Value) Int64() (int64, bool) {
	v = v.plain()
	if k, ok := v.any.(Kind); ok && (k == KindInt || k == KindBool) {
		return int64(v.num), true
	}
	return 0, false
}

// BigInt returns an int or bool of any size, nil for another kind. It must not
// be changed.
func (v Value) BigInt() *big.Int {
	v = v.plain()
	if i, ok := v.any.(*big.Int); ok {
		return i
	}
	if i, ok := v.Int64(); ok {
		return big.NewInt(i)
	}
	return nil
}

// float returns the value of a float (not of an int).
func (v Value) float() (float64, bool) {
	v = v.plain()
	if k, ok := v.any.(Kind); ok && k == KindFloat {
		return math.Float64frombits(v.num), true
	}
	return 0, false
}

// Float64 returns a number as a float, and whether it is a number that fits.
func (v Value) Float64() (float64, bool) {
	if f, ok := v.float(); ok {
		return f, true
	}
	if i, ok := v.Int64(); ok {
		return float64(i), true
	}
	if b := v.BigInt(); b != nil {
		if b.BitLen() > 1024 { // than any float
			return math.Inf(b.Sign()), false
		}
		f, _ := new(big.Float).SetInt(b).Float64()
		return f, !math.IsInf(f, 0)
	}
	return 0, false
}

// IsNumber reports an int, bool or float.
func (v Value) IsNumber() bool {
	switch x := v.any.(type) {
	case Kind, *big.Int, *spelt: // a Kind stands there for these alone
		return true
	case *Derived:
		return x.Base.IsNumber()
	}
	return false
}

func (v Value) isInteger() bool { k := v.Kind(); return k == KindInt || k == KindBool }

// TypeName returns the name of the value's Python class.
func TypeName(v Value) string {
	if d := v.Derived(); d != nil {
		return d.Class.ClassName()
	}
	switch v.Kind() {
	case KindNone:
		return "NoneType"
	case KindUndefined:
		return "Undefined"
	case KindBool:
		return "bool"
	case KindInt:
		return "int"
	case KindFloat:
		return "float"
	case KindStr:
		return "str"
	case KindMarkup:
		return "Markup"
	case KindBytes:
		return "bytes"
	case KindList:
		return "list"
	case KindTuple:
		return "tuple"
	case KindDict:
		return "dict"
	case KindSet:
		if v.Set().Frozen {
			return "frozenset"
		}
		return "set"
	}
	return v.Object().PyType()
}

// Truth returns what bool() does.
func Truth(v Value) bool {
	if d := v.Derived(); d != nil {
		for _, name := range []string{"__bool__", "__len__"} {
			if t, ok, err := d.special(name); ok && err == nil {
				return Truth(t)
			}
		}
	}
	v = v.plain()
	switch x := v.any.(type) {
	case nil:
		return false
	case Kind:
		if x == KindFloat {
			return math.Float64frombits(v.num) != 0
		}
		return v.num != 0
	case strPtr, markupPtr:
		return v.num != 0
	case *undefined:
		return false
	case *List:
		return len(x.Items) > 0
	case *tuple:
		return len(x.items) > 0
	case *Dict:
		return !x.Empty()
	case *Set:
		return x.d.Len() > 0
	case *bytesBox:
		return len(x.data) > 0
	case interface{ PyTruth() bool }:
		return x.PyTruth()
	case interface{ PyLen() int }:
		return x.PyLen() > 0
	}
	return true
}

// Len returns what len() does.
func Len(v Value) (int, error) {
	if d := v.Derived(); d != nil {
		if n, ok, err := d.special("__len__"); ok {
			i, _ := n.Int64()
			return int(i), err
		}
		v = d.Base
	}
	switch x := v.any.(type) {
	case strPtr, markupPtr:
		return utf8.RuneCountInString(v.Text()), nil
	case *List:
		return len(x.Items), nil
	case *tuple:
		return len(x.items), nil
	case *Dict:
		return x.Len(), nil
	case *Set:
		return x.d.Len(), nil
	case *bytesBox:
		return len(x.data), nil
	case *undefined:
		return 0, nil
	case *Range:
		return x.checkedLen()
	case interface{ PyLen() int }:
		return x.PyLen(), nil
	}
	return 0, typeError("object of type '%s' has no len()", TypeName(v))
}
