package pyvalue

import (
	"math/bits"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
)

var containerMethodTable onuse.Value[*containerMethods]

// containerMethods are the methods of the classes that hold values.
type containerMethods struct{ list, tuple, dict, set, frozen map[string]method }

func listMethods() map[string]method   { return containerMethodTable.Get(makeContainerMethods).list }
func tupleMethods() map[string]method  { return containerMethodTable.Get(makeContainerMethods).tuple }
func dictMethods() map[string]method   { return containerMethodTable.Get(makeContainerMethods).dict }
func setMethods() map[string]method    { return containerMethodTable.Get(makeContainerMethods).set }
func frozenMethods() map[string]method { return containerMethodTable.Get(makeContainerMethods).frozen }

func makeContainerMethods() *containerMethods {
	all := &containerMethods{frozen: make(map[string]method)}
	all.list = map[string]method{
		"append": listAppend, "extend": listExtend, "insert": listInsert, "pop": listPop, "remove": listRemove,
		"clear": listClear, "copy": listCopy, "reverse": listReverse, "sort": listSort, "count": sequenceCount, "index": sequenceIndex,
	}
	all.tuple = map[string]method{"count": sequenceCount, "index": sequenceIndex}
	all.dict = map[string]method{
		"get": dictGet, "keys": dictView("keys"), "values": dictView("values"), "items": dictView("items"), "pop": dictPop,
		"popitem": dictPopItem, "setdefault": dictSetDefault, "update": dictUpdate, "clear": dictClear, "copy": dictCopy, "fromkeys": dictFromKeys,
	}
	all.set = map[string]method{
		"add": setAdd, "discard": setRemove("discard"), "remove": setRemove("remove"), "copy": setCopy,
		"union": setMethod("union", OpOr), "intersection": setMethod("intersection", OpAnd), "difference": setMethod("difference", OpSub),
		"symmetric_difference": setMethod("symmetric_difference", OpXor), "update": setUpdate,
		"issubset": setCompare("issubset", CmpLe), "issuperset": setCompare("issuperset", CmpGe),
		"isdisjoint": setDisjoint, "pop": setPop, "clear": setClear, "difference_update": setChange("difference_update", OpSub),
		"intersection_update": setChange("intersection_update", OpAnd), "symmetric_difference_update": setChange("symmetric_difference_update", OpXor),
	}
	for _, name := range []string{"copy", "union", "intersection", "difference", "symmetric_difference", "issubset", "issuperset", "isdisjoint"} {
		all.frozen[name] = all.set[name]
	}
	return all
}

// Append puts a value at the end of the list.
func (l *List) Append(m *Meter, v Value) error {
	if err := m.Grow(valueSize); err != nil {
		return err
	}
	if err := m.checkSize(valueSize * len(l.Items)); err != nil {
		return err
	}
	l.Items = append(l.Items, v)
	return nil
}

func listAppend(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "list.append", 1, 1); err != nil {
		return Value{}, err
	}
	return None(), v.List().Append(m, c.Args[0])
}

func listExtend(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "list.extend", 1, 1); err != nil {
		return Value{}, err
	}
	l, from := v.List(), c.Args[0]
	if from.List() == l {
		from = NewTuple(slices.Clone(l.Items)...) // which does not grow
	}
	err := Each(from, func(item Value) (bool, error) {
		if err := m.Grow(valueSize); err != nil {
			return false, err
		}
		l.Items = append(l.Items, item)
		return true, m.checkSize(valueSize * len(l.Items))
	})
	return None(), err
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

func listPop(m *Meter, v Value, c *Call) (Value, error) {
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
	if err := m.Step(int64(len(l.Items)-i) / 16); err != nil {
		return Value{}, err
	}
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
		same, err := SameOrEqual(m, item, c.Args[0])
		if err != nil {
			return Value{}, err
		}
		if same {
			if err := m.Step(int64(len(l.Items)-i) / 16); err != nil {
				return Value{}, err
			}
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

func listReverse(m *Meter, v Value, c *Call) (Value, error) {
	if err := m.Step(int64(len(v.List().Items)) / 16); err != nil {
		return Value{}, err
	}
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
	if err := m.GrowParts(2*valueSize, int64(len(items))); err != nil {
		return nil, err
	}
	list := make([]sortItem, len(items))
	for i, item := range items {
		k := item
		if key != nil {
			var err error
			if k, err = key(item); err != nil {
				return nil, err
			}
		}
		list[i] = sortItem{key: k, item: item}
	}
	if reverse {
		slices.Reverse(list)
	}
	sort := sortAny
	if allSmall(list) {
		sort = sortSmall
	}
	if err := sort(m, list); err != nil {
		return nil, err
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

// sortItem is an item with what it is sorted by.
type sortItem struct {
	key, item Value
	number    float64 // the key, where all keys are small numbers
}

func allSmall(list []sortItem) bool {
	for i := range list {
		var ok bool
		if list[i].number, ok = list[i].key.small(); !ok {
			return false
		}
	}
	return true
}

// sortSmall sorts by numbers, as columns of amounts and dates do.
func sortSmall(m *Meter, list []sortItem) error {
	if err := m.Step(int64(len(list) * bits.Len(uint(len(list))))); err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b sortItem) int { return compareFloats(a.number, b.number) })
	return nil
}

// sortAny sorts by whatever has an order.
func sortAny(m *Meter, list []sortItem) (failed error) {
	slices.SortStableFunc(list, func(a, b sortItem) int {
		if failed != nil {
			return 0
		}
		if failed = m.Step(1); failed != nil {
			return 0
		}
		// a comes after b, and CPython asks for that one first.
		less, err := CompareWithin(m, CmpLt, a.key, b.key)
		if err != nil {
			failed = err
			return 0
		}
		if less {
			return -1
		}
		if less, err = CompareWithin(m, CmpLt, b.key, a.key); err != nil {
			failed = err
		}
		if less {
			return 1
		}
		return 0
	})
	return failed
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
		same, err := SameOrEqual(m, item, c.Args[0])
		if err != nil {
			return Value{}, err
		}
		if same {
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
		same, err := SameOrEqual(m, items[i], c.Args[0])
		if err != nil {
			return Value{}, err
		}
		if same {
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
