package txscript

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// bases are the exception classes and what each derives from.
var bases = map[string]string{
	"Exception": "BaseException", "BaseException": "",
	"ArithmeticError": "Exception", "ZeroDivisionError": "ArithmeticError", "OverflowError": "ArithmeticError", "FloatingPointError": "ArithmeticError",
	"AssertionError": "Exception", "AttributeError": "Exception", "LookupError": "Exception", "IndexError": "LookupError", "KeyError": "LookupError",
	"NameError": "Exception", "UnboundLocalError": "NameError", "RuntimeError": "Exception", "RecursionError": "RuntimeError", "NotImplementedError": "RuntimeError",
	"StopIteration": "Exception", "TypeError": "Exception", "ValueError": "Exception", "UnicodeError": "ValueError", "UnicodeEncodeError": "UnicodeError",
	"UnicodeDecodeError": "UnicodeError", "JSONDecodeError": "ValueError", "error": "Exception", "ImportError": "Exception", "ModuleNotFoundError": "ImportError",
	"OSError": "Exception", "EOFError": "Exception", "BufferError": "Exception", "SyntaxError": "Exception", "MemoryError": "Exception", "Error": "ValueError", "FrozenInstanceError": "AttributeError", "ParseError": "SyntaxError",
	"JMESPathError": "ValueError", "GeneratorExit": "BaseException", "KeyboardInterrupt": "BaseException", "SystemExit": "BaseException",
	"ConnectionError": "OSError", "TimeoutError": "OSError", "FileNotFoundError": "OSError", "FileExistsError": "OSError", "PermissionError": "OSError",
	"IsADirectoryError": "OSError", "NotADirectoryError": "OSError", "InterruptedError": "OSError", "BlockingIOError": "OSError",
	"BrokenPipeError": "ConnectionError", "ConnectionAbortedError": "ConnectionError", "ConnectionRefusedError": "ConnectionError", "ConnectionResetError": "ConnectionError",
	"Warning": "Exception", "UserWarning": "Warning", "DeprecationWarning": "Warning", "FutureWarning": "Warning", "RuntimeWarning": "Warning",
	"IndentationError": "SyntaxError", "ReferenceError": "Exception", "SystemError": "Exception",
}

// derives reports whether a class is another or derives from it.
func derives(class, from string) bool {
	for ; class != ""; class = bases[class] {
		if class == from || class == "DivisionByZero" && derives("ZeroDivisionError", from) {
			return true
		}
	}
	return false
}

// excClass is an exception class as a value.
type excClass struct{ name string }

var excClasses = func() map[string]*excClass {
	all := make(map[string]*excClass)
	for name, base := range decimalErrors {
		bases[name] = base
	}
	for name := range bases {
		all[name] = &excClass{name}
	}
	return all
}()

// PyType implements [pyvalue.Object].
func (c *excClass) PyType() string { return "type" }

// PyRepr prints the class.
func (c *excClass) PyRepr() string { return "<class '" + c.name + "'>" }

// PyAttr returns __name__.
func (c *excClass) PyAttr(name string) (value, bool) {
	if name == "__name__" || name == "__qualname__" {
		return pyvalue.Str(c.name), true
	}
	return value{}, false
}

// PyCall makes an exception.
func (c *excClass) PyCall(call *pyvalue.Call) (value, error) {
	if len(call.Names) > 0 {
		return value{}, pyvalue.Raise("TypeError", "%s() takes no keyword arguments", c.name)
	}
	return pyvalue.FromObject(&exception{class: c.name, args: call.Args}), nil
}

// exception is an exception as a value.
type exception struct {
	class string     // builtin
	user  *userClass // of the program that it is of, nil for none
	args  []value
	attrs map[string]value // of a JSONDecodeError

	cause, context *exception
	fromSet        bool // raise … from …
}

// newException makes an exception of an error's class and text.
func newException(class string, args ...value) *exception {
	return &exception{class: class, args: args}
}

// PyType implements [pyvalue.Object].
func (e *exception) PyType() string {
	if e.user != nil {
		return e.user.name
	}
	return e.class
}

// PyGetAttr returns what the program or its class has set.
func (e *exception) PyGetAttr(name string) (value, bool, error) {
	if v, ok := e.attrs[name]; ok {
		return v, true, nil
	}
	if e.user == nil {
		return value{}, false, nil
	}
	v, ok := e.user.find(name, nil)
	if !ok {
		return value{}, false, nil
	}
	self := pyvalue.FromObject(e)
	if p, isProperty := v.Object().(*property); isProperty {
		v, err := pyvalue.CallValue(p.get, &pyvalue.Call{Args: []value{self}, Meter: e.user.r.meter})
		return v, true, err
	}
	return e.user.bound(v, self), true, nil
}

// PySetAttr sets an attribute.
func (e *exception) PySetAttr(name string, v value) error {
	if name == "args" {
		items, ok := v.Items()
		if !ok {
			return pyvalue.Raise("TypeError", "'%s' object is not iterable", pyvalue.TypeName(v))
		}
		e.args = items
		return nil
	}
	if e.attrs == nil {
		e.attrs = make(map[string]value)
	}
	e.attrs[name] = v
	return nil
}

// own calls a method of the program's class that prints the exception.
func (e *exception) own(name string) (string, bool) {
	f, ok, _ := special(pyvalue.FromObject(e), name)
	if !ok {
		return "", false
	}
	v, err := e.user.r.call(f, &pyvalue.Call{Meter: e.user.r.meter})
	e.user.r.deferred(err)
	return v.Text(), true
}

// PyStrWithin returns what str(e) is.
func (e *exception) PyStrWithin(m *pyvalue.Meter) (string, error) {
	if text, ok := e.own("__str__"); ok {
		return text, nil
	}
	return e.plainText(m)
}

// plainText is the text of the arguments.
func (e *exception) plainText(m *pyvalue.Meter) (string, error) {
	switch {
	case len(e.args) == 0:
		return "", nil
	case len(e.args) == 1 && e.class == "KeyError":
		return pyvalue.Repr(m, e.args[0])
	case len(e.args) == 1:
		return pyvalue.String(m, e.args[0])
	case len(e.args) > 3 || !derives(e.class, "OSError"):
		return pyvalue.String(m, pyvalue.NewTuple(e.args...))
	}
	number, err := pyvalue.String(m, e.args[0])
	if err != nil {
		return "", err
	}
	text, err := pyvalue.String(m, e.args[1])
	text = "[Errno " + number + "] " + text
	if err != nil || len(e.args) == 2 {
		return text, err
	}
	name, err := pyvalue.Repr(m, e.args[2])
	return text + ": " + name, err
}

// osAttr is what an OSError has of a system's call.
func (e *exception) osAttr(name string) (value, bool) {
	at := slices.Index([]string{"errno", "strerror", "filename"}, name)
	if at < 0 || !derives(e.class, "OSError") {
		return value{}, false
	}
	if len(e.args) < 2 || at >= len(e.args) {
		return value{}, true
	}
	return e.args[at], true
}

// PyReprWithin prints the exception.
func (e *exception) PyReprWithin(m *pyvalue.Meter) (string, error) {
	if text, ok := e.own("__repr__"); ok {
		return text, nil
	}
	return e.plainRepr(m)
}

func (e *exception) plainRepr(m *pyvalue.Meter) (string, error) {
	args := make([]string, len(e.args))
	for i, a := range e.args {
		var err error
		if args[i], err = pyvalue.Repr(m, a); err != nil {
			return "", err
		}
	}
	return e.PyType() + "(" + strings.Join(args, ", ") + ")", nil
}

// PyAttr returns args, the exception that it was raised from, the one that was
// handled when it was raised, and what else is known of it.
func (e *exception) PyAttr(name string) (value, bool) {
	other := func(e *exception) value {
		if e == nil {
			return value{}
		}
		return pyvalue.FromObject(e)
	}
	if v, ok := e.osAttr(name); ok {
		return v, true
	}
	switch name {
	case "args":
		return pyvalue.NewTuple(e.args...), true
	case "__cause__":
		return other(e.cause), true
	case "__context__":
		return other(e.context), true
	case "__suppress_context__":
		return pyvalue.Bool(e.fromSet), true
	case "add_note":
		return pyvalue.FromObject(&builtin{name, e.addNote}), true
	case "value":
		if derives(e.class, "StopIteration") { // what it was made with; see also ended
			return first(e.args), true
		}
	}
	v, ok := e.attrs[name]
	return v, ok
}

// addNote appends to __notes__.
func (e *exception) addNote(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("BaseException.add_note", 1); err != nil {
		return value{}, err
	}
	if !c.Args[0].IsText() {
		return value{}, pyvalue.Raise("TypeError", "note must be a str, not '%s'", pyvalue.TypeName(c.Args[0]))
	}
	notes, ok := e.attrs["__notes__"]
	if !ok {
		notes = pyvalue.NewList()
		if err := e.PySetAttr("__notes__", notes); err != nil {
			return value{}, err
		}
	}
	list := notes.List()
	if list == nil {
		return value{}, pyvalue.Raise("TypeError", "Cannot add note: __notes__ is not a list")
	}
	list.Items = append(list.Items, c.Args[0])
	return value{}, r.meter.Grow(16)
}

// raisedError is an exception that the program itself raised.
type raisedError struct{ e *exception }

func (r *raisedError) Error() string { return r.plain().Error() }

// errorLimits bound what the error of a run is made of, which has ended then.
var errorLimits = pyvalue.Limits{Steps: 200_000, ValueBytes: 1 << 20}

func (r *raisedError) plain() *pyvalue.Error {
	text, err := r.e.PyStrWithin(pyvalue.NewMeter(context.Background(), errorLimits))
	switch {
	case err == nil:
	case len(r.e.args) == 1 && r.e.args[0].IsText():
		text = r.e.args[0].Text()
	default:
		text = "<exception str() failed>" // as CPython's own messages say
	}
	return &pyvalue.Error{Type: r.e.PyType(), Msg: text}
}

// caught returns the exception that an error is; nil for what no program may
// catch: a limit, or the end of the run.
func caught(err error) *exception {
	if err == nil {
		return nil
	}
	r, raised := err.(*raisedError)
	if raised || errors.As(err, &r) {
		return r.e
	}
	e, raised := err.(*pyvalue.Error)
	if !raised && !errors.As(err, &e) {
		return nil
	}
	if e.Type == "KeyError" {
		return newException(e.Type, pyvalue.FromObject(quoted(e.Msg)))
	}
	if e.Msg == "" {
		return newException(e.Type)
	}
	return newException(e.Type, pyvalue.Str(e.Msg))
}

// quoted is the key of a KeyError of which only the repr is known.
type quoted string

// PyType implements [pyvalue.Object].
func (q quoted) PyType() string { return "str" }

// PyRepr returns the text.
func (q quoted) PyRepr() string { return string(q) }

// PyStr returns the text without its quotes.
func (q quoted) PyStr() string {
	if n := len(q); n > 1 && (q[0] == '\'' || q[0] == '"') && q[n-1] == q[0] {
		return string(q[1 : n-1])
	}
	return string(q)
}
