package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// PyWalk walks over what __iter__ returns.
func (o *instance) PyWalk() (pyvalue.Walk, error) {
	if f, ok := o.class.find("__iter__", nil); !ok {
		if _, ok := o.class.find("__getitem__", nil); ok {
			return o.walkItems, nil
		}
		return nil, pyvalue.Raise("TypeError", "'%s' object is not iterable", o.class.name)
	} else if f.IsNone() {
		return nil, pyvalue.Raise("TypeError", "'%s' object is not iterable", o.class.name)
	}
	return func(yield func(value) (bool, error)) error {
		end, err := o.class.r.deeper()
		if err != nil {
			return err
		}
		defer end()
		over, err := o.iterator()
		if err != nil {
			return err
		}
		return pyvalue.Each(over, yield)
	}, nil
}

// walkItems walks over o[0], o[1] and so on, until that raises IndexError.
func (o *instance) walkItems(yield func(value) (bool, error)) error {
	for i := int64(0); ; i++ {
		v, err := o.PyItem(pyvalue.Int(i))
		if e := caught(err); e != nil && derives(e.class, "IndexError") {
			return nil
		}
		if err != nil {
			return err
		}
		if more, err := yield(v); err != nil || !more {
			return err
		}
	}
}

// reversed is what __reversed__ returns, or else the items from the last one.
func (o *instance) reversed() (value, error) {
	if v, ok, err := o.invoke("__reversed__"); ok {
		return v, err
	}
	_, sized := o.class.find("__len__", nil)
	if _, ok := o.class.find("__getitem__", nil); !ok || !sized {
		return value{}, pyvalue.Raise("TypeError", "'%s' object is not reversible", o.class.name)
	}
	n, _, err := o.invoke("__len__")
	if err != nil {
		return value{}, err
	}
	last, _ := n.Int64()
	return o.class.r.lazy("reversed", func(yield func(value) (bool, error)) error {
		for i := last - 1; i >= 0; i-- {
			v, err := o.PyItem(pyvalue.Int(i))
			if err != nil {
				return err
			}
			if more, err := yield(v); err != nil || !more {
				return err
			}
		}
		return nil
	}), nil
}

// iterator is what __iter__ returns, as something that can be walked over.
func (o *instance) iterator() (value, error) {
	v, _, err := o.invoke("__iter__")
	if err != nil {
		return value{}, err
	}
	it, isInstance := v.Object().(*instance)
	if !isInstance {
		if !isLazy(v) {
			return value{}, pyvalue.Raise("TypeError", "iter() returned non-iterator of type '%s'", pyvalue.TypeName(v))
		}
		return v, nil
	}
	return o.class.r.lazy("iterator", func(yield func(value) (bool, error)) error {
		for {
			item, ok, err := it.invoke("__next__")
			if !ok {
				return pyvalue.Raise("TypeError", "iter() returned non-iterator of type '%s'", it.class.name)
			}
			if e := caught(err); e != nil && derives(e.class, "StopIteration") {
				return nil
			}
			if err != nil {
				return err
			}
			if more, err := yield(item); err != nil || !more {
				return err
			}
		}
	}), nil
}
