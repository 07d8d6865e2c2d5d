package pipeline

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// link is a step of a chain: what its author gave, what runs, and the facts that the
// chain keeps about it.
type link struct {
	step    Step // as it was given
	program Program
	closer  Closer // of the program, nil if it holds nothing
	name    string
	key     string // the run knows the step by it
	path    string // of the key within its row, such as /post
	final   bool
	unsure  bool // the key is no more than a count of equal names

	position int  // in the chain, from 1
	shared   bool // other steps of the chain have the same name

	literals []string // credentials that the settings have
}

// isRow reports that the step is steps itself, which the run knows one by one.
func (l *link) isRow() bool {
	switch l.program.(type) {
	case *Chain, branches:
		return true
	}
	return false
}

// innermost returns the step without what it is wrapped in.
func (l *link) innermost() Step {
	s := l.step
	for {
		wrapped, ok := s.(interface{ Unwrap() Step })
		if !ok {
			return s
		}
		s = wrapped.Unwrap()
	}
}

// compile makes the links of a row of steps or branches. The faults each name their
// step; missing is that of a step that is nil.
func compile(steps []Step, missing func(i int) *StepError) ([]link, []error) {
	links, keys := make([]link, len(steps)), keysOf(steps)
	given, named, called := make(map[string]int), make(map[string]int), make(map[string]int)
	var faults []error
	broken := make([][]error, len(steps)) // the faults of each step
	for i, s := range steps {
		if isMissing(s) {
			broken[i] = []error{missing(i)}
			continue
		}
		l := link{position: i + 1, step: s, literals: literalsOf(s), name: NameOf(s), key: keys[i], path: "/" + pathKey.Replace(keys[i]), final: isFinal(s)}
		program, closer, err := programOf(s)
		l.program, l.closer = program, closer
		broken[i] = without(l.literals, wrapAll(l.name, err))
		called[l.name]++
		if keyOf(s) == "" {
			named[l.name]++
		}
		if first, taken := given[l.key]; taken {
			broken[i] = append(broken[i], &StepError{Step: l.name, Err: fmt.Errorf("duplicate key %q, which step %s already has; give one of them another key with pipeline.Keyed", l.key, links[first].name)})
		}
		given[l.key] = i
		links[i] = l
	}
	for i := range links {
		l := &links[i]
		l.shared = called[l.name] > 1
		l.unsure = named[l.name] > 1 && strings.HasPrefix(l.key, l.name)
		for _, err := range broken[i] {
			faults = append(faults, l.placed(err))
		}
	}
	return links, faults
}

// keysOf returns the keys by which a run knows steps in a row, or branches: those that
// the author gave, or else their names, with a number from the second of a name on.
func keysOf(steps []Step) []string {
	keys, named := make([]string, len(steps)), make(map[string]int)
	for i, s := range steps {
		if isMissing(s) {
			continue // which compile refuses
		}
		if keys[i] = keyOf(s); keys[i] != "" {
			continue
		}
		name := NameOf(s)
		keys[i] = name
		if named[name]++; named[name] > 1 {
			keys[i] += "#" + strconv.Itoa(named[name])
		}
	}
	return keys
}

// placed says which step of several with one name an error is of. The error itself is not
// changed.
func (l *link) placed(err error) error {
	named, ok := err.(*StepError)
	if !ok || !l.shared || named.Step != l.name || named.Position != 0 {
		return err
	}
	changed := *named
	changed.Position = l.position
	return &changed
}

// isMissing reports a step that is nil, or is a nil pointer or function, whatever it is
// wrapped in.
func isMissing(s Step) bool {
	for s != nil {
		if v := reflect.ValueOf(s); (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil() {
			return true
		}
		wrapped, ok := s.(interface{ Unwrap() Step })
		if !ok {
			return false
		}
		s = wrapped.Unwrap()
	}
	return true
}

// programOf makes what runs of a step.
func programOf(s Step) (Program, Closer, error) {
	var program Program = s
	var err error
	switch s := s.(type) {
	case part:
		return programOf(s.Step)
	case Wrapper:
		inner, closer, err := programOf(s.Unwrap())
		outer, wrapErr := s.Wrap(inner)
		return outer, closer, errors.Join(wrapErr, err)
	case Compiler:
		if program, err = s.Compile(); program == nil {
			return nil, nil, err
		}
	case Validator:
		err = s.Validate()
	}
	closer, _ := program.(Closer)
	return program, closer, err
}

// closeLinks ends what the programs hold, the last one first.
func closeLinks(links []link) error {
	var faults []error
	for i := len(links) - 1; i >= 0; i-- {
		if links[i].closer != nil {
			faults = append(faults, wrapAll(links[i].name, links[i].closer.Close())...)
		}
	}
	return errors.Join(faults...)
}
