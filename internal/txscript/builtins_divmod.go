package txscript

import (
	"errors"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// divmod is Python's function of that name.
func divmod(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("divmod", 2); err != nil {
		return value{}, err
	}
	if v, ok, err := r.operatorMethod("divmod", c.Args[0], c.Args[1]); ok || err != nil {
		return v, err
	}
	q, err := pyvalue.Binary(r.meter, pyvalue.OpFloorDiv, c.Args[0], c.Args[1])
	m, modErr := pyvalue.Binary(r.meter, pyvalue.OpMod, c.Args[0], c.Args[1])
	if err == nil || isTypeError(modErr) { // timedelta // 0 is a division, timedelta % 0 no operation
		err = modErr
	}
	if err != nil {
		return value{}, divmodError(err, c.Args[0], c.Args[1])
	}
	return pyvalue.NewTuple(q, m), nil
}

func isTypeError(err error) bool {
	var e *pyvalue.Error
	return errors.As(err, &e) && e.Type == "TypeError"
}

// divmodError is the error of an operator in the words that divmod has for it.
func divmodError(err error, a, b value) error {
	var e *pyvalue.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Type == "ZeroDivisionError" && (a.Kind() == pyvalue.KindFloat || b.Kind() == pyvalue.KindFloat):
		return pyvalue.Raise("ZeroDivisionError", "float divmod()")
	case e.Type == "DivisionByZero":
		return pyvalue.Raise("InvalidOperation", "[<class 'decimal.InvalidOperation'>, <class 'decimal.DivisionByZero'>]")
	case e.Type == "TypeError":
		return pyvalue.Raise("TypeError", "unsupported operand type(s) for divmod(): '%s' and '%s'", pyvalue.TypeName(a), pyvalue.TypeName(b))
	}
	return err
}
