package longtext

import (
	"math"
	"strconv"
	"strings"
)

// digitsOfFloat is more than how many digits can decide which float a number is nearest to.
const digitsOfFloat = 800

// ParseFloat is [strconv.ParseFloat] for 64 bits. Of a number with very many digits, it
// reads those that count.
func ParseFloat(text string, look Look) (float64, error) {
	if len(text) <= Piece {
		return strconv.ParseFloat(text, 64)
	}
	short, err := shortened(text, look)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(short, 64)
}

// shortened returns a shorter spelling of a decimal number, or the beginning of what is not
// one, which is not one either.
func shortened(text string, look Look) (string, error) {
	n := reading{digits: make([]byte, 0, digitsOfFloat+1)}
	at := 0
	if text[0] == '-' || text[0] == '+' {
		at = 1
	}
	for looked := at; at < len(text) && n.take(text[at]); at++ {
		if at-looked >= Piece {
			if err := look(at - looked); err != nil {
				return "", err
			}
			looked = at
		}
	}
	exponent := int64(0)
	switch rest := text[at:]; {
	case rest == "":
	case n.any && (rest[0] == 'e' || rest[0] == 'E'):
		var ok bool
		if exponent, ok = longExponent(rest[1:]); !ok {
			return "not a number", nil
		}
	default:
		return "not a number", nil
	}
	if !n.any {
		return "not a number", nil
	}
	sign := ""
	if text[0] == '-' {
		sign = "-"
	}
	digits := string(n.digits)
	if n.more {
		digits += "1" // beyond half of what the digits before decide
	}
	if digits == "" {
		return sign + "0", nil
	}
	return sign + "0." + digits + "e" + strconv.FormatInt(exponent+n.point, 10), nil
}

// reading is what has been read of a decimal number: 0.digits times ten to the power of
// point.
type reading struct {
	digits []byte // without zeros before them, as far as they count
	more   bool   // a digit that is not 0 comes after them
	point  int64
	dot    bool // it has come
	any    bool // digit has come
}

// take reads a character, and says whether it belongs to the number.
func (n *reading) take(c byte) bool {
	switch {
	case c == '.' && !n.dot:
		n.dot = true
		return true
	case c < '0' || c > '9':
		return false
	}
	n.any = true
	switch {
	case c == '0' && len(n.digits) == 0:
		if n.dot {
			n.point--
		}
		return true
	case len(n.digits) < digitsOfFloat:
		n.digits = append(n.digits, c)
	default:
		n.more = n.more || c != '0'
	}
	if !n.dot {
		n.point++
	}
	return true
}

// longExponent reads an exponent. One that is beyond all floats is a large one.
func longExponent(text string) (int64, bool) {
	digits := strings.TrimPrefix(text, "-")
	if digits == text {
		digits = strings.TrimPrefix(text, "+")
	}
	if digits == "" {
		return 0, false
	}
	n := int64(0)
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), math.MaxInt32)
	}
	if text[0] == '-' {
		n = -n
	}
	return n, true
}
