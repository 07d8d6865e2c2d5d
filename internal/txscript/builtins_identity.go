package txscript

import (
	"fmt"
	"math/big"
	"math/bits"
	"reflect"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// idOf is id: the same number for what is the same object, and for equal numbers and
// texts.
func idOf(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("id", 1); err != nil {
		return value{}, err
	}
	v := c.Args[0]
	items, _ := v.Items()
	var at any
	switch {
	case v.Derived() != nil:
		at = v.Derived()
	case v.List() != nil:
		at = v.List()
	case v.Dict() != nil:
		at = v.Dict()
	case v.Set() != nil:
		at = v.Set()
	case v.Object() != nil && reflect.ValueOf(v.Object()).Kind() == reflect.Pointer:
		at = v.Object()
	case v.Kind() == pyvalue.KindTuple && len(items) > 0:
		at = &items[0]
	default:
		if err := r.meter.Work(v); err != nil {
			return value{}, err
		}
		if h, err := pyvalue.Hash(v); err == nil {
			return pyvalue.Int(h & (1<<62 - 1)), nil
		}
		return pyvalue.Int(1), nil
	}
	return pyvalue.ParseInt(nil, fmt.Sprintf("%p", at), 0)
}

// untilEqual is iter(f, sentinel): what the calls of f return, until one is equal.
func untilEqual(r *run, f, sentinel value) (value, error) {
	if !pyvalue.Callable(f) {
		return value{}, pyvalue.Raise("TypeError", "iter(v, w): v must be callable")
	}
	return r.lazy("callable_iterator", func(yield func(value) (bool, error)) error {
		for {
			v, err := r.call(f, &pyvalue.Call{Meter: r.meter})
			if err != nil {
				return err
			}
			if same, err := pyvalue.EqualWithin(r.meter, v, sentinel); same || err != nil {
				return err
			}
			if more, err := yield(v); err != nil || !more {
				return err
			}
		}
	}), nil
}

// expWithin is b**e modulo n, nil where there is none, with looks where it takes long.
func expWithin(m *pyvalue.Meter, b, e, n *big.Int) (*big.Int, error) {
	const atOnce = 1 << 22 // products of words, a few milliseconds of them
	words := int64(len(n.Bits()))
	// A bit of the exponent takes a product of n with itself, or longer if that is short.
	piece := max(bits.UintSize, int(atOnce/max(64, words*words))/bits.UintSize*bits.UintSize) // bits of the exponent
	if e.Sign() < 0 || e.BitLen() <= piece {
		return new(big.Int).Exp(b, e, n), nil
	}
	result, shift := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(piece))
	rest := new(big.Int)
	for at := (e.BitLen() - 1) / piece * piece; at >= 0; at -= piece { // from the highest bits
		if err := m.Look(piece / 8); err != nil {
			return nil, err
		}
		part := bitsAt(rest, e, at, piece)
		result.Exp(result, shift, n)
		result.Mul(result, new(big.Int).Exp(b, part, n)).Mod(result, n)
	}
	return result, nil
}

// bitsAt sets z to so many bits of e, which begin at a bit that a word begins with.
func bitsAt(z, e *big.Int, at, count int) *big.Int {
	words := e.Bits()
	from := min(len(words), at/bits.UintSize)
	return z.SetBits(words[from:min(len(words), from+count/bits.UintSize)])
}

// powMod is pow(base, exp, mod) of whole numbers.
func powMod(m *pyvalue.Meter, base, exp, mod value) (value, error) {
	b, e, n := base.BigInt(), exp.BigInt(), mod.BigInt()
	switch {
	case b == nil || e == nil || n == nil:
		if base.IsNumber() && exp.IsNumber() && mod.IsNumber() {
			return value{}, pyvalue.Raise("TypeError", "pow() 3rd argument not allowed unless all arguments are integers")
		}
		return value{}, pyvalue.Raise("TypeError", "unsupported operand type(s) for ** or pow(): '%s', '%s', '%s'",
			pyvalue.TypeName(base), pyvalue.TypeName(exp), pyvalue.TypeName(mod))
	case n.Sign() == 0:
		return value{}, pyvalue.Raise("ValueError", "pow() 3rd argument cannot be 0")
	}
	words := int64(n.BitLen()/64+1) * int64(n.BitLen()/64+1)
	if err := m.Step(max(16, words) * int64(e.BitLen()+1) / 16); err != nil {
		return value{}, err
	}
	positive := new(big.Int).Abs(n)
	if e.Sign() < 0 && new(big.Int).ModInverse(new(big.Int).Mod(b, positive), positive) == nil && positive.Cmp(big.NewInt(1)) != 0 {
		return value{}, pyvalue.Raise("ValueError", "base is not invertible for the given modulus")
	}
	result, err := expWithin(m, new(big.Int).Mod(b, positive), e, positive)
	if err != nil {
		return value{}, err
	}
	if result == nil || positive.Cmp(big.NewInt(1)) == 0 {
		result = new(big.Int)
	}
	if n.Sign() < 0 && result.Sign() != 0 {
		result.Add(result, n)
	}
	return pyvalue.BigInt(result), nil
}
