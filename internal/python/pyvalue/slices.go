package pyvalue

import "slices"

// SliceBounds returns the first index, the end and the step of a slice of n elements,
// each bound None if it is left out.
func SliceBounds(n int, lo, hi, step Value) (from, to, by int, err error) {
	return sliceBounds(n, lo, hi, step)
}

// AssignSlice is l[lo:hi:step] = …; items returns what is assigned, and is asked once
// the bounds are known to be right.
func AssignSlice(m *Meter, l *List, lo, hi, step Value, items func() ([]Value, error)) error {
	from, to, by, err := sliceBounds(len(l.Items), lo, hi, step)
	if err != nil {
		return err
	}
	list, err := items()
	if err != nil {
		return err
	}
	if err := m.GrowParts(valueSize, int64(len(l.Items)+len(list))); err != nil {
		return err
	}
	if by == 1 {
		l.Items = slices.Concat(l.Items[:from], list, l.Items[max(from, to):])
		return nil
	}
	at := positions(from, to, by)
	if len(at) != len(list) {
		return valueError("attempt to assign sequence of size %d to extended slice of size %d", len(list), len(at))
	}
	for i, v := range list {
		l.Items[at[i]] = v
	}
	return nil
}

// DeleteSlice is del l[lo:hi:step].
func DeleteSlice(m *Meter, l *List, lo, hi, step Value) error {
	from, to, by, err := sliceBounds(len(l.Items), lo, hi, step)
	if err != nil {
		return err
	}
	if err := m.Step(int64(len(l.Items))); err != nil {
		return err
	}
	gone := make(map[int]bool)
	for _, i := range positions(from, to, by) {
		gone[i] = true
	}
	kept := make([]Value, 0, len(l.Items)-len(gone))
	for i, v := range l.Items {
		if !gone[i] {
			kept = append(kept, v)
		}
	}
	l.Items = kept
	return nil
}

func positions(from, to, by int) (at []int) {
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		at = append(at, i)
	}
	return at
}
