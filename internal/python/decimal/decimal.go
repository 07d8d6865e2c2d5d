// Package decimal computes with decimal numbers as Python's module of that name does:
// exact coefficients with an exponent, and a context that results are rounded to (the
// General Decimal Arithmetic Specification, speleotrove.com/decimal).
//
// Traps are those of Python's default context: invalid operations, divisions by zero
// and overflows are errors; what is inexact or too small is rounded silently. Values
// cannot be changed, and are safe for concurrent use.
package decimal

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/ucd"

	"golang.org/x/text/unicode/runenames"
)

// Form tells finite numbers from the others.
type Form uint8

// The forms.
const (
	Finite Form = iota
	Infinite
	NaN
)

// Decimal is (-1)^Neg × Coef × 10^Exp.
type Decimal struct {
	Neg  bool
	Coef *big.Int // not negative; nil is zero
	Exp  int64
	Form Form
}

// Error is an exception of the module decimal.
type Error struct {
	Class  string // InvalidOperation, DivisionByZero, Overflow
	Signal string // what it is in detail, such as DivisionUndefined
}

// Error returns the text of Python's exception.
func (e *Error) Error() string { return "[<class 'decimal." + e.Signal + "'>]" }

func invalid(signal string) error { return &Error{"InvalidOperation", signal} }

// Rounding is a mode of rounding, named as in Python.
type Rounding string

// The modes.
const (
	HalfEven Rounding = "ROUND_HALF_EVEN"
	HalfUp   Rounding = "ROUND_HALF_UP"
	HalfDown Rounding = "ROUND_HALF_DOWN"
	Up       Rounding = "ROUND_UP"
	Down     Rounding = "ROUND_DOWN"
	Ceiling  Rounding = "ROUND_CEILING"
	Floor    Rounding = "ROUND_FLOOR"
	FiveUp   Rounding = "ROUND_05UP"
)

// Roundings are all modes.
var Roundings = []Rounding{HalfEven, HalfUp, HalfDown, Up, Down, Ceiling, Floor, FiveUp}

// Context is what results are rounded to.
type Context struct {
	Prec     int64
	Rounding Rounding
}

// Default is Python's default context.
var Default = Context{28, HalfEven}

// Exponents of the default context, and those that a number can have at all.
const (
	maxExp, minExp = 999999, -999999
	maxParsed      = 999_999_999_999_999_999
)

var (
	one, two, five, ten = big.NewInt(1), big.NewInt(2), big.NewInt(5), big.NewInt(10)
	zero                = new(big.Int)
)

// Int returns an int as a decimal.
func Int(n *big.Int) Decimal { return Decimal{Neg: n.Sign() < 0, Coef: new(big.Int).Abs(n)} }

// Float returns the exact value of a float.
func Float(f float64) Decimal {
	switch r := new(big.Rat); {
	case f != f:
		return Decimal{Form: NaN}
	case f > 1.7976931348623157e308 || f < -1.7976931348623157e308:
		return Decimal{Neg: f < 0, Form: Infinite}
	case f == 0:
		return Decimal{Neg: strconv.FormatFloat(f, 'g', -1, 64)[0] == '-'}
	default:
		r.SetFloat64(f)
		k := int64(r.Denom().BitLen() - 1) // the denominator is 2^k
		coef := new(big.Int).Mul(r.Num(), new(big.Int).Exp(five, big.NewInt(k), nil))
		return Decimal{Neg: f < 0, Coef: coef.Abs(coef), Exp: -k}
	}
}

func (d Decimal) coef() *big.Int {
	if d.Coef == nil {
		return zero
	}
	return d.Coef
}

// IsZero reports a finite zero.
func (d Decimal) IsZero() bool { return d.Form == Finite && d.coef().Sign() == 0 }

// Digits returns the number of digits of the coefficient, 1 for zero.
func (d Decimal) Digits() int64 { return digits(d.coef()) }

// Adjusted is the exponent of the first digit.
func (d Decimal) Adjusted() int64 {
	if d.Form != Finite {
		return 0
	}
	return d.Exp + d.Digits() - 1
}

// Size is about how many bytes the number takes.
func (d Decimal) Size() int64 { return int64(d.coef().BitLen()/8) + 48 }

// digits counts the decimal digits of n, which is not negative.
func digits(n *big.Int) int64 {
	if n.IsUint64() {
		return int64(len(strconv.FormatUint(n.Uint64(), 10)))
	}
	k := int64(float64(n.BitLen()-1) * 0.30102999566398120) // at most one too few
	if n.Cmp(pow10(k)) >= 0 {
		k++
	}
	if n.Cmp(pow10(k)) >= 0 {
		k++
	}
	return k
}

var powers = func() (list [64]*big.Int) {
	for i := range list {
		list[i] = new(big.Int).Exp(ten, big.NewInt(int64(i)), nil)
	}
	return list
}()

func pow10(n int64) *big.Int {
	if n < int64(len(powers)) {
		return powers[max(0, n)]
	}
	return new(big.Int).Exp(ten, big.NewInt(n), nil)
}

func shifted(n *big.Int, by int64) *big.Int { return new(big.Int).Mul(n, pow10(by)) }

// Parse reads a number as Decimal(text) does.
func Parse(text string) (Decimal, error) {
	bad := invalid("ConversionSyntax")
	s := strings.ToLower(strings.ReplaceAll(strings.TrimFunc(plainDigits(text), ucd.IsSpace), "_", ""))
	d := Decimal{}
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.Neg, s = s[0] == '-', s[1:]
	}
	switch {
	case s == "inf" || s == "infinity":
		d.Form = Infinite
		return d, nil
	case s == "nan":
		d.Form = NaN
		return d, nil
	}
	number, exponent, hasExponent := strings.Cut(s, "e")
	if hasExponent {
		digits := strings.TrimLeft(exponent, "+-")
		n, err := strconv.ParseInt(exponent, 10, 64)
		if err != nil || len(exponent)-len(digits) > 1 {
			return d, bad
		}
		d.Exp = n
	}
	whole, fraction, _ := strings.Cut(number, ".")
	all := whole + fraction
	if all == "" || strings.Trim(all, "0123456789") != "" {
		return d, bad
	}
	d.Coef, _ = new(big.Int).SetString(all, 10) // they are digits
	if d.Exp -= int64(len(fraction)); d.Exp > maxParsed || d.Exp < -2*maxParsed {
		return d, invalid("InvalidOperation")
	}
	return d, nil
}

// plainDigits writes the digits of other scripts as those of ASCII.
func plainDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 || !ucd.IsDecimal(r) {
			return r
		}
		_, word, _ := cutLast(runenames.Name(r))
		for i, name := range []string{"ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"} {
			if word == name {
				return rune('0' + i)
			}
		}
		return r
	}, text)
}

func cutLast(name string) (before, word string, found bool) {
	i := strings.LastIndexByte(name, ' ')
	return name[:max(0, i)], name[i+1:], i >= 0
}

// String writes the number as Python's str does.
func (d Decimal) String() string {
	sign := ""
	if d.Neg {
		sign = "-"
	}
	switch d.Form {
	case Infinite:
		return sign + "Infinity"
	case NaN:
		return sign + "NaN"
	}
	text := d.coef().String()
	left := d.Exp + int64(len(text))
	point := int64(1)
	if d.Exp <= 0 && left > -6 {
		point = left
	}
	return sign + withPoint(text, point) + exponentText(left-point, "E")
}

func exponentText(n int64, letter string) string {
	switch {
	case n == 0:
		return ""
	case n > 0:
		return letter + "+" + strconv.FormatInt(n, 10)
	}
	return letter + strconv.FormatInt(n, 10)
}

// withPoint puts a point before the digit at a place, which may be outside.
func withPoint(text string, at int64) string {
	n := int64(len(text))
	switch {
	case at <= 0:
		return "0." + strings.Repeat("0", int(-at)) + text
	case at >= n:
		return text + strings.Repeat("0", int(at-n))
	}
	return text[:at] + "." + text[at:]
}
