package xpath

import (
	"math"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

func truth(_ *run, v value) boolean {
	switch v := v.(type) {
	case nodes:
		return len(v) > 0
	case text:
		return v != ""
	case float:
		return v != 0 && v == v
	case boolean:
		return v
	}
	return false
}

// toText is the function string().
func toText(r *run, v value) text {
	switch v := v.(type) {
	case nodes:
		if len(v) == 0 {
			return ""
		}
		return r.textOf(v[0])
	case text:
		return v
	case float:
		return text(formatNumber(float64(v)))
	case boolean:
		return text(strconv.FormatBool(bool(v)))
	}
	return ""
}

// textOf is the string-value of a node; looking at it costs its length.
func (r *run) textOf(n xmldoc.ID) text {
	if ns, ok := r.spaceNode(n); ok {
		return text(ns.name.Space)
	}
	s := r.doc.Value(n)
	r.step(1 + len(s)/16)
	return text(s)
}

// toNumber is the function number().
func toNumber(r *run, v value) float {
	switch v := v.(type) {
	case float:
		return v
	case boolean:
		if v {
			return 1
		}
		return 0
	}
	return parseNumber(r, string(toText(r, v)))
}

// parseNumber reads a number as libxml2 does, which also takes an exponent.
func parseNumber(r *run, s string) float {
	s = strings.Trim(s, " \t\r\n")
	digits := strings.TrimPrefix(s, "-")
	n := numberLength(digits)
	if s == "-" {
		return 0
	}
	if n == 0 || digits == "." {
		return float(math.NaN())
	}
	if rest := digits[n:]; rest != "" {
		if rest[0] != 'e' && rest[0] != 'E' {
			return float(math.NaN())
		}
		exponent := strings.TrimPrefix(strings.TrimPrefix(rest[1:], "-"), "+")
		if strings.Trim(exponent, "0123456789") != "" || len(rest)-1-len(exponent) > 1 {
			return float(math.NaN())
		}
		if exponent == "" {
			s = s[:len(s)-len(rest)]
		}
	}
	f, err := longtext.ParseFloat(s, r.look)
	if err != nil && f == 0 {
		return float(math.NaN())
	}
	return float(f)
}

// formatNumber writes a number as libxml2 does: whole numbers of 32 bits as such, up
// to a thousand million with 15 digits, others with an exponent.
func formatNumber(f float64) string {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		return "0"
	case f == math.Trunc(f) && f > math.MinInt32 && f < math.MaxInt32:
		return strconv.FormatInt(int64(f), 10)
	case abs > 1e9 || abs < 1e-5:
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', 14, 64), "e")
		return strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".") + "e" + exponent
	}
	places := int(math.Log10(abs))
	if places > 0 {
		places = 15 - places - 1
	} else {
		places = 15 - places
	}
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(f, 'f', places, 64), "0"), ".")
}

// compare compares as section 3.4 of the specification has it: with nodes on a side
// it is true if it is true for one of them.
func compare(r *run, op string, left, right value) bool {
	l, leftNodes := left.(nodes)
	n, rightNodes := right.(nodes)
	_, leftBool := left.(boolean)
	_, rightBool := right.(boolean)
	switch {
	case leftNodes && rightNodes:
		return compareSets(r, op, l, n)
	case leftNodes && rightBool || rightNodes && leftBool:
		return compareValues(r, op, truth(r, left), truth(r, right))
	case leftNodes:
		for _, at := range l {
			if r.err != nil {
				return false
			}
			if compareValues(r, op, r.textOf(at), right) {
				return true
			}
		}
		return false
	case rightNodes:
		for _, at := range n {
			if r.err != nil {
				return false
			}
			if compareValues(r, op, left, r.textOf(at)) {
				return true
			}
		}
		return false
	}
	return compareValues(r, op, left, right)
}

func compareSets(r *run, op string, left, right nodes) bool {
	if op == "=" || op == "!=" {
		return compareTexts(r, op, left, right)
	}
	for _, a := range left {
		x := parseNumber(r, string(r.textOf(a)))
		for _, b := range right {
			if r.err != nil {
				return false
			}
			if order(op, x, parseNumber(r, string(r.textOf(b)))) {
				return true
			}
		}
	}
	return false
}

// compareTexts looks for two nodes with the same text, or with different ones.
func compareTexts(r *run, op string, left, right nodes) bool {
	const bytesOfEntry = 48
	if !r.grow(bytesOfEntry * int64(len(left))) {
		return false
	}
	seen := make(map[text]bool, len(left))
	for _, a := range left {
		if seen[r.textOf(a)] = true; r.err != nil {
			return false
		}
	}
	for _, b := range right {
		if r.err != nil {
			return false
		}
		t := r.textOf(b)
		if op == "=" && seen[t] || op == "!=" && (len(seen) > 1 || len(seen) == 1 && !seen[t]) {
			return true
		}
	}
	return false
}

func compareValues(r *run, op string, left, right value) bool {
	if op != "=" && op != "!=" {
		return order(op, toNumber(r, left), toNumber(r, right))
	}
	_, leftBool := left.(boolean)
	_, rightBool := right.(boolean)
	_, leftNumber := left.(float)
	_, rightNumber := right.(float)
	var same bool
	switch {
	case leftBool || rightBool:
		same = truth(r, left) == truth(r, right)
	case leftNumber || rightNumber:
		same = toNumber(r, left) == toNumber(r, right)
	default:
		same = toText(r, left) == toText(r, right)
	}
	return same == (op == "=")
}

func order(op string, a, b float) bool {
	switch op {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}
