package pyvalue

import (
	"math/big"
	"strings"
	"unicode/utf8"
)

// percent is the state of one % formatting.
type percent struct {
	m      *Meter
	format Value
	args   Value
	items  []Value
	used   int
	mapped bool
}

// PercentFormat returns format % args. With Markup as format what is put in is
// escaped.
func PercentFormat(m *Meter, format, args Value) (Value, error) {
	p := &percent{m: m, format: format, args: args}
	if args.Kind() == KindTuple {
		p.items, _ = args.Items()
	} else {
		p.items = []Value{args}
	}
	text := format.Text()
	var out []byte
	for {
		i := strings.IndexByte(text, '%')
		if i < 0 {
			out = append(out, text...)
			break
		}
		out = append(out, text[:i]...)
		piece, rest, err := p.conversion(text[i+1:], len(format.Text())-len(text)+i+1)
		if err != nil {
			return Value{}, err
		}
		out, text = append(out, piece...), rest
		if err := m.checkSize(len(out)); err != nil {
			return Value{}, err
		}
	}
	if err := m.Step(int64(len(out)) / perStep); err != nil {
		return Value{}, err
	}
	if !p.mapped && p.used < len(p.items) && !isMapping(args) {
		return Value{}, typeError("not all arguments converted during string formatting")
	}
	if format.Kind() == KindMarkup {
		return Markup(string(out)), nil
	}
	return Str(string(out)), nil
}

// isMapping is CPython's test for arguments that need not all be used: what can
// be indexed and is no tuple or str.
func isMapping(v Value) bool {
	switch v.Kind() {
	case KindList, KindDict, KindBytes, KindUndefined:
		return true
	case KindObject:
		_, ok := v.any.(interface {
			PyItem(key Value) (Value, error)
		})
		return ok
	}
	return false
}

func (p *percent) next() (Value, error) {
	if p.used >= len(p.items) {
		return Value{}, typeError("not enough arguments for format string")
	}
	p.used++
	return p.items[p.used-1], nil
}

// conversion formats one %… whose text begins after the percent sign.
func (p *percent) conversion(text string, position int) (piece, rest string, err error) {
	whole := text
	var arg Value
	haveArg := false
	if strings.HasPrefix(text, "(") {
		if arg, text, err = p.key(text); err != nil {
			return "", "", err
		}
		haveArg = true
	}
	s := spec{fill: " ", precision: -1, align: '>'}
	left := false
	for text != "" && strings.IndexByte("#0- +", text[0]) >= 0 {
		switch text[0] {
		case '#':
			s.alt = true
		case '0':
			s.zero = true
		case '-':
			left = true
		case '+':
			s.sign = '+'
		case ' ':
			if s.sign == 0 {
				s.sign = ' '
			}
		}
		text = text[1:]
	}
	if s.width, text, err = p.number(text); err != nil {
		return "", "", err
	}
	if s.width < 0 {
		s.width, left = -s.width, true
	}
	if strings.HasPrefix(text, ".") {
		if s.precision, text, err = p.number(text[1:]); err != nil {
			return "", "", err
		}
		s.precision = max(s.precision, 0)
	}
	if text != "" && strings.IndexByte("hlL", text[0]) >= 0 {
		text = text[1:]
	}
	if text == "" {
		return "", "", valueError("incomplete format")
	}
	kind, n := utf8.DecodeRuneInString(text)
	rest = text[n:]
	if kind == '%' && len(text) == len(whole) {
		return "%", rest, nil
	}
	if kind == '%' && !haveArg { // %5% takes an argument, and then is no conversion
		if _, err := p.next(); err != nil {
			return "", "", err
		}
	}
	if !strings.ContainsRune("sradiuoxXeEfFgGc", kind) {
		return "", "", valueError("unsupported format character '%c' (0x%x) at index %d", kind, kind, utf8.RuneCountInString(p.format.Text()[:position+len(whole)-len(text)]))
	}
	if !haveArg {
		if arg, err = p.next(); err != nil {
			return "", "", err
		}
	}
	if left {
		s.align, s.zero = '<', false
	}
	piece, err = p.convert(arg, s, byte(kind))
	return piece, rest, err
}

// key reads %(name) and returns the value of that key.
func (p *percent) key(text string) (Value, string, error) {
	if p.args.Kind() != KindDict {
		return Value{}, "", typeError("format requires a mapping")
	}
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			p.mapped = true
			v, err := GetItem(p.m, p.args, Str(text[1:i]))
			return v, text[i+1:], err
		}
	}
	return Value{}, "", valueError("incomplete format key")
}

// number reads a width or a precision, which may be a * for the next argument.
func (p *percent) number(text string) (int, string, error) {
	if !strings.HasPrefix(text, "*") {
		n, rest, err := leadingInt(text)
		if err != nil {
			err = valueError("width too big")
		}
		return n, rest, err
	}
	v, err := p.next()
	if err != nil {
		return 0, "", err
	}
	i, ok := v.Int64()
	if !ok {
		return 0, "", typeError("* wants int")
	}
	return int(i), text[1:], nil
}

func (p *percent) convert(v Value, s spec, kind byte) (string, error) {
	whole := v
	v = v.plain()
	markup := p.format.Kind() == KindMarkup
	switch kind {
	case 's', 'r', 'a':
		v = whole
		text, err := p.text(v, kind, markup)
		if err != nil {
			return "", err
		}
		if s.precision >= 0 {
			text = text[:offset(text, s.precision)]
		}
		return pad(p.m, "", text, s)
	case 'c':
		return p.char(v, s)
	case 'd', 'i', 'u', 'o', 'x', 'X':
		return p.integer(v, s, kind)
	}
	if o, ok := v.any.(interface{ PyReal() (float64, error) }); ok {
		f, err := o.PyReal()
		if err != nil {
			return "", err
		}
		v = Float(f)
	}
	f, ok := v.Float64()
	if !v.IsNumber() {
		return "", typeError("must be real number, not %s", TypeName(v))
	}
	if !ok {
		return "", Raise("OverflowError", "int too large to convert to float")
	}
	if s.zero {
		s.fill, s.align = "0", '='
	}
	s.kind = kind
	if s.precision < 0 {
		s.precision = 6
	}
	return formatFloat(p.m, f, s)
}

func (p *percent) text(v Value, kind byte, markup bool) (string, error) {
	if kind == 's' {
		if markup {
			escaped, err := Escape(p.m, v)
			return escaped.Text(), err
		}
		return String(p.m, v)
	}
	text, err := Repr(p.m, v)
	if kind == 'a' {
		text = asciiOnly(text)
	}
	if markup {
		text = EscapeText(text)
	}
	return text, err
}

func asciiOnly(text string) string {
	var out []byte
	for _, r := range text {
		switch {
		case r < 0x80:
			out = append(out, byte(r))
		case r <= 0xff:
			out = appendHex(append(out, `\x`...), r, 2)
		case r <= 0xffff:
			out = appendHex(append(out, `\u`...), r, 4)
		default:
			out = appendHex(append(out, `\U`...), r, 8)
		}
	}
	return string(out)
}

func (p *percent) char(v Value, s spec) (string, error) {
	if v.IsText() && utf8.RuneCountInString(v.Text()) == 1 {
		return pad(p.m, "", v.Text(), s)
	}
	if !v.isInteger() {
		return "", typeError("%%c requires int or char")
	}
	i, ok := v.Int64()
	if !ok || i < 0 || i > utf8.MaxRune {
		return "", Raise("OverflowError", "%%c arg not in range(0x110000)")
	}
	if isSurrogate(i) {
		return "", errSurrogate("%c")
	}
	return pad(p.m, "", string(rune(i)), s)
}

func (p *percent) integer(v Value, s spec, kind byte) (string, error) {
	i := v.BigInt()
	if f, ok := v.float(); ok && strings.IndexByte("diu", kind) >= 0 {
		whole, err := FloatToInt(f)
		if err != nil {
			return "", err
		}
		i = whole.BigInt()
	}
	if o, ok := v.any.(interface{ PyInt() (Value, error) }); ok && strings.IndexByte("diu", kind) >= 0 {
		whole, err := o.PyInt()
		if err != nil {
			return "", err
		}
		i = whole.BigInt()
	}
	if i == nil {
		if strings.IndexByte("diu", kind) >= 0 {
			return "", typeError("%%%c format: a real number is required, not %s", kind, TypeName(v))
		}
		return "", typeError("%%%c format: an integer is required, not %s", kind, TypeName(v))
	}
	base, prefix := 10, ""
	switch kind {
	case 'o':
		base, prefix = 8, "0o"
	case 'x', 'X':
		base, prefix = 16, "0"+string(kind)
	}
	if base == 10 && i.BitLen() > maxIntBits {
		return "", valueError("Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit")
	}
	digits := new(big.Int).Abs(i).Text(base)
	if kind == 'X' {
		digits = strings.ToUpper(digits)
	}
	if !s.alt {
		prefix = ""
	}
	if missing := s.precision - len(digits); missing > 0 {
		if err := p.m.Grow(int64(missing)); err != nil {
			return "", err
		}
		digits = strings.Repeat("0", missing) + digits
	}
	if s.zero {
		s.fill, s.align = "0", '='
	}
	return pad(p.m, sign(i.Sign() < 0, s)+prefix, digits, s)
}
