package pyvalue

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

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
		digit := digitOf(digits[i])
		if digit >= base {
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

// digitOf is the value of a digit or letter, 36 for anything else.
func digitOf(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'Z':
		return int(c-'A') + 10
	}
	return 36
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
