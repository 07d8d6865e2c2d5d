package pipeline

import (
	"errors"
	"reflect"
)

// Faults lists the errors that were joined with errors.Join, in their order, also where
// joined ones are joined again; any other error is listed as it is, whatever it wraps.
// It is nil for nil.
func Faults(err error) []error {
	switch joined, ok := err.(interface{ Unwrap() []error }); {
	case err == nil:
		return nil
	case ok && reflect.TypeOf(err) == joinedErrors:
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, Faults(e)...)
		}
		return all
	}
	return []error{err}
}

// shown returns an error without secrets, whose step errors have none either when
// errors.As hands them out.
func (r *run) shown(err error) error {
	faults := Faults(err)
	for i, fault := range faults {
		if named, ok := fault.(*StepError); ok {
			clean := *named
			clean.Err = r.redactor.Error(named.Err)
			fault = &clean
		}
		faults[i] = r.redactor.Error(fault)
	}
	if len(faults) == 1 {
		return faults[0]
	}
	return errors.Join(faults...)
}
