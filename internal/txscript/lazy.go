package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// lazy is something that can be walked over once: a generator, map, filter, zip,
// enumerate, reversed, or an iterator.
type lazy struct {
	class string
	each  func(yield func(value) (bool, error)) error

	// Once next() is used, the rest is computed and kept.
	started, done bool
	kept          []value
	err           error
}

// PyType implements [pyvalue.Object].
func (l *lazy) PyType() string { return l.class }

// PyRepr prints it without its address.
func (l *lazy) PyRepr() string { return "<" + l.class + " object>" }

// walk yields what is left.
func (l *lazy) walk(yield func(value) (bool, error)) error {
	if l.started {
		for len(l.kept) > 0 {
			v := l.kept[0]
			l.kept = l.kept[1:]
			if more, err := yield(v); err != nil || !more {
				return err
			}
		}
		err := l.err
		l.err = nil
		return err
	}
	if l.done {
		return nil
	}
	l.done = true
	return l.each(yield)
}

// next returns the next element; ok is false at the end.
func (l *lazy) next(r *run) (v value, ok bool, err error) {
	if !l.started {
		l.started = true
		if !l.done {
			l.done = true
			l.err = l.each(func(v value) (bool, error) {
				l.kept = append(l.kept, v)
				return true, r.meter.Grow(24)
			})
		}
	}
	if len(l.kept) == 0 {
		err = l.err
		l.err = nil
		return value{}, false, err
	}
	v = l.kept[0]
	l.kept = l.kept[1:]
	return v, true, nil
}

// iterate calls f with each element of a value, until f returns false.
func (r *run) iterate(v value, f func(value) (bool, error)) error {
	if l, ok := v.Object().(*lazy); ok {
		return l.walk(f)
	}
	if l := v.List(); l != nil {
		for i := 0; i < len(l.Items); i++ { // it may grow meanwhile
			if more, err := f(l.Items[i]); err != nil || !more {
				return err
			}
		}
		return nil
	}
	seq, err := pyvalue.All(v)
	if err != nil {
		return err
	}
	var size int
	d := v.Dict()
	if d != nil {
		size = d.Len()
	}
	for item := range seq {
		more, err := f(item)
		if err != nil || !more {
			return err
		}
		if d != nil && d.Len() != size {
			return pyvalue.Raise("RuntimeError", "dictionary changed size during iteration")
		}
	}
	return nil
}

// iterable raises TypeError for what cannot be walked over.
func iterable(v value) error {
	if _, ok := v.Object().(*lazy); ok {
		return nil
	}
	_, err := pyvalue.All(v)
	return err
}

// collect returns the elements of a value. The slice is the caller's.
func (r *run) collect(v value) ([]value, error) {
	l, ok := v.Object().(*lazy)
	if !ok {
		return pyvalue.Collect(r.meter, v)
	}
	var items []value
	err := l.walk(func(item value) (bool, error) {
		items = append(items, item)
		return true, r.meter.Grow(24)
	})
	return items, err
}

// newLazy makes a lazy value that walks over others.
func newLazy(class string, each func(yield func(value) (bool, error)) error) value {
	return pyvalue.FromObject(&lazy{class: class, each: each})
}
