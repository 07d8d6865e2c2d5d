package txscript

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

// libraryClass is a class of a module that is written in Go, but the class in the language
// itself: it is made when a program uses it.
type libraryClass struct{ module, name string }

// PyType implements [pyvalue.Object].
func (*libraryClass) PyType() string { return "type" }

// PyRepr prints the class.
func (l *libraryClass) PyRepr() string { return "<class '" + l.module + "." + l.name + "'>" }

// class returns the class as one of the run.
func (l *libraryClass) class(r *run) (value, error) {
	m, err := r.imports(l.module)
	if err != nil {
		return value{}, err
	}
	return m.attrs[l.name], nil
}

// PyAttr returns a method of the class, as a function whose first argument is the object.
func (l *libraryClass) PyAttr(name string) (value, bool) {
	if name == "__name__" || name == "__qualname__" {
		return pyvalue.Str(l.name), true
	}
	return pyvalue.FromObject(&descriptor{builtin{name, func(r *run, c *pyvalue.Call) (value, error) {
		k, err := l.class(r)
		if err != nil {
			return value{}, err
		}
		f, err := getAttr(k, name)
		if err != nil {
			return value{}, err
		}
		return r.call(f, c)
	}}}), true
}
