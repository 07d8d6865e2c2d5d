package pipeline

import "reflect"

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
