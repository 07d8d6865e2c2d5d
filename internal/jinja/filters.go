package jinja

import (
	"math"
	"math/big"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// filters are all filters of a stock environment, and Rossum's additions.
func filters() map[string]filterFunc { return filtersOnUse.Get(makeFilters) }

var filtersOnUse onuse.Value[map[string]filterFunc]

// refusedFilters are not there, and why.
var refusedFilters = map[string]string{
	"random": "an export must be the same every time",
}

func makeFilters() map[string]filterFunc {
	return map[string]filterFunc{
		"abs": filterAbs, "attr": filterAttr, "batch": filterBatch, "capitalize": textFilter(ucd.CapitalizeWithin), "center": filterCenter,
		"count": filterLength, "d": filterDefault, "default": filterDefault, "dictsort": filterDictsort, "e": filterEscape, "escape": filterEscape,
		"filesizeformat": filterFilesize, "first": filterFirst, "float": filterFloat, "forceescape": filterForceEscape, "format": filterFormat,
		"groupby": filterGroupby, "indent": filterIndent, "int": filterInt, "items": filterItems, "join": filterJoin, "last": filterLast,
		"length": filterLength, "list": filterList, "lower": textFilter(ucd.LowerWithin), "map": filterMap, "max": filterExtreme("max", pyvalue.CmpGt),
		"min": filterExtreme("min", pyvalue.CmpLt), "pprint": filterPprint, "reject": selector(false, false), "rejectattr": selector(false, true),
		"replace": filterReplace, "reverse": filterReverse, "round": filterRound, "safe": filterSafe, "select": selector(true, false),
		"selectattr": selector(true, true), "slice": filterSlice, "sort": filterSort, "string": filterString, "striptags": filterStriptags,
		"sum": filterSum, "title": filterTitle, "tojson": filterTojson, "trim": filterTrim, "truncate": filterTruncate, "unique": filterUnique,
		"upper": textFilter(ucd.UpperWithin), "urlencode": filterUrlencode, "urlize": filterUrlize, "wordcount": filterWordcount,
		"wordwrap": filterWordwrap, "xmlattr": filterXmlattr,
		"b64encode": filterB64encode, "b64decode": filterB64decode,
	}
}

// softText is soft_str: Markup stays, everything else becomes a str.
func softText(f *frame, v value) (value, error) {
	if v.IsText() {
		return v, nil
	}
	text, err := pyvalue.String(f.meter, v)
	return pyvalue.Str(text), err
}

// sameText gives a new text the class of an old one.
func sameText(like value, text string) value {
	if like.Kind() == pyvalue.KindMarkup {
		return pyvalue.Markup(text)
	}
	return pyvalue.Str(text)
}

// argument returns an argument of a filter by position (the value itself is 0)
// or name, or its default.
func argument(c *pyvalue.Call, i int, name string, fallback value) value {
	if v, ok := c.Arg(i, name); ok {
		return v
	}
	return fallback
}

func intArgument(c *pyvalue.Call, i int, name string, fallback int) (int, error) {
	v := argument(c, i, name, pyvalue.Int(int64(fallback)))
	if v.IsUndefined() {
		return 0, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	n, ok := v.Int64()
	if !ok {
		return 0, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
	}
	return int(n), nil
}

func textArgument(f *frame, c *pyvalue.Call, i int, name, fallback string) (string, error) {
	return pyvalue.String(f.meter, argument(c, i, name, pyvalue.Str(fallback)))
}

func textFilter(apply func(string, longtext.Look) (string, error)) filterFunc {
	return func(f *frame, c *pyvalue.Call) (value, error) {
		if err := c.Check("filter", 1, "s"); err != nil {
			return value{}, err
		}
		v, err := softText(f, c.Args[0])
		if err != nil {
			return value{}, err
		}
		if err := f.meter.Grow(int64(len(v.Text()))); err != nil {
			return value{}, err
		}
		text, err := apply(v.Text(), f.meter.Look)
		if err == nil {
			err = f.meter.Fits(int64(len(text))) // which may have three characters for one
		}
		return sameText(v, text), err
	}
}

func filterAbs(f *frame, c *pyvalue.Call) (value, error) {
	v := c.Args[0]
	if !v.IsNumber() {
		return value{}, pyvalue.Raise("TypeError", "bad operand type for abs(): '%s'", pyvalue.TypeName(v))
	}
	if less, _ := pyvalue.Compare(pyvalue.CmpLt, v, pyvalue.Int(0)); less {
		return pyvalue.Neg(f.meter, v)
	}
	if f, ok := v.Float64(); ok && f == 0 && v.Kind() == pyvalue.KindFloat {
		return pyvalue.Float(0), nil
	}
	return pyvalue.Pos(v)
}

func filterAttr(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_attr", 2, "obj", "name"); err != nil {
		return value{}, err
	}
	name, err := pyvalue.String(f.meter, argument(c, 1, "name", value{}))
	if err != nil {
		return value{}, err
	}
	v := c.Args[0]
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	if a, ok := attr(v, name); ok {
		return a, nil
	}
	return withoutAttribute(v, name), nil
}

func filterDefault(_ *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_default", 1, "value", "default_value", "boolean"); err != nil {
		return value{}, err
	}
	v := c.Args[0]
	if v.IsUndefined() || pyvalue.Truth(argument(c, 2, "boolean", pyvalue.Bool(false))) && !pyvalue.Truth(v) {
		return argument(c, 1, "default_value", pyvalue.Str("")), nil
	}
	return v, nil
}

func filterEscape(f *frame, c *pyvalue.Call) (value, error) {
	return pyvalue.Escape(f.meter, c.Args[0])
}

func filterForceEscape(f *frame, c *pyvalue.Call) (value, error) {
	text, err := pyvalue.String(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	return pyvalue.Escape(f.meter, pyvalue.Str(text))
}

func filterSafe(f *frame, c *pyvalue.Call) (value, error) {
	text, err := pyvalue.String(f.meter, c.Args[0])
	return pyvalue.Markup(text), err
}

func filterString(f *frame, c *pyvalue.Call) (value, error) { return softText(f, c.Args[0]) }

func filterCenter(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_center", 1, "value", "width"); err != nil {
		return value{}, err
	}
	v, err := softText(f, c.Args[0])
	if err != nil {
		return value{}, err
	}
	return pyvalue.CallMethod(f.meter, v, "center", &pyvalue.Call{Args: []value{argument(c, 1, "width", pyvalue.Int(80))}})
}

func filterFormat(f *frame, c *pyvalue.Call) (value, error) {
	if len(c.Args) > 1 && len(c.Names) > 0 {
		return value{}, pyvalue.Raise("FilterArgumentError", "can't handle positional and keyword arguments at the same time")
	}
	v, err := softText(f, c.Args[0])
	if err != nil {
		return value{}, err
	}
	args := pyvalue.NewTuple(c.Args[1:]...)
	if len(c.Names) > 0 {
		d := pyvalue.NewDict()
		for i, n := range c.Names {
			d.SetStr(n, c.Named[i])
		}
		args = d.Value()
	}
	return pyvalue.PercentFormat(f.meter, v, args)
}

func filterReplace(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_replace", 3, "s", "old", "new", "count"); err != nil {
		return value{}, err
	}
	limit := -1
	if n := argument(c, 3, "count", value{}); !n.IsNone() {
		var err error
		if limit, err = intArgument(c, 3, "count", -1); err != nil {
			return value{}, err
		}
	}
	v, old, replacement := c.Args[0], argument(c, 1, "old", value{}), argument(c, 2, "new", value{})
	var err error
	switch {
	case !f.escape:
		// Without autoescape everything is made a plain text first.
		var parts [3]string
		for i, part := range []value{v, old, replacement} {
			if parts[i], err = pyvalue.String(f.meter, part); err != nil {
				return value{}, err
			}
		}
		v, old, replacement = pyvalue.Str(parts[0]), pyvalue.Str(parts[1]), pyvalue.Str(parts[2])
	case old.Kind() == pyvalue.KindMarkup || replacement.Kind() == pyvalue.KindMarkup && v.Kind() != pyvalue.KindMarkup:
		v, err = pyvalue.Escape(f.meter, v)
	default:
		v, err = softText(f, v)
	}
	if err != nil {
		return value{}, err
	}
	if old, err = softText(f, old); err != nil {
		return value{}, err
	}
	if replacement, err = softText(f, replacement); err != nil {
		return value{}, err
	}
	return pyvalue.Replace(f.meter, v, old, replacement, limit)
}

func filterTitle(f *frame, c *pyvalue.Call) (value, error) {
	v, err := softText(f, c.Args[0])
	if err != nil {
		return value{}, err
	}
	if err := f.meter.Grow(int64(len(v.Text()))); err != nil {
		return value{}, err
	}
	var b strings.Builder
	start := true
	err = longtext.Runes(v.Text(), f.meter.Look, func(r rune) bool {
		if strings.ContainsRune("-({[<", r) || ucd.IsSpace(r) {
			b.WriteRune(r)
			start = true
			return true
		}
		if start {
			b.WriteString(ucd.Upper(string(r)))
		} else {
			b.WriteString(ucd.Lower(string(r)))
		}
		start = false
		return true
	})
	if err == nil {
		err = f.meter.Fits(int64(b.Len()))
	}
	// The filter joins pieces with a plain text, so that Markup is lost.
	return pyvalue.Str(b.String()), err
}

func filterTrim(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_trim", 1, "value", "chars"); err != nil {
		return value{}, err
	}
	v, err := softText(f, c.Args[0])
	if err != nil {
		return value{}, err
	}
	return pyvalue.CallMethod(f.meter, v, "strip", &pyvalue.Call{Args: []value{argument(c, 1, "chars", value{})}})
}

func filterInt(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_int", 1, "value", "default", "base"); err != nil {
		return value{}, err
	}
	v, fallback := c.Args[0], argument(c, 1, "default", pyvalue.Int(0))
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	base, err := intArgument(c, 2, "base", 10)
	if err != nil {
		base = -1 // with which no text is a number, so that it is read as a float below
	}
	switch {
	case v.IsText():
		n, err := pyvalue.ParseInt(f.meter, v.Text(), base)
		if err == nil {
			return n, nil
		}
		parsed, err := pyvalue.ParseFloat(f.meter, v.Text())
		if err != nil {
			return unlessEnded(fallback, err)
		}
		v = parsed
	case v.Kind() == pyvalue.KindBytes:
		return filterInt(f, &pyvalue.Call{Args: []value{pyvalue.Str(string(v.Data())), fallback}})
	}
	if i := v.BigInt(); i != nil {
		return pyvalue.BigInt(i), nil
	}
	if n, ok := v.Float64(); ok {
		whole, err := pyvalue.FloatToInt(n)
		// Jinja2 3.1.6 takes the default for a text that is infinite; 3.1.2 does not yet.
		if e, is := err.(*pyvalue.Error); is && e.Type == "OverflowError" && !c.Args[0].IsText() {
			return value{}, err
		}
		if err != nil {
			return fallback, nil
		}
		return whole, nil
	}
	return fallback, nil
}

// unlessEnded returns what is taken instead of a value that raises an exception. A limit or the
// context that has ended is not one.
func unlessEnded(instead value, err error) (value, error) {
	if _, raised := err.(*pyvalue.Error); raised {
		return instead, nil
	}
	return value{}, err
}

func filterFloat(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_float", 1, "value", "default"); err != nil {
		return value{}, err
	}
	v, fallback := c.Args[0], argument(c, 1, "default", pyvalue.Float(0))
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	if v.IsText() {
		n, err := pyvalue.ParseFloat(f.meter, v.Text())
		if err != nil {
			return unlessEnded(fallback, err)
		}
		return n, nil
	}
	if v.IsNumber() {
		n, ok := v.Float64()
		if !ok {
			return value{}, pyvalue.Raise("OverflowError", "int too large to convert to float")
		}
		return pyvalue.Float(n), nil
	}
	return fallback, nil
}

func filterRound(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_round", 1, "value", "precision", "method"); err != nil {
		return value{}, err
	}
	method, err := textArgument(f, c, 2, "method", "common")
	if err != nil {
		return value{}, err
	}
	if method != "common" && method != "ceil" && method != "floor" {
		return value{}, pyvalue.Raise("FilterArgumentError", "method must be common, ceil or floor")
	}
	digits, err := intArgument(c, 1, "precision", 0)
	if err != nil {
		return value{}, err
	}
	v := c.Args[0]
	if method == "common" {
		if v.IsUndefined() {
			return value{}, pyvalue.Raise("TypeError", "type Undefined doesn't define __round__ method")
		}
		return pyvalue.Round(f.meter, v, pyvalue.Int(int64(digits)))
	}
	return roundDirected(f, v, digits, method == "ceil")
}

// roundDirected is math.ceil or math.floor of value * 10**precision, divided again.
func roundDirected(f *frame, v value, digits int, up bool) (value, error) {
	unit, err := pyvalue.Binary(f.meter, pyvalue.OpPow, pyvalue.Int(10), pyvalue.Int(int64(digits)))
	if err != nil {
		return value{}, err
	}
	scaled, err := pyvalue.Binary(f.meter, pyvalue.OpMul, v, unit)
	if err != nil {
		return value{}, err
	}
	if !scaled.IsNumber() {
		return value{}, pyvalue.Raise("TypeError", "must be real number, not %s", pyvalue.TypeName(scaled))
	}
	whole := scaled
	if n, ok := scaled.Float64(); ok && scaled.Kind() == pyvalue.KindFloat {
		if whole, err = pyvalue.FloatToInt(n); err != nil {
			return value{}, err
		}
		op, step := pyvalue.CmpLt, pyvalue.Int(1)
		if !up {
			op, step = pyvalue.CmpGt, pyvalue.Int(-1)
		}
		if off, _ := pyvalue.Compare(op, whole, scaled); off {
			if whole, err = pyvalue.Binary(f.meter, pyvalue.OpAdd, whole, step); err != nil {
				return value{}, err
			}
		}
	}
	return pyvalue.Binary(f.meter, pyvalue.OpDiv, whole, unit)
}

func filterFilesize(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_filesizeformat", 1, "value", "binary"); err != nil {
		return value{}, err
	}
	size, err := toFloat(f, c.Args[0])
	if err != nil {
		return value{}, err
	}
	n, _ := size.Float64()
	base, prefixes := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if pyvalue.Truth(argument(c, 1, "binary", pyvalue.Bool(false))) {
		base, prefixes = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case n == 1:
		return pyvalue.Str("1 Byte"), nil
	case n < base:
		whole, err := pyvalue.FloatToInt(n)
		if err != nil {
			return value{}, err
		}
		text, err := pyvalue.String(f.meter, whole)
		return pyvalue.Str(text + " Bytes"), err
	}
	unit := big.NewInt(int64(base)) // exact, as Python's integers are
	for i, prefix := range prefixes {
		unit.Mul(unit, big.NewInt(int64(base)))
		if whole := new(big.Float).SetInt(unit); !math.IsNaN(n) && new(big.Float).SetFloat64(n).Cmp(whole) < 0 || i == len(prefixes)-1 {
			divisor, _ := whole.Float64()
			text, err := pyvalue.Format(f.meter, pyvalue.Float(base*n/divisor), ".1f")
			return pyvalue.Str(text + " " + prefix), err
		}
	}
	return value{}, nil
}

// toFloat is Python's float().
func toFloat(f *frame, v value) (value, error) {
	switch {
	case v.IsUndefined():
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	case v.IsText():
		return pyvalue.ParseFloat(f.meter, v.Text())
	case v.IsNumber():
		n, ok := v.Float64()
		if !ok {
			return value{}, pyvalue.Raise("OverflowError", "int too large to convert to float")
		}
		return pyvalue.Float(n), nil
	}
	return value{}, pyvalue.Raise("TypeError", "float() argument must be a string or a real number, not '%s'", pyvalue.TypeName(v))
}
