package maths

import (
	"math/big"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// logarithm is one of an int of any size, or of a float.
func logarithm(name string, f func(float64) float64) function {
	return func(c *pyvalue.Call) (value, error) {
		if err := c.Exactly("math."+name, 1); err != nil {
			return value{}, err
		}
		y, err := logOf(c.Args[0], f)
		return pyvalue.Float(y), err
	}
}

// toBase is log(x) and log(x, base).
func toBase(c *pyvalue.Call) (value, error) {
	if len(c.Args) < 1 || len(c.Args) > 2 {
		return value{}, pyvalue.Raise("TypeError", "log expected at least 1 argument, got %d", len(c.Args))
	}
	var logs [2]float64
	for i, a := range c.Args {
		y, err := logOf(a, log)
		if err != nil {
			return value{}, err
		}
		logs[i] = y
	}
	switch {
	case len(c.Args) == 1:
		return pyvalue.Float(logs[0]), nil
	case logs[1] == 0:
		return value{}, pyvalue.Raise("ZeroDivisionError", "float division by zero")
	}
	return pyvalue.Float(logs[0] / logs[1]), nil
}

// logOf takes an int that is too large for a float apart, as CPython does.
func logOf(v value, f func(float64) float64) (float64, error) {
	n := v.BigInt()
	if _, fits := v.Float64(); n != nil && !fits && n.Sign() > 0 {
		var mantissa big.Float
		exponent := new(big.Float).SetPrec(53).SetInt(n).MantExp(&mantissa)
		part, _ := mantissa.Float64()
		return f(part) + f(2)*float64(exponent), nil
	}
	if n != nil && n.Sign() <= 0 {
		return 0, domainError()
	}
	x, err := realNumber(v)
	if err == nil && x <= 0 {
		err = domainError()
	}
	return f(x), err
}

func domainError() error { return pyvalue.Raise("ValueError", "math domain error") }
