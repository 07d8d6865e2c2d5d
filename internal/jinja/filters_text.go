package jinja

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

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
	var out string
	lines := pyvalue.SplitLines(text, false)
	if pyvalue.Truth(argument(c, 3, "blank", pyvalue.Bool(false))) {
		out = strings.Join(lines, "\n"+indention)
	} else {
		out = lines[0]
		for _, line := range lines[1:] {
			out += "\n"
			if line != "" {
				out += indention + line
			}
		}
	}
	if pyvalue.Truth(argument(c, 2, "first", pyvalue.Bool(false))) {
		out = indention + out
	}
	return sameText(v, out), nil
}

var (
	comments = regexp.MustCompile(`(?s)<!--.*?-->`)
	tags     = regexp.MustCompile(`(?s)<.*?>`)
)

func filterStriptags(f *frame, c *pyvalue.Call) (value, error) {
	text, err := pyvalue.String(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	text = tags.ReplaceAllString(comments.ReplaceAllString(text, ""), "")
	return pyvalue.Str(unescapeHTML(strings.Join(strings.FieldsFunc(text, ucd.IsSpace), " "))), nil
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
	if err != nil || n <= length+leeway {
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

var words = regexp.MustCompile(`[\p{L}\p{N}_]+`)

func filterWordcount(f *frame, c *pyvalue.Call) (value, error) {
	v, err := softText(f, c.Args[0])
	return pyvalue.Int(int64(len(words.FindAllString(v.Text(), -1)))), err
}

func filterWordwrap(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_wordwrap", 1, "s", "width", "break_long_words", "wrapstring", "break_on_hyphens"); err != nil {
		return value{}, err
	}
	width, err := intArgument(c, 1, "width", 79)
	if err != nil {
		return value{}, err
	}
	separator := "\n"
	if v := argument(c, 3, "wrapstring", value{}); pyvalue.Truth(v) {
		separator = v.Text()
	}
	w := wrapper{width: width, breakLong: pyvalue.Truth(argument(c, 2, "break_long_words", pyvalue.Bool(true))), onHyphens: pyvalue.Truth(argument(c, 4, "break_on_hyphens", pyvalue.Bool(true))), meter: f.meter}
	v := c.Args[0]
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	if !v.IsText() {
		return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute 'splitlines'", pyvalue.TypeName(v))
	}
	if err := f.meter.Grow(int64(len(v.Text())) * (1 + int64(len(separator)))); err != nil {
		return value{}, err
	}
	var out []string
	for _, line := range pyvalue.SplitLines(v.Text(), false) {
		if width <= 0 {
			return value{}, pyvalue.Raise("ValueError", "invalid width %d (must be > 0)", width)
		}
		lines, err := w.wrap(line)
		if err != nil {
			return value{}, err
		}
		out = append(out, strings.Join(lines, separator))
	}
	return pyvalue.Str(strings.Join(out, separator)), nil
}

// wrapper is textwrap.TextWrapper as the filter uses it: white space is kept.
type wrapper struct {
	width     int
	breakLong bool
	onHyphens bool
	meter     *pyvalue.Meter
}

func (w wrapper) wrap(text string) ([]string, error) {
	chunks, err := w.chunks(text)
	if err != nil {
		return nil, err
	}
	slices.Reverse(chunks)
	var lines []string
	for len(chunks) > 0 {
		var line []string
		length := 0
		if strings.TrimFunc(chunks[len(chunks)-1], ucd.IsSpace) == "" && len(lines) > 0 {
			chunks = chunks[:len(chunks)-1]
		}
		for len(chunks) > 0 {
			n := utf8.RuneCountInString(chunks[len(chunks)-1])
			if length+n > w.width {
				break
			}
			line, length = append(line, chunks[len(chunks)-1]), length+n
			chunks = chunks[:len(chunks)-1]
		}
		if len(chunks) > 0 && utf8.RuneCountInString(chunks[len(chunks)-1]) > w.width {
			line, chunks = w.longWord(line, chunks, length)
		}
		if len(line) > 0 && strings.TrimFunc(line[len(line)-1], ucd.IsSpace) == "" {
			line = line[:len(line)-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
		if err := w.meter.Step(1); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

func isTextwrapSpace(r rune) bool { return strings.ContainsRune("\t\n\x0b\x0c\r ", r) }

func (w wrapper) longWord(line, chunks []string, length int) ([]string, []string) {
	space := w.width - length // 0 adds an empty piece, which keeps the white space before it
	last := len(chunks) - 1
	switch {
	case w.breakLong:
		all := []rune(chunks[last])
		end := space
		if w.onHyphens && len(all) > space {
			for i := space - 1; i > 0; i-- {
				if all[i] == '-' && strings.Trim(string(all[:i]), "-") != "" {
					end = i + 1
					break
				}
			}
		}
		return append(line, string(all[:end])), append(chunks[:last], string(all[end:]))
	case len(line) == 0:
		return append(line, chunks[last]), chunks[:last]
	}
	return line, chunks
}

// chunks splits a text where a line may be broken: at white space, and behind
// hyphens within words. They are a value that is too large as others are.
func (w wrapper) chunks(text string) ([]string, error) {
	var chunks []string
	for text != "" {
		err := w.meter.Step(1)
		if err == nil {
			err = w.meter.Fits(int64(len(chunks)) * costOfChunk)
		}
		if err != nil {
			return nil, err
		}
		space := isTextwrapSpace(rune(text[0]))
		end := strings.IndexFunc(text, func(r rune) bool { return isTextwrapSpace(r) != space })
		if end < 0 {
			end = len(text)
		}
		if space || !w.onHyphens {
			chunks = append(chunks, text[:end])
		} else {
			chunks = append(chunks, hyphenated(text[:end])...)
		}
		text = text[end:]
	}
	return chunks, nil
}

// costOfChunk is what a chunk costs in bytes besides its text.
const costOfChunk = 16

// hyphenated splits behind hyphens between letters, and around dashes of two and
// more.
func hyphenated(word string) []string {
	all := []rune(word)
	var parts []string
	from := 0
	for i := 0; i < len(all); i++ {
		if all[i] != '-' {
			continue
		}
		run := i
		for run < len(all) && all[run] == '-' {
			run++
		}
		if run-i >= 2 {
			if i > from && run < len(all) && isWordPunct(all[i-1]) && isWord(all[run]) {
				parts = append(parts, string(all[from:i]), string(all[i:run]))
				from = run
			}
			i = run - 1
			continue
		}
		if i >= 2 && i+2 < len(all) && isLetter(all[i-1]) && (isLetter(all[i-2]) || i >= 3 && all[i-2] == '-' && isLetter(all[i-3])) &&
			isLetter(all[i+1]) && (isLetter(all[i+2]) || all[i+2] == '-' && i+3 < len(all) && isLetter(all[i+3])) {
			parts = append(parts, string(all[from:i+1]))
			from = i + 1
		}
	}
	if from < len(all) {
		parts = append(parts, string(all[from:]))
	}
	return parts
}

// isLetter is [^\W\d] of Python's re.
func isLetter(r rune) bool { return isWord(r) && !ucd.IsDecimal(r) }

// isWord is \w of Python's re.
func isWord(r rune) bool { return r == '_' || ucd.IsAlnum(r) }

func isWordPunct(r rune) bool { return isWord(r) || strings.ContainsRune(`!"'&.,?`, r) }

const urlSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~"

func urlQuote(text string, forQuery bool) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case strings.IndexByte(urlSafe, c) >= 0, c == '/' && !forQuery:
			b.WriteByte(c)
		case c == ' ' && forQuery:
			b.WriteByte('+')
		default:
			b.WriteString("%" + strings.ToUpper(string([]byte{hexDigits[c>>4], hexDigits[c&15]})))
		}
	}
	return b.String()
}

const hexDigits = "0123456789abcdef"

func filterUrlencode(f *frame, c *pyvalue.Call) (value, error) {
	v := c.Args[0]
	quoteText := func(v value, forQuery bool) (string, error) {
		if v.Kind() == pyvalue.KindBytes {
			return urlQuote(string(v.Data()), forQuery), nil
		}
		text, err := pyvalue.String(f.meter, v)
		if err == nil {
			err = f.meter.Grow(3 * int64(len(text)))
		}
		return urlQuote(text, forQuery), err
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
	out, err := j.Append(f.meter, nil, c.Args[0])
	if err != nil {
		return value{}, err
	}
	return pyvalue.Markup(jsonForHTML.Replace(string(out))), nil
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
			item, _, _ := d.Get(k)
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
