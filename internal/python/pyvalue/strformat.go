package pyvalue

import (
	"strconv"
	"strings"
)

// formatter is the state of one str.format.
type formatter struct {
	m      *Meter
	markup bool
	call   *Call
	of     Value // that format_map looks names up in
	mapped bool  // it is format_map
	next   int   // of automatic numbering, -1 once fields are numbered by hand
}

func strFormat(m *Meter, v Value, c *Call) (Value, error) {
	if err := m.Work(v); err != nil {
		return Value{}, err
	}
	f := &formatter{m: m, markup: v.Kind() == KindMarkup, call: c}
	text, err := f.format(v.Text(), 2)
	if err != nil {
		return Value{}, err
	}
	return like(v, text), nil
}

func strFormatMap(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "str.format_map", 1, 1); err != nil {
		return Value{}, err
	}
	if err := m.Work(v); err != nil {
		return Value{}, err
	}
	f := &formatter{m: m, markup: v.Kind() == KindMarkup, call: &Call{}, of: c.Args[0], mapped: true}
	text, err := f.format(v.Text(), 2)
	if err != nil {
		return Value{}, err
	}
	return like(v, text), nil
}

// format renders a format string; depth bounds fields within specs.
func (f *formatter) format(text string, depth int) (string, error) {
	if depth <= 0 {
		return "", valueError("Max string recursion exceeded")
	}
	var out []byte
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c != '{' && c != '}':
			out = append(out, c)
			i++
		case i+1 < len(text) && text[i+1] == c:
			out = append(out, c)
			i += 2
		case c == '}':
			return "", valueError("Single '}' encountered in format string")
		default:
			end, err := closing(text, i+1)
			if err != nil {
				return "", err
			}
			if err := f.m.Step(1 + int64(end-i+len(f.call.Names))/perStep); err != nil {
				return "", err
			}
			piece, err := f.field(text[i+1:end], depth)
			if err != nil {
				return "", err
			}
			out = append(out, piece...)
			if err := f.m.checkSize(len(out)); err != nil {
				return "", err
			}
			i = end + 1
		}
	}
	return string(out), nil
}

// closing finds the brace that ends a field.
func closing(text string, from int) (int, error) {
	depth, named := 1, true // named says that the field's name has not ended
	for i := from; i < len(text); i++ {
		switch text[i] {
		case ':', '!':
			named = false
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i, nil
			}
		case '[':
			if depth > 1 || !named {
				break
			}
			end := strings.IndexByte(text[i:], ']')
			if end < 0 {
				return 0, valueError("expected '}' before end of string")
			}
			i += end
		}
	}
	if from == len(text) {
		return 0, valueError("Single '{' encountered in format string")
	}
	return 0, valueError("expected '}' before end of string")
}

func (f *formatter) field(text string, depth int) (string, error) {
	conversion, specText := byte(0), ""
	cut := len(text)
	for i := 0; i < len(text); i++ {
		if text[i] == '[' {
			if end := strings.IndexByte(text[i:], ']'); end >= 0 {
				i += end
				continue
			}
		}
		if text[i] == '!' || text[i] == ':' {
			cut = i
			break
		}
	}
	name := text[:cut]
	if cut < len(text) && text[cut] == '!' {
		rest := text[cut+1:]
		switch {
		case rest == "":
			return "", valueError("end of string while looking for conversion specifier")
		case len(rest) > 1 && rest[1] != ':':
			return "", valueError("expected ':' after conversion specifier")
		}
		conversion, rest = rest[0], rest[1:]
		specText = strings.TrimPrefix(rest, ":")
	} else if cut < len(text) {
		specText = text[cut+1:]
	}
	v, err := f.lookup(name)
	if err != nil {
		return "", err
	}
	switch conversion {
	case 0:
	case 's', 'r', 'a':
		var converted string
		if conversion == 's' {
			converted, err = String(f.m, v)
		} else {
			converted, err = Repr(f.m, v)
		}
		if err != nil {
			return "", err
		}
		if conversion == 'a' {
			converted = asciiOnly(converted)
		}
		v = Str(converted)
	default:
		return "", valueError("Unknown conversion specifier %s", string(conversion))
	}
	if strings.ContainsAny(specText, "{}") {
		if specText, err = f.format(specText, depth-1); err != nil {
			return "", err
		}
	}
	out, err := Format(f.m, v, specText)
	if f.markup && v.Kind() != KindMarkup {
		out = EscapeText(out)
	}
	return out, err
}

// lookup finds the value of a field name such as 0, name, a.b or a[0].
func (f *formatter) lookup(name string) (Value, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	v, err := f.first(name[:end])
	for rest := name[end:]; err == nil && rest != ""; {
		if err := f.m.Step(1); err != nil {
			return Value{}, err
		}
		if rest[0] == '.' {
			stop := strings.IndexAny(rest[1:], ".[")
			if stop < 0 {
				stop = len(rest) - 1
			}
			attr := rest[1 : 1+stop]
			rest = rest[1+stop:]
			if attr == "" {
				return Value{}, valueError("Empty attribute in format string")
			}
			v, err = Attr(v, attr)
			continue
		}
		stop := strings.IndexByte(rest, ']')
		if stop < 0 {
			return Value{}, valueError("Missing ']' in format string")
		}
		key := rest[1:stop]
		rest = rest[stop+1:]
		if key == "" {
			return Value{}, valueError("Empty attribute in format string")
		}
		if rest != "" && rest[0] != '.' && rest[0] != '[' {
			return Value{}, valueError("Only '.' or '[' may follow ']' in format field specifier")
		}
		item := Str(key)
		if n, convErr := strconv.ParseInt(key, 10, 64); convErr == nil && n >= 0 {
			item = Int(n)
		}
		v, err = GetItem(f.m, v, item)
	}
	return v, err
}

// Attr returns an attribute of an object, a part of a number, or a method; of the names with
// an underscore those of classes only are reached this way.
func Attr(v Value, name string) (Value, error) {
	if v.IsUndefined() {
		return Value{}, undefinedError(v)
	}
	if k, ok := v.any.(*ClassName); ok {
		if a, ok := k.PyAttr(name); ok {
			return a, nil
		}
	}
	if o, ok := v.any.(interface {
		PyAttr(name string) (Value, bool)
	}); ok && !strings.HasPrefix(name, "_") {
		if a, ok := o.PyAttr(name); ok {
			return a, nil
		}
	}
	if o, ok := v.any.(interface {
		PyGetAttr(name string) (Value, bool, error)
	}); ok {
		if a, found, err := o.PyGetAttr(name); found || err != nil {
			return a, err
		}
	}
	if a, ok := NumberAttr(v, name); ok {
		return a, nil
	}
	if a, ok := Method(v, name); ok && v.Kind() != KindMarkup {
		return a, nil
	}
	if name == "__class__" && v.Kind() != KindObject {
		return ClassNameOf(v), nil
	}
	return Value{}, Raise("AttributeError", "'%s' object has no attribute '%s'", TypeName(v), name)
}

func (f *formatter) first(name string) (Value, error) {
	numbered := name != "" && strings.Trim(name, "0123456789") == ""
	switch {
	case f.mapped:
		if numbered || name == "" {
			return Value{}, valueError("Format string contains positional fields")
		}
		return ItemOrMade(f.m, f.of, Str(name))
	case name == "":
		if f.next < 0 {
			return Value{}, valueError("cannot switch from manual field specification to automatic field numbering")
		}
		f.next++
		return f.positional(f.next - 1)
	case numbered:
		if f.next > 0 {
			return Value{}, valueError("cannot switch from automatic field numbering to manual field specification")
		}
		f.next = -1
		i, err := strconv.Atoi(name)
		if err != nil {
			return Value{}, valueError("Too many decimal digits in format string")
		}
		return f.positional(i)
	}
	for i, n := range f.call.Names {
		if n == name {
			return f.call.Named[i], nil
		}
	}
	quoted, _ := Repr(nil, Str(name)) // without a meter a text can be printed
	return Value{}, &Error{"KeyError", quoted}
}

func (f *formatter) positional(i int) (Value, error) {
	if i >= len(f.call.Args) {
		return Value{}, Raise("IndexError", "Replacement index %d out of range for positional args tuple", i)
	}
	return f.call.Args[i], nil
}
