package pyvalue

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
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

// FloatToInt returns int(f).
func FloatToInt(f float64) (Value, error) {
	if math.IsNaN(f) {
		return Value{}, valueError("cannot convert float NaN to integer")
	}
	if math.IsInf(f, 0) {
		return Value{}, Raise("OverflowError", "cannot convert float infinity to integer")
	}
	i, _ := new(big.Float).SetFloat64(f).Int(nil) // a fraction is cut off, as int() does
	return BigInt(i), nil
}

// bigOf reads digits. Those of a base that is a power of two may be many, and are put together
// at once: math/big takes the square of their number.
func bigOf(digits string, base int) (n *big.Int, ok bool) {
	if base&(base-1) != 0 {
		return new(big.Int).SetString(digits, base)
	}
	width := bits.TrailingZeros(uint(base))
	words := make([]big.Word, (len(digits)*width+bits.UintSize-1)/bits.UintSize)
	for i := range len(digits) {
		digit, err := strconv.ParseUint(digits[i:i+1], 36, 8)
		if err != nil || digit >= uint64(base) {
			return nil, false
		}
		at := (len(digits) - 1 - i) * width
		word, shift := at/bits.UintSize, at%bits.UintSize
		words[word] |= big.Word(digit) << shift
		if over := shift + width - bits.UintSize; over > 0 {
			words[word+1] |= big.Word(digit) >> (width - over)
		}
	}
	return new(big.Int).SetBits(words), true
}

// ParseInt returns int(text, base) for a base of 2 to 36, or 0 for a prefix.
func ParseInt(m *Meter, text string, base int) (Value, error) {
	if err := m.Step(int64(len(text)) / bytesOfStep); err != nil {
		return Value{}, err
	}
	if base != 0 && (base < 2 || base > 36) {
		return Value{}, valueError("int() base must be >= 2 and <= 36, or 0")
	}
	invalid := func() error {
		quoted, _ := Repr(nil, Str(text)) // without a meter a text can be printed
		return valueError("invalid literal for int() with base %d: %s", base, quoted)
	}
	digits := strings.TrimFunc(text, ucd.IsSpace)
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	prefixed := map[int]string{2: "0b", 8: "0o", 16: "0x"}
	actual := base
	if len(digits) > 1 && digits[0] == '0' {
		for b, p := range prefixed {
			if (base == 0 || base == b) && strings.EqualFold(digits[:2], p) {
				actual, digits = b, strings.TrimPrefix(digits[2:], "_")
				break
			}
		}
	}
	if actual == 0 {
		actual = 10
		if strings.Trim(digits, "0_") != "" && strings.HasPrefix(digits, "0") {
			return Value{}, invalid()
		}
	}
	digits = asciiDigits(digits)
	if digits == "" || strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") || strings.ContainsAny(digits, "+-") {
		return Value{}, invalid()
	}
	digits = strings.ReplaceAll(digits, "_", "")
	if len(digits) > 4300 && actual&(actual-1) != 0 {
		return Value{}, valueError("Exceeds the limit (4300 digits) for integer string conversion: value has %d digits; use sys.set_int_max_str_digits() to increase the limit", len(digits))
	}
	if i, err := strconv.ParseInt(digits, actual, 64); err == nil {
		if negative {
			i = -i
		}
		return Int(i), nil
	}
	b, ok := bigOf(digits, actual)
	if !ok {
		return Value{}, invalid()
	}
	if negative {
		b.Neg(b)
	}
	return BigInt(b), nil
}

// nans counts those that were made.
var nans atomic.Uint64

// newNaN returns a nan that is another object than every other one: by its bits.
func newNaN() Value {
	return Float(math.Float64frombits(0x7ff8<<48 | nans.Add(1)&(1<<48-1)))
}

// bytesOfStep is how many bytes of a number are read in a step.
const bytesOfStep = 8

// ParseFloat returns float(text).
func ParseFloat(m *Meter, text string) (Value, error) {
	if isDecimal(text) {
		f, _ := strconv.ParseFloat(text, 64) // it is one, and too short to be out of range
		return Float(f), nil
	}
	if err := m.Step(int64(len(text)) / bytesOfStep); err != nil {
		return Value{}, err
	}
	digits := asciiDigits(strings.TrimFunc(text, ucd.IsSpace))
	lower := strings.ToLower(strings.TrimLeft(digits, "+-"))
	named := lower == "inf" || lower == "infinity" || lower == "nan"
	bad := digits == "" || strings.ContainsAny(lower, "xp") || len(digits)-len(lower) > 1 || strings.HasPrefix(lower, "_") || strings.HasSuffix(lower, "_")
	err := longtext.Pieces(lower, m.Look, func(piece string) error {
		bad = bad || !named && strings.Trim(piece, "0123456789._e+-") != ""
		return nil
	})
	for _, wrong := range []string{"__", "_.", "._", "_e", "e_"} {
		at := -1
		if err == nil && !bad {
			at, err = longtext.Index(lower, wrong, m.Look)
		}
		bad = bad || at >= 0
	}
	if err != nil {
		return Value{}, err
	}
	if lower == "nan" && !bad {
		return newNaN(), nil
	}
	f, err := longtext.ParseFloat(strings.ReplaceAll(digits, "_", ""), m.Look)
	if over := m.Look(0); err != nil && over != nil {
		return Value{}, over
	}
	if bad || err != nil && f == 0 {
		quoted, err := Repr(m, Str(text))
		if err != nil {
			return Value{}, err
		}
		return Value{}, valueError("could not convert string to float: %s", quoted)
	}
	return Float(f), nil
}

// isDecimal reports a number as most texts have it: a few digits, with a point or without.
func isDecimal(text string) bool {
	digits, points := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		case c != '-' || i > 0:
			return false
		}
	}
	return digits > 0 && points < 2 && len(text) < 40
}
