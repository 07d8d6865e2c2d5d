package rossum

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// ErrEmpty means that a field has no value; typed reads return it wrapped, so
// that callers can tell "nothing there" from "something else there".
var ErrEmpty = errors.New("field is empty")

// ValueError says that a field's text is not of the type that was asked for.
type ValueError struct {
	SchemaID string
	ID       int64  // the datapoint's id
	Want     string // "a decimal number", "an ISO 8601 date", "a boolean"
	Text     string // what the field holds
	Err      error  // ErrEmpty, or nil
}

func (e *ValueError) Error() string {
	if errors.Is(e.Err, ErrEmpty) {
		return fmt.Sprintf("field %s (id %d): %v, expected %s", e.SchemaID, e.ID, e.Err, e.Want)
	}
	return fmt.Sprintf("field %s (id %d): %q is not %s", e.SchemaID, e.ID, e.Text, e.Want)
}

func (e *ValueError) Unwrap() error { return e.Err }

func (n *Node) valueError(want, text string) error {
	e := &ValueError{SchemaID: n.schemaID, ID: n.id, Want: want, Text: text}
	if text == "" {
		e.Err = ErrEmpty
	}
	return e
}

// Decimal is a decimal number as text, such as -1234.50: no digit is lost, and
// trailing zeros stay.
type Decimal string

// Rat returns the number exactly.
func (d Decimal) Rat() *big.Rat {
	r, ok := new(big.Rat).SetString(string(d))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// Scale returns the number of digits after the decimal point.
func (d Decimal) Scale() int {
	_, fraction, _ := strings.Cut(string(d), ".")
	return len(fraction)
}

// maxDecimalDigits bounds what Decimal takes for a number: no invoice needs
// more, and arithmetic on millions of digits would never end.
const maxDecimalDigits = 1000

// ParseDecimal checks that text is a plain decimal number: an optional sign,
// digits, and an optional fraction; no exponent, no grouping.
func ParseDecimal(text string) (Decimal, error) {
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "+"), "-")
	whole, fraction, point := strings.Cut(digits, ".")
	switch {
	case len(digits) > maxDecimalDigits, len(text)-len(digits) > 1:
	case whole == "" && fraction == "", point && fraction == "" && whole == "":
	case strings.Trim(whole+fraction, "0123456789") != "":
	default:
		return Decimal(strings.TrimPrefix(text, "+")), nil
	}
	return "", fmt.Errorf("%q is not a plain decimal number", text)
}

// Decimal reads a number field without loss. The error is a [*ValueError].
func (n *Node) Decimal() (Decimal, error) {
	d, err := ParseDecimal(n.Text())
	if err != nil {
		return "", n.valueError("a decimal number", n.Text())
	}
	return d, nil
}

// Date reads a date field, in UTC. The error is a [*ValueError].
func (n *Node) Date() (time.Time, error) {
	text := n.Text()
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, n.valueError("an ISO 8601 date", text)
}

// Bool reads a field whose text is true or false, yes or no, 1 or 0, in any
// case. The error is a [*ValueError].
func (n *Node) Bool() (bool, error) {
	switch text := strings.ToLower(strings.TrimSpace(n.Text())); text {
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	default:
		return false, n.valueError("a boolean", n.Text())
	}
}
