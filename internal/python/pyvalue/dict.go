package pyvalue

import "iter"

// Dict is a Python dict: keys in the order of their insertion, equal as Python
// has them equal (1, 1.0 and True are one key). The zero Dict is empty.
type Dict struct {
	entries []entry
	rest    *dictRest // what few dicts have; nil for one that has none of it
	source  Source    // of entries that have not been asked for yet; nil for a dict that has them all
}

// dictRest is what dicts have that are large, have lost entries, or are a defaultdict.
type dictRest struct {
	texts   map[string]int  // where the entries of str keys are; nil for a small dict
	others  map[dictKey]int // and those of others
	own     int             // keys of classes with a hash of their own
	dead    int             // entries that have gone
	factory Value
}

// Factory returns what a defaultdict calls for a key that it has not, None for another.
// Who reads items for a language that has it asks for it.
func (d *Dict) Factory() Value {
	if d.rest == nil {
		return Value{}
	}
	return d.rest.factory
}

// SetFactory makes a defaultdict of the dict.
func (d *Dict) SetFactory(f Value) { d.more().factory = f }

func (d *Dict) more() *dictRest {
	if d.rest == nil {
		d.rest = &dictRest{}
	}
	return d.rest
}

// indexed reports that the dict is not searched, but looked up.
func (d *Dict) indexed() bool { return d.rest != nil && d.rest.texts != nil }

type entry struct {
	key, value Value
	hashed     *dictKey // nil for a key that is a str, deleted for one that has gone
}

// deleted marks entries that have gone.
var deleted = new(dictKey)

func (e *entry) live() bool { return e.hashed != deleted }

// hash returns what find looks for.
func (e *entry) hash() dictKey {
	if e.hashed == nil {
		return dictKey{kind: 's', text: e.key.Text()}
	}
	return *e.hashed
}

// isText reports whether the entry is that of a text.
func (e *entry) isText(text string) bool {
	if e.hashed == nil {
		return e.key.num == uint64(len(text)) && e.key.Text() == text
	}
	return e.live() && e.hashed.kind == 's' && e.hashed.text == text
}

// newEntry makes an entry; k is the hash of the key.
func newEntry(k dictKey, key, value Value) entry {
	if _, plain := key.any.(strPtr); plain && k.kind == 's' {
		return entry{key: key, value: value}
	}
	hashed := k // of which only this way has a copy
	return entry{key, value, &hashed}
}

// smallDict is the size up to which a dict has no index.
const smallDict = 16

// NewDict returns an empty dict.
func NewDict() *Dict { return &Dict{} }

// NewDictSize returns an empty dict with room for n entries.
func NewDictSize(n int) *Dict { return &Dict{entries: make([]entry, 0, n)} }

// Len returns the number of entries.
func (d *Dict) Len() int {
	d.complete()
	if d.rest == nil {
		return len(d.entries)
	}
	return len(d.entries) - d.rest.dead
}

func (d *Dict) find(k dictKey) int {
	if k.kind == 's' {
		return d.findText(k.text)
	}
	if d.indexed() {
		if i, ok := d.rest.others[k]; ok {
			return i
		}
		return -1
	}
	for i := range d.entries {
		if e := &d.entries[i]; e.hashed != nil && e.live() && *e.hashed == k {
			return i
		}
	}
	return -1
}

// findText is find for a text.
func (d *Dict) findText(text string) int {
	if d.indexed() {
		if i, ok := d.rest.texts[text]; ok {
			return i
		}
		return -1
	}
	for i := range d.entries {
		if d.entries[i].isText(text) {
			return i
		}
	}
	return -1
}

// Get returns the value of a key and whether there is one; TypeError for a key
// that cannot be hashed.
func (d *Dict) Get(key Value) (Value, bool, error) {
	if _, isText := key.any.(strPtr); isText && !d.hasOwn() {
		v, ok := d.GetStr(key.Text())
		return v, ok, nil
	}
	_, i, err := d.place(key)
	if err != nil || i < 0 {
		return Value{}, false, err
	}
	return d.entries[i].value, true, nil
}

// GetStrNear is GetStr that looks first where near says, and sets near to where it has
// found the key: for one key of many dicts that are alike.
func (d *Dict) GetStrNear(key string, near *int) (Value, bool) {
	if d.source != nil {
		if v, has, known := d.source.Member(key); known {
			return v, has
		}
		d.complete()
	}
	if i := *near; i < len(d.entries) {
		if e := &d.entries[i]; e.hashed == nil && e.key.Text() == key {
			return e.value, true
		}
	}
	i := d.findText(key)
	if i < 0 {
		return Value{}, false
	}
	*near = i
	return d.entries[i].value, true
}

// GetStr returns the value of a str key and whether there is one.
func (d *Dict) GetStr(key string) (Value, bool) {
	if d.source != nil {
		if v, has, known := d.source.Member(key); known {
			return v, has
		}
		d.complete()
	}
	if i := d.findText(key); i >= 0 {
		return d.entries[i].value, true
	}
	return Value{}, false
}

// GetWithin is Get that counts what looking for the key takes.
func (d *Dict) GetWithin(m *Meter, key Value) (Value, bool, error) {
	if err := m.Key(key); err != nil {
		return Value{}, false, err
	}
	return d.Get(key)
}

// SetWithin is Set that counts what looking for the key takes.
func (d *Dict) SetWithin(m *Meter, key, value Value) error {
	if err := m.Key(key); err != nil {
		return err
	}
	return d.Set(key, value)
}

// DeleteWithin is Delete that counts what looking for the key takes.
func (d *Dict) DeleteWithin(m *Meter, key Value) (Value, bool, error) {
	if err := m.Key(key); err != nil {
		return Value{}, false, err
	}
	return d.Delete(key)
}

// Set sets the value of a key; TypeError for a key that cannot be hashed.
func (d *Dict) Set(key, value Value) error {
	k, i, err := d.place(key)
	if err != nil {
		return err
	}
	d.set(k, i, key, value)
	return nil
}

// SetStr sets the value of a str key.
func (d *Dict) SetStr(key string, value Value) {
	d.complete()
	d.set(dictKey{kind: 's', text: key}, d.findText(key), Str(key), value)
}

// set sets the value of entry i, or appends one if i is -1.
func (d *Dict) set(k dictKey, i int, key, value Value) {
	if i >= 0 {
		d.entries[i].value = value // the key stays as it was first
		return
	}
	d.entries = append(d.entries, newEntry(k, key, value))
	if k.kind == ownHash {
		d.more().own++
	}
	switch {
	case d.indexed():
		d.enter(k, len(d.entries)-1)
	case len(d.entries) > smallDict:
		d.reindex()
	}
}

func (d *Dict) enter(k dictKey, i int) {
	if k.kind == 's' {
		d.rest.texts[k.text] = i
		return
	}
	if d.rest.others == nil {
		d.rest.others = make(map[dictKey]int)
	}
	d.rest.others[k] = i
}

func (d *Dict) reindex() {
	rest := d.more()
	rest.texts, rest.others = make(map[string]int, 2*len(d.entries)), nil
	for i := range d.entries {
		if e := &d.entries[i]; e.live() {
			d.enter(e.hash(), i)
		}
	}
}

// Delete removes a key and returns its value.
func (d *Dict) Delete(key Value) (Value, bool, error) {
	k, i, err := d.place(key)
	if err != nil || i < 0 {
		return Value{}, false, err
	}
	v := d.entries[i].value
	d.entries[i] = entry{hashed: deleted}
	d.more().dead++
	switch {
	case !d.indexed():
	case k.kind == 's':
		delete(d.rest.texts, k.text)
	default:
		delete(d.rest.others, k)
	}
	if k.kind == ownHash {
		d.rest.own--
		d.closeUp(k)
	}
	if d.rest.dead > len(d.entries)/2 {
		d.compact()
	}
	return v, true, nil
}

func (d *Dict) compact() {
	kept := make([]entry, 0, d.Len())
	for _, e := range d.entries {
		if e.live() {
			kept = append(kept, e)
		}
	}
	d.entries, d.rest.dead = kept, 0
	if d.indexed() {
		d.reindex()
	}
}

// Clear removes everything.
func (d *Dict) Clear() {
	factory := d.Factory()
	if *d = (Dict{}); !factory.IsNone() {
		d.SetFactory(factory)
	}
}

// Copy returns a shallow copy.
func (d *Dict) Copy() *Dict {
	c, _ := d.CopyWithin(nil) // without a meter nothing ends it, and the keys have been hashed before
	return c
}

// CopyWithin is Copy that counts what is copied.
func (d *Dict) CopyWithin(m *Meter) (*Dict, error) {
	if err := m.GrowParts(4*valueSize, int64(d.Len())); err != nil {
		return nil, err
	}
	c := NewDictSize(d.Len())
	for k, v := range d.All() {
		if err := c.SetWithin(m, k, v); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// takeEnd removes the first entry, or the last one. It counts the removed entries that it
// passes on its way; ok is false if the dict is empty.
func (d *Dict) takeEnd(m *Meter, last bool) (key, value Value, ok bool, err error) {
	d.complete()
	for i := range d.entries {
		at := i
		if last {
			at = len(d.entries) - 1 - i
		}
		if e := &d.entries[at]; e.live() {
			key = e.key
			if err := m.Step(int64(i) / 16); err != nil {
				return key, value, true, err
			}
			value, _, err = d.DeleteWithin(m, key)
			return key, value, true, err
		}
	}
	return key, value, false, nil
}

// All yields keys and values in order.
func (d *Dict) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		d.complete()
		for i := 0; i < len(d.entries); i++ {
			if e := d.entries[i]; e.live() && !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Keys returns the keys in order.
func (d *Dict) Keys() []Value {
	keys := make([]Value, 0, d.Len())
	for k := range d.All() {
		keys = append(keys, k)
	}
	return keys
}
