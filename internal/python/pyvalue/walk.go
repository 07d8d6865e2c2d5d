package pyvalue

import "iter"

// Walk calls yield with element after element, until that returns false or fails.
type Walk func(yield func(Value) (more bool, err error)) error

// walker is an object that may fail while it is walked over, a generator say. The error
// is TypeError for one that cannot be walked over.
type walker interface{ PyWalk() (Walk, error) }

// Iterable raises TypeError for what cannot be iterated.
func Iterable(v Value) error {
	if w, ok := v.any.(walker); ok {
		_, err := w.PyWalk()
		return err
	}
	_, err := All(v)
	return err
}

// Each calls f with each element of a value, until f returns false or fails.
func Each(v Value, f func(Value) (more bool, err error)) error {
	switch x := v.any.(type) {
	case *List:
		for i := 0; i < len(x.Items); i++ { // it may grow meanwhile
			if more, err := f(x.Items[i]); err != nil || !more {
				return err
			}
		}
		return nil
	case walker:
		walk, err := x.PyWalk()
		if err != nil {
			return err
		}
		return walk(f)
	case *Derived:
		over, ok, err := x.special("__iter__")
		if err != nil {
			return err
		}
		if ok {
			return Each(over, f)
		}
		return Each(x.Base, f)
	}
	seq, err := All(v)
	if err != nil {
		return err
	}
	return eachOf(seq, v.Dict(), f)
}

// eachOf calls f with what a sequence yields; where it is that of a dict, adding to the
// dict meanwhile is an error.
func eachOf(seq iter.Seq[Value], d *Dict, f func(Value) (bool, error)) error {
	size := 0
	if d != nil {
		size = d.Len()
	}
	for item := range seq {
		if more, err := f(item); err != nil || !more {
			return err
		}
		if d != nil && d.Len() != size {
			return Raise("RuntimeError", "dictionary changed size during iteration")
		}
	}
	return nil
}
