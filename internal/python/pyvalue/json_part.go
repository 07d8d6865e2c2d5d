package pyvalue

import (
	"errors"

	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

// Part is a list or an object of a reply that [IndexReply] has read. It does not change,
// and may be used by several goroutines.
type Part struct {
	doc   *indexed
	entry uint32
}

// Part returns the value as a part of a reply, and whether it is one.
func (v Value) Part() (Part, bool) {
	d, ok := v.any.(*indexed)
	return Part{d, uint32(v.num)}, ok
}

// value returns a value of the text: a [Part] for a list or an object.
func (d *indexed) value(entry uint32) (Value, error) {
	r := d.reader(entry)
	switch c := d.text[r.at]; {
	case isContainer(c):
		return Value{uint64(entry), d}, nil
	case c == '-' || c >= '0' && c <= '9' || c == 'N' || c == 'I':
		return r.number()
	}
	return r.value(0)
}

func (d *indexed) reader(entry uint32) *jsonReader {
	return &jsonReader{text: d.text, at: int(d.entries.get(entry)), spelling: d.spelling, constants: true}
}

// IsList reports whether the part is a list, and not an object.
func (p Part) IsList() bool { return p.doc.text[p.doc.entries.get(p.entry)] == '[' }

// IsEmpty reports whether the part has no items or members.
func (p Part) IsEmpty() bool { return p.end() == p.first() }

// first is the entry of the first item or key.
func (p Part) first() uint32 { return p.entry + 2 }

// end is the entry after the part.
func (p Part) end() uint32 { return p.doc.entries.get(p.entry + 1) }

// walk calls f with the entry of each item, or of each value of a member and its key,
// until it returns false.
func (p Part) walk(m *Meter, f func(key, value uint32) bool) error {
	keys := uint32(1)
	if p.IsList() {
		keys = 0
	}
	const stride = 16 // entries that count as one step
	n := 0
	for at, end := p.first(), p.end(); at < end; {
		if n++; n%stride == 0 {
			if err := m.Step(1); err != nil {
				return err
			}
		}
		if !f(at, at+keys) {
			break
		}
		at = p.doc.after(at + keys)
	}
	return nil
}

// Len returns how many items a list has, or how many keys an object, equal ones counted
// once.
func (p Part) Len(m *Meter) (n int, err error) {
	if !p.IsList() {
		v, err := p.Open(m)
		return v.Dict().Len(), err
	}
	err = p.walk(m, func(_, _ uint32) bool { n++; return true })
	return n, err
}

// Index returns the item of a list at a position, which counts from the end if it is
// negative, and whether there is one.
func (p Part) Index(m *Meter, i int64) (found Value, ok bool, err error) {
	if !p.IsList() {
		return Value{}, false, nil
	}
	if i < 0 {
		n, err := p.Len(m)
		if i += int64(n); err != nil || i < 0 {
			return Value{}, false, err
		}
	}
	at := uint32(0)
	err = p.walk(m, func(_, value uint32) bool { at = value; i--; return i >= 0 })
	if i >= 0 || err != nil {
		return Value{}, false, err
	}
	found, err = p.doc.value(at)
	return found, true, err
}

// Member returns the value of a key of an object, the last of several, and whether there
// is one.
func (p Part) Member(m *Meter, name string) (found Value, ok bool, err error) {
	if p.IsList() {
		return Value{}, false, nil
	}
	at := uint32(0)
	err = p.walk(m, func(key, value uint32) bool {
		if p.doc.isKey(key, name) {
			at = value
		}
		return true
	})
	if at == 0 || err != nil {
		return Value{}, false, err
	}
	found, err = p.doc.value(at)
	return found, true, err
}

// isKey reports whether an entry is the key of that name.
func (d *indexed) isKey(entry uint32, name string) bool {
	rest := d.text[d.entries.get(entry)+1:]
	if len(rest) > len(name) && rest[len(name)] == '"' && rest[:len(name)] == name {
		return isPlainKey(name)
	}
	for i := 0; i < len(rest) && i <= len(name); i++ {
		switch c := rest[i]; {
		case c == '\\' || c >= 0x80:
			key, err := d.reader(entry).string()
			return err == nil && key == name
		case c == '"' || i == len(name) || c != name[i]:
			return false
		}
	}
	return false
}

// isPlainKey reports whether a name stands in JSON as it is.
func isPlainKey(name string) bool {
	for i := range len(name) {
		if c := name[i]; c == '\\' || c == '"' || c < ' ' {
			return false
		}
	}
	return true
}

// Each calls f with the items of a list, of which lists and objects are parts, until it
// returns an error.
func (p Part) Each(m *Meter, f func(item Value) error) error {
	var fault error
	err := p.walk(m, func(_, entry uint32) bool {
		item, err := p.doc.value(entry)
		if err == nil {
			err = f(item)
		}
		fault = err
		return fault == nil
	})
	return errors.Join(err, fault)
}

// Open returns the list or dict, of which lists and objects are parts still.
func (p Part) Open(m *Meter) (Value, error) {
	var fault error
	keep := func(err error) bool {
		if fault == nil {
			fault = err
		}
		return fault == nil
	}
	if p.IsList() {
		n, err := p.Len(m)
		if err != nil {
			return NewList(), err
		}
		if err := m.Grow(int64(costOfItem * n)); err != nil {
			return NewList(), err
		}
		items := make([]Value, 0, n)
		err = p.walk(m, func(_, value uint32) bool {
			v, err := p.doc.value(value)
			items = append(items, v)
			return keep(err)
		})
		return NewList(items...), errors.Join(err, fault)
	}
	dict := NewDict()
	err := p.walk(m, func(key, value uint32) bool {
		name, err := p.doc.reader(key).string()
		if !keep(err) || !keep(m.Grow(costOfEntry)) {
			return false
		}
		v, err := p.doc.value(value)
		dict.SetStr(name, v)
		return keep(err)
	})
	return dict.Value(), errors.Join(err, fault)
}

// Whole returns the list or dict with all that is in it. A part that takes more memory
// than a reply may is refused with a [*treelimit.Error].
func (p Part) Whole(m *Meter) (Value, error) {
	r := p.doc.reader(p.entry)
	r.meter, r.keys = NewMeter(m.Context(), Limits{TotalBytes: p.doc.limit}), make(map[string]string)
	v, err := r.value(0)
	if errors.Is(err, ErrLimit) {
		return Value{}, &treelimit.Error{Limit: p.doc.limit}
	}
	if err != nil {
		return Value{}, err
	}
	steps, _ := r.meter.Used()
	return v, m.Step(steps / 16)
}

// Whole returns a value of which no part of a reply is a part any more: a part itself, or
// lists and dicts that hold some, which are changed.
func Whole(m *Meter, v Value) (Value, error) {
	if p, ok := v.Part(); ok {
		return p.Whole(m)
	}
	if l := v.List(); l != nil {
		for i, item := range l.Items {
			whole, err := Whole(m, item)
			if err != nil {
				return v, err
			}
			if _, ok := item.Part(); ok {
				l.Items[i] = whole
			}
		}
	}
	if d := v.Dict(); d != nil {
		for k, item := range d.All() {
			whole, err := Whole(m, item)
			if err != nil {
				return v, err
			}
			if _, ok := item.Part(); ok {
				d.SetStr(k.Text(), whole)
			}
		}
	}
	return v, nil
}
