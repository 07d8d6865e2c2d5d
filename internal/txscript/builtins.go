package txscript

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// builtin is a function that is always there.
type builtin struct {
	name string
	f    func(r *run, c *pyvalue.Call) (value, error)
}

// PyType implements [pyvalue.Object].
func (b *builtin) PyType() string { return "builtin_function_or_method" }

// PyRepr prints the function.
func (b *builtin) PyRepr() string { return "<built-in function " + b.name + ">" }

// PyAttr returns __name__.
func (b *builtin) PyAttr(name string) (value, bool) {
	return pyvalue.Str(b.name), name == "__name__" || name == "__qualname__"
}

// PyCall calls the function where no run is at hand: as a key of sort, say.
func (b *builtin) PyCall(c *pyvalue.Call) (value, error) {
	return b.f(&run{host: &Host{}, meter: c.Meter}, c)
}

// class is a builtin class: it makes values, and isinstance knows it.
type class struct {
	builtin
	has   func(v value) bool
	attrs map[string]value // besides those of every class
}

// PyType implements [pyvalue.Object].
func (k *class) PyType() string { return "type" }

// PyRepr prints the class.
func (k *class) PyRepr() string { return "<class '" + k.name + "'>" }

// Name is the class's name.
func (k *class) Name() string { return k.name }

// PyAttr returns __name__, and the few class methods there are.
func (k *class) PyAttr(name string) (value, bool) {
	if v, ok := k.attrs[name]; ok {
		return v, true
	}
	switch {
	case name == "__name__" || name == "__qualname__":
		return pyvalue.Str(k.name[strings.LastIndexByte(k.name, '.')+1:]), true
	case k.name == "dict" && name == "fromkeys":
		return pyvalue.FromObject(&builtin{"fromkeys", fromKeys}), true
	case name == "maketrans" && k.name == "bytes":
		return pyvalue.Method(pyvalue.Bytes(nil), name)
	case name == "maketrans" && k.name == "str", name == "fromhex" && k.name == "bytes":
		self := pyvalue.Str("")
		if name == "fromhex" {
			return pyvalue.FromObject(&builtin{name, bytesFromHex}), true
		}
		return pyvalue.Method(self, name)
	case k.name == "int" && name == "from_bytes":
		return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) { return pyvalue.IntFromBytes(r.meter, c) }}), true
	case k.name == "float" && name == "fromhex":
		return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("float.fromhex", 1); err != nil {
				return value{}, err
			}
			if !c.Args[0].IsText() {
				return value{}, pyvalue.Raise("TypeError", "bad argument type for built-in operation")
			}
			return pyvalue.FloatFromHex(c.Args[0].Text())
		}}), true
	}
	if v, ok := pyvalue.LineageAttr(k.name, name, classNamed); ok {
		return v, true
	}
	return k.unbound(name)
}

// classNamed returns a builtin class by its name.
func classNamed(name string) value {
	for _, k := range classes() {
		if k.name == name {
			return pyvalue.FromObject(k)
		}
	}
	return pyvalue.FromObject(&class{builtin: builtin{name, notCalled(name)}, has: ofType(name)})
}

// costOfEntry is what an entry of a dict is counted as.
const costOfEntry = 96

func fromKeys(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("fromkeys", 1, "iterable", "value"); err != nil {
		return value{}, err
	}
	fill, _ := c.Arg(1, "value")
	d := pyvalue.NewDict()
	err := pyvalue.Each(c.Args[0], func(key value) (bool, error) {
		if err := r.meter.Grow(costOfEntry); err != nil {
			return false, err
		}
		return true, d.SetWithin(r.meter, key, fill)
	})
	return d.Value(), err
}

// ofModules are exceptions that only a module has.
var ofModules = []string{"JSONDecodeError", "error", "Error", "FrozenInstanceError", "ParseError", "JMESPathError"}

// builtins are the functions and classes by name.
func builtins() map[string]value { return builtinsOnUse.Get(makeBuiltins) }

var builtinsOnUse onuse.Value[map[string]value]

func makeBuiltins() map[string]value {
	all := map[string]value{"math": mathModule(), "json": jsonModule(), "re": reModule(), "NotImplemented": pyvalue.FromObject(theNotImplemented), "__name__": pyvalue.Str("formula")}
	for name, f := range functions() {
		all[name] = pyvalue.FromObject(&builtin{name, f})
	}
	for name, f := range libraryFunctions() {
		all[name] = pyvalue.FromObject(&builtin{name, f})
	}
	all["_lib_element"], all["_lib_parse_error"] = pyvalue.FromObject(elementClass()), pyvalue.FromObject(excClasses["ParseError"])
	for name, s := range showers {
		all[name] = pyvalue.FromObject(s)
	}
	for name, k := range excClasses {
		if _, ofDecimal := decimalErrors[name]; !ofDecimal && !slices.Contains(ofModules, name) {
			all[name] = pyvalue.FromObject(k)
		}
	}
	for _, k := range classes() {
		all[k.name] = pyvalue.FromObject(k)
	}
	all["IOError"], all["EnvironmentError"] = all["OSError"], all["OSError"]
	return all
}

// notCalled is what a class is called with that formulas have only to ask for.
func notCalled(name string) func(*run, *pyvalue.Call) (value, error) {
	return func(*run, *pyvalue.Call) (value, error) {
		return value{}, pyvalue.Raise("TypeError", "%s() cannot be called in formulas", name)
	}
}

func functions() map[string]func(r *run, c *pyvalue.Call) (value, error) {
	return functionsOnUse.Get(makeFunctions)
}

var functionsOnUse onuse.Value[map[string]func(r *run, c *pyvalue.Call) (value, error)]

func makeFunctions() map[string]func(r *run, c *pyvalue.Call) (value, error) {
	return map[string]func(r *run, c *pyvalue.Call) (value, error){
		"len": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("len", 1); err != nil {
				return value{}, err
			}
			if _, ok := c.Args[0].Object().(*lazy); ok {
				return value{}, pyvalue.Raise("TypeError", "object of type '%s' has no len()", pyvalue.TypeName(c.Args[0]))
			}
			if o, ok := c.Args[0].Object().(*instance); ok {
				if v, has, err := o.invoke("__len__"); has {
					if n, isInt := v.Int64(); err == nil && (!isInt || n < 0) {
						if !isInt {
							return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
						}
						return value{}, pyvalue.Raise("ValueError", "__len__() should return >= 0")
					}
					return v, err
				}
			}
			if k, ok := c.Args[0].Object().(*userClass); ok && k.isEnum {
				return pyvalue.Int(int64(len(k.members))), nil
			}
			if err := r.meter.Work(c.Args[0]); err != nil {
				return value{}, err
			}
			n, err := pyvalue.Len(c.Args[0])
			return pyvalue.Int(int64(n)), err
		},
		"abs": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("abs", 1); err != nil {
				return value{}, err
			}
			v := c.Args[0]
			if own, has, err := invokeSpecial(r, v, "__abs__"); has {
				return own, err
			}
			if o, ok := v.Object().(interface{ PyAbs() (value, error) }); ok {
				return o.PyAbs()
			}
			if !v.IsNumber() {
				return value{}, pyvalue.Raise("TypeError", "bad operand type for abs(): '%s'", pyvalue.TypeName(v))
			}
			negative, err := pyvalue.Compare(pyvalue.CmpLt, v, pyvalue.Int(0))
			if err == nil && negative {
				return pyvalue.Neg(r.meter, v)
			}
			if f, ok := v.Float64(); ok && f == 0 && v.Kind() == pyvalue.KindFloat {
				return pyvalue.Float(0), nil
			}
			if err == nil {
				return pyvalue.Pos(v)
			}
			return v, err
		},
		"round":      round,
		"sum":        sum,
		"min":        func(r *run, c *pyvalue.Call) (value, error) { return extreme(r, c, "min", pyvalue.CmpLt) },
		"max":        func(r *run, c *pyvalue.Call) (value, error) { return extreme(r, c, "max", pyvalue.CmpGt) },
		"any":        func(r *run, c *pyvalue.Call) (value, error) { return anyOrAll(r, c, "any", true) },
		"all":        func(r *run, c *pyvalue.Call) (value, error) { return anyOrAll(r, c, "all", false) },
		"sorted":     sorted,
		"isinstance": isInstance,
		"issubclass": isSubclass,
		"callable": func(_ *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("callable", 1); err != nil {
				return value{}, err
			}
			if o, ok := c.Args[0].Object().(*instance); ok {
				_, has, err := special(pyvalue.FromObject(o), "__call__")
				return pyvalue.Bool(has), err
			}
			return pyvalue.Bool(pyvalue.Callable(c.Args[0])), nil
		},
		"divmod": divmod,
		"pow": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Check("pow", 2, "base", "exp", "mod"); err != nil {
				return value{}, err
			}
			base, _ := c.Arg(0, "base")
			exp, _ := c.Arg(1, "exp")
			if mod, ok := c.Arg(2, "mod"); ok && !mod.IsNone() {
				return powMod(r.meter, base, exp, mod)
			}
			return pyvalue.Binary(r.meter, pyvalue.OpPow, base, exp)
		},
		"repr": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("repr", 1); err != nil {
				return value{}, err
			}
			text, err := pyvalue.Repr(r.meter, c.Args[0])
			return pyvalue.Str(text), err
		},
		"ascii": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("ascii", 1); err != nil {
				return value{}, err
			}
			text, err := pyvalue.Repr(r.meter, c.Args[0])
			if err != nil {
				return value{}, err
			}
			text, err = asciiRepr(r.meter, text)
			return pyvalue.Str(text), err
		},
		"format": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Check("format", 1, "value", "format_spec"); err != nil {
				return value{}, err
			}
			spec, _ := c.Arg(1, "format_spec")
			text, err := pyvalue.Format(r.meter, c.Args[0], spec.Text())
			return pyvalue.Str(text), err
		},
		"bin": inBase("bin", "#b"), "oct": inBase("oct", "#o"), "hex": inBase("hex", "#x"),
		"chr": func(_ *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("chr", 1); err != nil {
				return value{}, err
			}
			n, ok := c.Args[0].Int64()
			if !ok {
				return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(c.Args[0]))
			}
			if n < 0 || n > utf8.MaxRune {
				return value{}, pyvalue.Raise("ValueError", "chr() arg not in range(0x110000)")
			}
			if n >= 0xD800 && n <= 0xDFFF {
				return value{}, pyvalue.Raise("ValueError", "chr() of half a surrogate pair is not a character here")
			}
			return pyvalue.Str(string(rune(n))), nil
		},
		"ord": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("ord", 1); err != nil {
				return value{}, err
			}
			if !c.Args[0].IsText() {
				return value{}, pyvalue.Raise("TypeError", "ord() expected string of length 1, but %s found", pyvalue.TypeName(c.Args[0]))
			}
			if err := r.meter.Work(c.Args[0]); err != nil {
				return value{}, err
			}
			text := c.Args[0].Text()
			if n := utf8.RuneCountInString(text); n != 1 {
				return value{}, pyvalue.Raise("TypeError", "ord() expected a character, but string of length %d found", n)
			}
			ch, _ := utf8.DecodeRuneInString(text)
			return pyvalue.Int(int64(ch)), nil
		},
		"iter": func(r *run, c *pyvalue.Call) (value, error) {
			if len(c.Args) == 2 && len(c.Names) == 0 {
				return untilEqual(r, c.Args[0], c.Args[1])
			}
			if err := c.Exactly("iter", 1); err != nil {
				return value{}, err
			}
			v := c.Args[0]
			if _, ok := v.Object().(*lazy); ok {
				return v, nil
			}
			return r.iterator(v)
		},
		"next":    next,
		"print":   func(*run, *pyvalue.Call) (value, error) { return value{}, nil }, // there is nobody to read it
		"getattr": getAttribute,
		"setattr": setAttribute,
		"hasattr": hasAttribute,
		"hash": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("hash", 1); err != nil {
				return value{}, err
			}
			if err := r.meter.Key(c.Args[0]); err != nil {
				return value{}, err
			}
			h, err := pyvalue.Hash(c.Args[0])
			return pyvalue.Int(h), err
		},
		"id":     idOf,
		"vars":   varsOf,
		"dir":    dirOf,
		"map":    mapFunction,
		"filter": filterFunction,
		"is_empty": func(_ *run, c *pyvalue.Call) (value, error) {
			return oneArg(c, "is_empty", func(v value) value { return pyvalue.Bool(IsEmpty(v)) })
		},
		"is_set": func(_ *run, c *pyvalue.Call) (value, error) {
			return oneArg(c, "is_set", func(v value) value { return pyvalue.Bool(!IsEmpty(v)) })
		},
		"default_to": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("default_to", 2); err != nil {
				return value{}, err
			}
			return defaultTo(r, c.Args[0], c.Args[1])
		},
		"substitute": substitute,
	}
}

// defaultTo is Rossum's default_to, for a list element by element.
func defaultTo(r *run, v, otherwise value) (value, error) {
	l := v.List()
	if l == nil {
		if IsEmpty(v) {
			return otherwise, nil
		}
		return v, nil
	}
	items := slices.Clone(l.Items)
	for i, item := range items {
		if IsEmpty(item) {
			items[i] = otherwise
		}
	}
	return pyvalue.NewList(items...), r.meter.Grow(int64(24 * len(items)))
}

// IsEmpty reports what Rossum's is_empty does: None, an empty field, or a text
// without characters.
func IsEmpty(v pyvalue.Value) bool {
	switch v.Kind() {
	case pyvalue.KindNone:
		return true
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return v.Text() == ""
	case pyvalue.KindObject:
		_, isEmpty := v.Object().(*empty)
		return isEmpty
	}
	return false
}

func oneArg(c *pyvalue.Call, name string, f func(value) value) (value, error) {
	if err := c.Exactly(name, 1); err != nil {
		return value{}, err
	}
	return f(c.Args[0]), nil
}

// empty is the value of a number or date field that has none: it prints as None
// and is false, but is not None.
type empty struct{}

// Empty returns the value of a number or date field that is empty.
func Empty() pyvalue.Value { return pyvalue.FromObject(theEmpty) }

var theEmpty = &empty{}

// PyType implements [pyvalue.Object].
func (*empty) PyType() string { return "NoneType" }

// PyStr prints None.
func (*empty) PyStr() string { return "None" }

// PyTruth is false.
func (*empty) PyTruth() bool { return false }

// PyEqual compares with None.
func (*empty) PyEqual(other value) bool {
	_, isEmpty := other.Object().(*empty)
	return isEmpty || other.IsNone()
}

// PyHash is that of None.
func (*empty) PyHash() (string, error) { return "None", nil }

// inBase is bin, oct or hex.
func inBase(name, spec string) func(r *run, c *pyvalue.Call) (value, error) {
	return func(r *run, c *pyvalue.Call) (value, error) {
		if err := c.Exactly(name, 1); err != nil {
			return value{}, err
		}
		v := c.Args[0]
		if v.Kind() != pyvalue.KindInt && v.Kind() != pyvalue.KindBool {
			return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
		}
		text, err := pyvalue.Format(r.meter, v, spec)
		return pyvalue.Str(text), err
	}
}

// apart makes a function of the interpreter of one that needs nothing of it.
func apart(f func(c *pyvalue.Call) (value, error)) func(r *run, c *pyvalue.Call) (value, error) {
	return func(_ *run, c *pyvalue.Call) (value, error) { return f(c) }
}

func round(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("round", 1, "number", "ndigits"); err != nil {
		return value{}, err
	}
	v, _ := c.Arg(0, "number")
	digits, _ := c.Arg(1, "ndigits")
	return pyvalue.Round(r.meter, v, digits)
}
