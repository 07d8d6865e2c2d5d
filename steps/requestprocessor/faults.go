package requestprocessor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// fail makes an error with its place in the settings; one that has a place keeps it.
func fail(place string, err error) *pipeline.StepError {
	var placed *pipeline.StepError
	if errors.As(err, &placed) {
		return placed
	}
	if below, is := err.(*reqproc.PlaceError); is {
		place, err = settings.Join(place, below.Place), below.Err
	}
	return &pipeline.StepError{Place: place, Err: err}
}

// named adds the name of a call or condition to an error.
func named(e *pipeline.StepError, name string) *pipeline.StepError {
	if e.Key == "" {
		e.Key = name
	}
	return e
}

// faults are what went wrong in a run.
type faults []*pipeline.StepError

// err returns nothing, the one fault, or all of them in one error.
func (f faults) err() error {
	switch len(f) {
	case 0:
		return nil
	case 1:
		return f[0]
	}
	return &pipeline.StepError{Err: several(f)}
}

// several is more than one fault.
type several []*pipeline.StepError

// maxTold is how many faults an error spells out.
const maxTold = 20

func (s several) Error() string {
	texts := make([]string, min(len(s), maxTold))
	for i, e := range s[:len(texts)] {
		texts[i] = e.Place
		if e.Key != "" {
			texts[i] += " (" + e.Key + ")"
		}
		texts[i] = strings.TrimPrefix(texts[i]+": "+e.Err.Error(), ": ")
	}
	more := ""
	if len(s) > maxTold {
		more = fmt.Sprintf("; and %d more", len(s)-maxTold)
	}
	return fmt.Sprintf("%d faults: %s%s", len(s), strings.Join(texts, "; "), more)
}

// Unwrap returns the faults.
func (s several) Unwrap() []error {
	all := make([]error, len(s))
	for i, e := range s {
		all[i] = e
	}
	return all
}
