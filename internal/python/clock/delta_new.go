package clock

import (
	"math"
	"math/big"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// deltaParameters are those of timedelta in their order; deltaUnits are added up in another.
var (
	deltaParameters = []string{"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"}
	deltaUnits      = []struct {
		name   string
		micros int64
	}{
		{"microseconds", 1}, {"milliseconds", 1000}, {"seconds", 1e6}, {"minutes", 60e6}, {"hours", 3600e6}, {"days", microsPerDay}, {"weeks", 7 * microsPerDay},
	}
)

// newDelta is timedelta(…). Whole units are added exactly, and what is less than a microsecond
// is rounded once, half to even with the rest.
func newDelta(c *pyvalue.Call) (value, error) {
	if err := c.CheckNative("__new__", 0, deltaParameters...); err != nil {
		return value{}, err
	}
	given := make(map[string]value, len(deltaParameters))
	for i, name := range deltaParameters {
		if v, ok := c.Arg(i, name); ok {
			given[name] = v
		}
	}
	micros, rest := new(big.Int), 0.0
	for _, u := range deltaUnits {
		v, ok := given[u.name]
		if !ok {
			continue
		}
		whole, left, err := unitsOf(v, u.name, u.micros)
		if err != nil {
			return value{}, err
		}
		micros.Add(micros, whole)
		rest += left
	}
	return deltaOfBig(micros.Add(micros, big.NewInt(restOf(micros, rest))))
}

// unitsOf is the whole and the broken number of microseconds of so many units.
func unitsOf(v value, name string, micros int64) (whole *big.Int, rest float64, err error) {
	switch v.Kind() {
	case pyvalue.KindInt, pyvalue.KindBool:
		return new(big.Int).Mul(v.BigInt(), big.NewInt(micros)), 0, nil
	case pyvalue.KindFloat:
	default:
		return nil, 0, pyvalue.Raise("TypeError", "unsupported type for timedelta %s component: %s", name, pyvalue.TypeName(v))
	}
	f, _ := v.Float64()
	switch {
	case math.IsNaN(f):
		return nil, 0, pyvalue.Raise("ValueError", "cannot convert float NaN to integer")
	case math.IsInf(f, 0):
		return nil, 0, pyvalue.Raise("OverflowError", "cannot convert float infinity to integer")
	}
	units, part := math.Modf(f)
	whole, _ = big.NewFloat(units).Int(nil)
	whole.Mul(whole, big.NewInt(micros))
	some, rest := math.Modf(part * float64(micros))
	return whole.Add(whole, big.NewInt(int64(some))), rest, nil
}

// restOf rounds what is less than a microsecond each; halves so that the sum is even.
func restOf(micros *big.Int, rest float64) int64 {
	rounded := math.Round(rest)
	if math.Abs(rounded-rest) == 0.5 {
		odd := float64(micros.Bit(0))
		rounded = 2*math.Round((rest+odd)*0.5) - odd
	}
	return int64(rounded)
}
