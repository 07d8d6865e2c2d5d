package pyvalue

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

func texts(v Value, parts []string) Value {
	items := make([]Value, len(parts))
	for i, p := range parts {
		items[i] = like(v, p)
	}
	return NewList(items...)
}

func split(name string, fromRight bool) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := c.Check(name, 0, "sep", "maxsplit"); err != nil {
			return Value{}, err
		}
		limit := -1
		if arg, ok := c.Arg(1, "maxsplit"); ok {
			var err error
			if limit, err = argInt(arg); err != nil {
				return Value{}, err
			}
		}
		if err := m.GrowParts(valueSize, int64(len(v.Text()))/4); err != nil {
			return Value{}, err
		}
		sep, _ := c.Arg(0, "sep")
		switch {
		case sep.IsNone():
			if limit < 0 && v.Kind() == KindStr && isASCII(v.Text()) {
				return asciiFields(v.Text()), nil
			}
			return texts(v, splitSpace(v.Text(), limit, fromRight)), nil
		case !sep.IsText():
			return Value{}, typeError("must be str or None, not %s", TypeName(sep))
		case sep.Text() == "":
			return Value{}, valueError("empty separator")
		}
		return texts(v, splitText(v.Text(), sep.Text(), limit, fromRight)), nil
	}
}

// asciiFields is split() of a text of ASCII, which has ten blanks.
func asciiFields(text string) Value {
	blank := func(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' || '\x1c' <= c && c <= '\x1f' }
	n, within := 0, false
	for i := range len(text) {
		is := !blank(text[i])
		if is && !within {
			n++
		}
		within = is
	}
	items := make([]Value, 0, n)
	from := -1
	for i := range len(text) {
		switch is := !blank(text[i]); {
		case is && from < 0:
			from = i
		case !is && from >= 0:
			items = append(items, Str(text[from:i]))
			from = -1
		}
	}
	if from >= 0 {
		items = append(items, Str(text[from:]))
	}
	return NewList(items...)
}

func splitText(text, sep string, limit int, fromRight bool) []string {
	if limit < 0 {
		return strings.Split(text, sep)
	}
	if !fromRight {
		return strings.SplitN(text, sep, limit+1)
	}
	var parts []string
	for limit > 0 {
		i := strings.LastIndex(text, sep)
		if i < 0 {
			break
		}
		parts, text, limit = append(parts, text[i+len(sep):]), text[:i], limit-1
	}
	return reversed(append(parts, text))
}

func splitSpace(text string, limit int, fromRight bool) []string {
	var parts []string
	for {
		if fromRight {
			text = strings.TrimRightFunc(text, ucd.IsSpace)
		} else {
			text = strings.TrimLeftFunc(text, ucd.IsSpace)
		}
		if limit == 0 || text == "" {
			break // what is left keeps the blanks at its other end
		}
		var i int
		if fromRight {
			i = strings.LastIndexFunc(text, ucd.IsSpace)
		} else {
			i = strings.IndexFunc(text, ucd.IsSpace)
		}
		if i < 0 {
			break
		}
		if fromRight {
			_, n := utf8.DecodeRuneInString(text[i:])
			parts, text = append(parts, text[i+n:]), text[:i]
		} else {
			parts, text = append(parts, text[:i]), text[i:]
		}
		limit--
	}
	if text != "" {
		parts = append(parts, text)
	}
	if fromRight {
		return reversed(parts)
	}
	return parts
}

func reversed(parts []string) []string {
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return parts
}

// SplitLines is str.splitlines().
func SplitLines(text string, keep bool) []string {
	var lines []string
	for text != "" {
		i := strings.IndexFunc(text, isLineEnd)
		if i < 0 {
			return append(lines, text)
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		if strings.HasPrefix(text[i:], "\r\n") {
			n = 2
		}
		if keep {
			lines = append(lines, text[:i+n])
		} else {
			lines = append(lines, text[:i])
		}
		text = text[i+n:]
	}
	return lines
}

func splitlines(m *Meter, v Value, c *Call) (Value, error) {
	if err := c.Check("splitlines", 0, "keepends"); err != nil {
		return Value{}, err
	}
	keep, _ := c.Arg(0, "keepends")
	if err := m.GrowParts(valueSize, int64(len(v.Text()))/4); err != nil {
		return Value{}, err
	}
	return texts(v, SplitLines(v.Text(), Truth(keep))), nil
}

func partition(name string, fromRight bool) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "str."+name, 1, 1); err != nil {
			return Value{}, err
		}
		if !c.Args[0].IsText() {
			return Value{}, typeError("must be str, not %s", TypeName(c.Args[0]))
		}
		text, sep := v.Text(), c.Args[0].Text()
		if sep == "" {
			return Value{}, valueError("empty separator")
		}
		search := longtext.Index
		if fromRight {
			search = longtext.LastIndex
		}
		i, err := search(text, sep, m.Look)
		switch {
		case err != nil:
			return Value{}, err
		case i >= 0:
			return NewTuple(like(v, text[:i]), like(v, sep), like(v, text[i+len(sep):])), nil
		case fromRight:
			return NewTuple(like(v, ""), like(v, ""), like(v, text)), nil
		}
		return NewTuple(like(v, text), like(v, ""), like(v, "")), nil
	}
}

func strReplace(m *Meter, v Value, c *Call) (Value, error) {
	if len(c.Names) > 0 {
		return Value{}, typeError("str.replace() takes no keyword arguments")
	}
	if err := positional(c, "replace", 2, 3); err != nil {
		return Value{}, err
	}
	limit := -1
	if len(c.Args) == 3 {
		var err error
		if limit, err = argInt(c.Args[2]); err != nil {
			return Value{}, err
		}
	}
	return Replace(m, v, c.Args[0], c.Args[1], limit)
}

// Replace is str.replace().
func Replace(m *Meter, v, before, after Value, limit int) (Value, error) {
	old, err := argText(v, before, "replace() argument 1")
	if err != nil {
		return Value{}, err
	}
	replacement, err := argText(v, after, "replace() argument 2")
	if err != nil {
		return Value{}, err
	}
	text, err := longtext.Replace(v.Text(), old, replacement, limit, m.Look, m.Grow)
	return like(v, text), err
}

func strJoin(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "str.join", 1, 1); err != nil {
		return Value{}, err
	}
	if c.Args[0].IsUndefined() {
		return like(v, ""), nil
	}
	items, err := Collect(m, c.Args[0])
	if err != nil {
		if Iterable(c.Args[0]) != nil {
			err = typeError("can only join an iterable")
		}
		return Value{}, err
	}
	if len(items) == 1 && items[0].Kind() == KindStr && v.Kind() == KindStr {
		return items[0], nil // CPython does not copy it, either
	}
	var b strings.Builder
	for i, item := range items {
		if i > 0 {
			b.WriteString(v.Text())
		}
		if v.Kind() == KindMarkup {
			if item, err = Escape(m, item); err != nil {
				return Value{}, err
			}
		}
		if !item.IsText() {
			return Value{}, typeError("sequence item %d: expected str instance, %s found", i, TypeName(item))
		}
		if err := m.Grow(int64(len(item.Text()) + len(v.Text()))); err != nil {
			return Value{}, err
		}
		b.WriteString(item.Text())
		if err := m.checkSize(b.Len()); err != nil {
			return Value{}, err
		}
	}
	return like(v, b.String()), nil
}

func expandtabs(m *Meter, v Value, c *Call) (Value, error) {
	if err := c.Check("expandtabs", 0, "tabsize"); err != nil {
		return Value{}, err
	}
	size := 8
	if arg, ok := c.Arg(0, "tabsize"); ok {
		var err error
		if size, err = argInt(arg); err != nil {
			return Value{}, err
		}
	}
	if err := m.GrowParts(int64(max(size, 0)), int64(strings.Count(v.Text(), "\t"))); err != nil {
		return Value{}, err
	}
	var b strings.Builder
	column := 0
	err := longtext.Runes(v.Text(), m.Look, func(r rune) bool {
		switch {
		case r == '\t' && size > 0:
			n := size - column%size
			b.WriteString(strings.Repeat(" ", n))
			column += n
		case r == '\t':
		default:
			b.WriteRune(r)
			if column++; r == '\n' || r == '\r' {
				column = 0
			}
		}
		return true
	})
	return like(v, b.String()), err
}

func translate(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "str.translate", 1, 1); err != nil {
		return Value{}, err
	}
	var b strings.Builder
	for _, r := range v.Text() {
		if err := m.Step(1); err != nil {
			return Value{}, err
		}
		if err := m.Fits(int64(b.Len())); err != nil {
			return Value{}, err
		}
		to, err := GetItem(m, c.Args[0], Int(int64(r)))
		switch {
		case err != nil && !isLookupError(err):
			return Value{}, err
		case err != nil:
			b.WriteRune(r)
		case to.IsNone():
		case to.IsText():
			if err := m.Grow(int64(len(to.Text()))); err != nil {
				return Value{}, err
			}
			b.WriteString(to.Text())
		case to.isInteger():
			i, ok := to.Int64()
			if !ok || i < 0 || i > unicode.MaxRune {
				return Value{}, valueError("character mapping must be in range(0x110000)")
			}
			b.WriteRune(rune(i))
		default:
			return Value{}, typeError("character mapping must return integer, None or str")
		}
	}
	return like(v, b.String()), nil
}

// isLookupError reports whether a table has no entry for a key.
func isLookupError(err error) bool {
	e, ok := err.(*Error)
	return ok && (e.Type == "KeyError" || e.Type == "IndexError" || e.Type == "LookupError")
}

func maketrans(m *Meter, _ Value, c *Call) (Value, error) {
	if err := positional(c, "maketrans", 1, 3); err != nil {
		return Value{}, err
	}
	table := NewDict()
	if len(c.Args) == 1 {
		if c.Args[0].Kind() != KindDict {
			return Value{}, typeError("if you give only one argument to maketrans it must be a dict")
		}
		for k, to := range c.Args[0].Dict().All() {
			if k.IsText() {
				all := []rune(k.Text())
				if len(all) != 1 {
					return Value{}, valueError("string keys in translate table must be of length 1")
				}
				k = Int(int64(all[0]))
			}
			if err := table.SetWithin(m, k, to); err != nil {
				return Value{}, err
			}
		}
		return table.Value(), nil
	}
	for i, a := range c.Args[1:] {
		if !a.IsText() {
			return Value{}, typeError("maketrans() argument %d must be str, not %s", i+2, TypeName(a))
		}
	}
	if !c.Args[0].IsText() {
		return Value{}, typeError("first maketrans argument must be a string if there is a second argument")
	}
	from, to := []rune(c.Args[0].Text()), []rune(c.Args[1].Text())
	if len(from) != len(to) {
		return Value{}, valueError("the first two maketrans arguments must have equal length")
	}
	for i := range from {
		_ = table.Set(Int(int64(from[i])), Int(int64(to[i]))) // ints can be hashed
	}
	if len(c.Args) == 3 {
		for _, r := range c.Args[2].Text() {
			_ = table.Set(Int(int64(r)), None())
		}
	}
	return table.Value(), nil
}
