package pipeline

import (
	"encoding/json"
	"errors"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// literalsOf returns the credentials that the settings of a step have literally, instead of
// in the hook's secrets. A step that is not made of settings, such as a function, has none.
func literalsOf(s Step) []string {
	var found []string
	for s != nil {
		if hook, ok := s.(hookStep); ok {
			found = append(found, redact.Literals(hook.hook.Settings)...)
		}
		wrapped, ok := s.(interface{ Unwrap() Step })
		if !ok {
			break
		}
		s = wrapped.Unwrap()
	}
	settings, err := json.Marshal(s)
	if err != nil {
		return found
	}
	return append(found, redact.Literals(settings)...)
}

// literals are those of all steps of a chain.
func literals(links []link) []string {
	var found []string
	for i := range links {
		found = append(found, links[i].literals...)
		switch p := links[i].program.(type) {
		case *Chain:
			found = append(found, literals(p.links)...)
		case branches:
			found = append(found, literals(p)...)
		}
	}
	return found
}

// without returns errors in which the literals of a step are not shown.
func without(literals []string, faults []error) []error {
	if len(literals) == 0 {
		return faults
	}
	hide := redact.New(literals...)
	for i, fault := range faults {
		faults[i] = shownBy(hide, fault)
	}
	return faults
}

// shownBy returns an error without secrets, whose step error has none either when errors.As
// hands it out.
func shownBy(hide *redact.Redactor, err error) error {
	if named, ok := err.(*StepError); ok {
		clean := *named
		clean.Err = hide.Error(named.Err)
		err = &clean
	}
	return hide.Error(err)
}

// shown returns an error without secrets.
func (r *run) shown(err error) error {
	faults := Faults(err)
	for i, fault := range faults {
		faults[i] = shownBy(r.redactor, fault)
	}
	if len(faults) == 1 {
		return faults[0]
	}
	return errors.Join(faults...)
}

// shown returns what was found, without the literals of the chain.
func (c *Chain) shown(findings Findings) Findings {
	all := literals(c.links)
	if len(all) == 0 {
		return findings
	}
	hide := redact.New(all...)
	for i, f := range findings {
		clean := *f
		clean.Err, clean.Fix, clean.Name, clean.Place = hide.Error(f.Err), hide.String(f.Fix), hide.String(f.Name), hide.String(f.Place)
		findings[i] = &clean
	}
	return findings
}
