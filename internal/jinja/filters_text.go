package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

func filterIndent(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_indent", 1, "s", "width", "first", "blank"); err != nil {
		return value{}, err
	}
	width := argument(c, 1, "width", pyvalue.Int(4))
	indention := ""
	if width.IsText() {
		indention = width.Text()
	} else {
		n, err := intArgument(c, 1, "width", 4)
		if err != nil {
			return value{}, err
		}
		if err := f.meter.Grow(int64(max(n, 0))); err != nil {
			return value{}, err
		}
		indention = strings.Repeat(" ", max(n, 0))
	}
	v := c.Args[0]
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	if !v.IsText() {
		return value{}, pyvalue.Raise("TypeError", "unsupported operand type(s) for +=: '%s' and 'str'", pyvalue.TypeName(v))
	}
	text := v.Text() + "\n" // so that an empty last line stays
	if err := f.meter.Grow(int64(len(text)) + int64(len(indention))*int64(strings.Count(text, "\n"))); err != nil {
		return value{}, err
	}
	first := pyvalue.Truth(argument(c, 2, "first", pyvalue.Bool(false)))
	blank := pyvalue.Truth(argument(c, 3, "blank", pyvalue.Bool(false)))
	var out strings.Builder
	looked := 0
	for i, line := range pyvalue.SplitLines(text, false) {
		if out.Len()-looked >= longtext.Piece {
			if err := f.meter.Look(out.Len() - looked); err != nil {
				return value{}, err
			}
			looked = out.Len()
		}
		if i > 0 {
			out.WriteByte('\n')
		}
		if i == 0 && first || i > 0 && (blank || line != "") {
			out.WriteString(indention)
		}
		out.WriteString(line)
	}
	return sameText(v, out.String()), nil
}

func filterStriptags(f *frame, c *pyvalue.Call) (value, error) {
	text, err := pyvalue.String(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	if err := f.meter.Step(int64(len(text)) / 16); err != nil {
		return value{}, err
	}
	for _, marks := range [][2]string{{"<!--", "-->"}, {"<", ">"}} {
		if text, err = without(f.meter.Look, text, marks[0], marks[1]); err != nil {
			return value{}, err
		}
	}
	if err := f.meter.Grow(int64(len(text))); err != nil {
		return value{}, err
	}
	text, err = oneBlank(f.meter.Look, text)
	return pyvalue.Str(unescapeHTML(text)), err
}

// oneBlank puts one blank for all white space between words, and none around them.
func oneBlank(look longtext.Look, text string) (string, error) {
	var out strings.Builder
	within := false // a word, with which the text so far ends
	err := longtext.Runes(text, look, func(r rune) bool {
		if ucd.IsSpace(r) {
			within = false
			return true
		}
		if !within && out.Len() > 0 {
			out.WriteByte(' ')
		}
		within = true
		out.WriteRune(r)
		return true
	})
	return out.String(), err
}

// without returns a text without what begins and ends with two marks.
func without(look longtext.Look, text, begins, ends string) (string, error) {
	var out strings.Builder
	for looked := len(text); ; {
		if looked-len(text) >= longtext.Piece {
			if err := look(looked - len(text)); err != nil {
				return "", err
			}
			looked = len(text)
		}
		from, err := longtext.Index(text, begins, look)
		if from < 0 || err != nil {
			out.WriteString(text)
			return out.String(), err
		}
		length, err := longtext.Index(text[from+len(begins):], ends, look)
		if length < 0 || err != nil {
			out.WriteString(text)
			return out.String(), err
		}
		out.WriteString(text[:from])
		text = text[from+len(begins)+length+len(ends):]
	}
}

func filterTruncate(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_truncate", 1, "s", "length", "killwords", "end", "leeway"); err != nil {
		return value{}, err
	}
	length, err := intArgument(c, 1, "length", 255)
	if err != nil {
		return value{}, err
	}
	end := argument(c, 3, "end", pyvalue.Str("..."))
	leeway := 5
	if v := argument(c, 4, "leeway", value{}); !v.IsNone() {
		if leeway, err = intArgument(c, 4, "leeway", 5); err != nil {
			return value{}, err
		}
	}
	endLen, err := pyvalue.Len(end)
	if err != nil {
		return value{}, err
	}
	if length < endLen {
		return value{}, pyvalue.Raise("AssertionError", "expected length >= %d, got %d", endLen, length)
	}
	if leeway < 0 {
		return value{}, pyvalue.Raise("AssertionError", "expected leeway >= 0, got %d", leeway)
	}
	v := c.Args[0]
	n, err := pyvalue.Len(v)
	if err != nil || n-leeway <= length {
		return v, err
	}
	cut, err := pyvalue.Slice(f.meter, v, value{}, pyvalue.Int(int64(length-endLen)), value{})
	if err != nil {
		return value{}, err
	}
	if !pyvalue.Truth(argument(c, 2, "killwords", pyvalue.Bool(false))) && cut.IsText() {
		if i := strings.LastIndex(cut.Text(), " "); i >= 0 {
			cut = sameText(cut, cut.Text()[:i])
		}
	}
	return pyvalue.Binary(f.meter, pyvalue.OpAdd, cut, end)
}

// inWord is \w of Python's regular expressions, as far as Go's Unicode goes.
func inWord(r rune) bool { return r == '_' || unicode.In(r, unicode.L, unicode.N) }

func filterWordcount(f *frame, c *pyvalue.Call) (value, error) {
	v, err := softText(f, c.Args[0])
	if err != nil {
		return value{}, err
	}
	n, within := 0, false
	err = longtext.Runes(v.Text(), f.meter.Look, func(r rune) bool {
		is := inWord(r)
		if is && !within {
			n++
		}
		within = is
		return true
	})
	return pyvalue.Int(int64(n)), err
}

const urlSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~"

// isURLSafe has the bytes that stay as they are.
var isURLSafe = func() (safe [256]bool) {
	for i := range len(urlSafe) {
		safe[urlSafe[i]] = true
	}
	return safe
}()

func urlQuote(look longtext.Look, text string, forQuery bool) (string, error) {
	var b strings.Builder
	err := longtext.Pieces(text, look, func(piece string) error {
		for i := range len(piece) {
			switch c := piece[i]; {
			case isURLSafe[c], c == '/' && !forQuery:
				b.WriteByte(c)
			case c == ' ' && forQuery:
				b.WriteByte('+')
			default:
				b.WriteByte('%')
				b.WriteByte(hexDigits[c>>4])
				b.WriteByte(hexDigits[c&15])
			}
		}
		return nil
	})
	return b.String(), err
}

const hexDigits = "0123456789ABCDEF"

func filterUrlencode(f *frame, c *pyvalue.Call) (value, error) {
	v := c.Args[0]
	quoteText := func(v value, forQuery bool) (string, error) {
		if v.Kind() == pyvalue.KindBytes {
			return urlQuote(f.meter.Look, string(v.Data()), forQuery)
		}
		text, err := pyvalue.String(f.meter, v)
		if err == nil {
			err = f.meter.Grow(3 * int64(len(text)))
		}
		if err != nil {
			return "", err
		}
		return urlQuote(f.meter.Look, text, forQuery)
	}
	_, iterates := pyvalue.All(v)
	if v.IsText() || iterates != nil {
		text, err := quoteText(v, false)
		return pyvalue.Str(text), err
	}
	var pairs []value
	if d := v.Dict(); d != nil {
		for k, item := range d.All() {
			pairs = append(pairs, pyvalue.NewTuple(k, item))
		}
	} else {
		var err error
		if pairs, err = pyvalue.Collect(f.meter, v); err != nil {
			return value{}, err
		}
	}
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		items, err := pyvalue.Collect(f.meter, p)
		if err != nil {
			return value{}, pyvalue.Raise("TypeError", "cannot unpack non-iterable %s object", pyvalue.TypeName(p))
		}
		if len(items) != 2 {
			return value{}, pyvalue.Raise("ValueError", "%s values to unpack (expected 2%s)", map[bool]string{true: "not enough", false: "too many"}[len(items) < 2], map[bool]string{true: ", got " + string(rune('0'+len(items)%2))}[len(items) < 2])
		}
		key, err := quoteText(items[0], true)
		if err != nil {
			return value{}, err
		}
		val, err := quoteText(items[1], true)
		if err != nil {
			return value{}, err
		}
		parts[i] = key + "=" + val
	}
	return pyvalue.Str(strings.Join(parts, "&")), nil
}

func filterXmlattr(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_xmlattr", 1, "d", "autospace"); err != nil {
		return value{}, err
	}
	v := c.Args[0]
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	d := v.Dict()
	if d == nil {
		return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute 'items'", pyvalue.TypeName(v))
	}
	var parts []string
	size := int64(0)
	for k, item := range d.All() {
		if item.IsNone() || item.IsUndefined() {
			continue
		}
		if !k.IsText() {
			return value{}, pyvalue.Raise("TypeError", "expected string or bytes-like object, got '%s'", pyvalue.TypeName(k))
		}
		if strings.ContainsAny(k.Text(), " \t\n\r\f\v/>=") {
			return value{}, pyvalue.Raise("ValueError", "Invalid character in attribute name: %s", quote(k.Text()))
		}
		name, err := pyvalue.Escape(f.meter, k)
		if err != nil {
			return value{}, err
		}
		text, err := pyvalue.Escape(f.meter, item)
		if err != nil {
			return value{}, err
		}
		parts = append(parts, name.Text()+`="`+text.Text()+`"`)
		size += int64(len(parts[len(parts)-1]))
		if err := f.meter.Fits(size); err != nil {
			return value{}, err
		}
	}
	out := strings.Join(parts, " ")
	if out != "" && pyvalue.Truth(argument(c, 1, "autospace", pyvalue.Bool(true))) {
		out = " " + out
	}
	if f.escape {
		return pyvalue.Markup(out), nil
	}
	return pyvalue.Str(out), nil
}

func filterTojson(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_tojson", 1, "value", "indent"); err != nil {
		return value{}, err
	}
	j := pyvalue.JSON{SortKeys: true}
	switch indent := argument(c, 1, "indent", value{}); {
	case indent.IsText():
		j.Indent = indent.Text()
	case !indent.IsNone():
		n, err := intArgument(c, 1, "indent", 0)
		if err != nil {
			return value{}, err
		}
		j.Indent, j.Newlines = strings.Repeat(" ", max(0, min(n, 1000))), true
	}
	out, err := j.Append(f.meter, f.scratch[:0], c.Args[0])
	if len(out) <= maxScratch {
		f.scratch = out
	}
	if err != nil {
		return value{}, err
	}
	var b strings.Builder
	err = longtext.Pieces(string(out), f.meter.Look, func(piece string) error {
		if _, err := jsonForHTML.WriteString(&b, piece); err != nil {
			return err
		}
		return f.meter.Fits(int64(b.Len()))
	})
	return pyvalue.Markup(b.String()), err
}

var jsonForHTML = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)

func filterPprint(f *frame, c *pyvalue.Call) (value, error) {
	text, err := pprint(f.meter, c.Args[0], 0, 0)
	return pyvalue.Str(text), err
}

// pprint is pprint.pformat with its defaults, but that long texts are not split.
func pprint(m *pyvalue.Meter, v value, indent, allowance int) (string, error) {
	if d := v.Dict(); d != nil {
		sorted := pyvalue.NewDict()
		keys, err := pyvalue.Sorted(m, d.Keys(), nil, false)
		if err != nil {
			keys = d.Keys() // keys without an order stay as they are
		}
		for _, k := range keys {
			item, _, err := d.GetWithin(m, k)
			if err != nil {
				return "", err
			}
			_ = sorted.Set(k, item) // it was hashable before
		}
		v = sorted.Value()
	}
	text, err := pyvalue.Repr(m, v)
	if err != nil || utf8.RuneCountInString(text) <= 80-indent-allowance {
		return text, err
	}
	switch v.Kind() {
	case pyvalue.KindList, pyvalue.KindTuple:
		items, _ := v.Items()
		open, closing := "[", "]"
		if v.Kind() == pyvalue.KindTuple {
			open, closing = "(", ")"
			if len(items) == 1 {
				closing = ",)"
			}
		}
		parts := make([]string, len(items))
		for i, item := range items {
			rest := 1
			if i == len(items)-1 {
				rest = allowance + len(closing)
			}
			if parts[i], err = pprint(m, item, indent+1, rest); err != nil {
				return "", err
			}
		}
		return open + strings.Join(parts, ",\n"+strings.Repeat(" ", indent+1)) + closing, nil
	case pyvalue.KindDict:
		var parts []string
		n := v.Dict().Len()
		for k, item := range v.Dict().All() {
			key, err := pyvalue.Repr(m, k)
			if err != nil {
				return "", err
			}
			rest := 1
			if len(parts) == n-1 {
				rest = allowance + 1
			}
			below, err := pprint(m, item, indent+utf8.RuneCountInString(key)+3, rest)
			if err != nil {
				return "", err
			}
			parts = append(parts, key+": "+below)
		}
		return "{" + strings.Join(parts, ",\n"+strings.Repeat(" ", indent+1)) + "}", nil
	case pyvalue.KindStr:
		if strings.ContainsAny(v.Text(), " \t\n\r") {
			return "", pyvalue.Raise("TemplateRuntimeError", "pprint of a text of more than a line is not supported")
		}
	}
	return text, nil
}
