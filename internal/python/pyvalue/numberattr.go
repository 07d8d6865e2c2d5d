package pyvalue

// NumberAttr returns an attribute of an int, bool or float that is no method: real,
// imag, numerator, denominator.
func NumberAttr(v Value, name string) (Value, bool) {
	isInt := v.isInteger()
	switch {
	case !v.IsNumber():
	case name == "real" && isInt:
		return BigInt(v.BigInt()), true
	case name == "real":
		return v.plain(), true
	case name == "imag" && isInt:
		return Int(0), true
	case name == "imag":
		return Float(0), true
	case name == "numerator" && isInt:
		return BigInt(v.BigInt()), true
	case name == "denominator" && isInt:
		return Int(1), true
	}
	return Value{}, false
}
