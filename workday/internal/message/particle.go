package message

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// particle writes a part of a content model from what is given; in is the name of
// the element around it.
func (w *writer) particle(p *wsdl.Particle, g *given, in string) error {
	switch {
	case p.Kind == wsdl.Single:
		return w.single(p, g)
	case p.Kind == wsdl.Any:
		return w.any(p, g)
	case p.Repeated():
		return w.repeated(p, g, in)
	case p.Kind == wsdl.Choice:
		return w.choice(p, g, in)
	}
	if p.Min == 0 && !givesAny(p, g, meant) {
		return nil
	}
	return w.children(p, g, in)
}

func (w *writer) children(p *wsdl.Particle, g *given, in string) error {
	for _, c := range p.Children {
		if err := w.particle(c, g, in); err != nil {
			return err
		}
	}
	return nil
}

// single writes an element as often as it is given.
func (w *writer) single(p *wsdl.Particle, g *given) error {
	v, there := g.take(p.Key)
	if !there && p.Min == 0 {
		return nil
	}
	return w.at(Step{Key: p.Key}, func() error {
		e := p.Element
		list, isList := v.Items()
		if isList && p.Repeated() {
			return w.list(p, list)
		}
		if isList && (len(list) != 1 || isListType(e)) {
			return w.odd(p, list)
		}
		if isList {
			if !list[0].IsNone() {
				return w.at(Step{Index: 0}, func() error { return w.element(e, list[0]) })
			}
			v = list[0]
		}
		if v.IsNone() && !there && e.Default != nil && p.Min > 0 {
			v = pyvalue.Str(*e.Default)
		}
		if !v.IsNone() && p.Repeated() {
			w.count(p, 1, "elements "+e.Name.Local)
		}
		switch {
		case !v.IsNone():
			if v.IsText() && e.Fixed != nil && v.Text() != *e.Fixed {
				w.fault(fmt.Errorf("got %q where the schema allows only %q", v.Text(), *e.Fixed))
				return nil
			}
			return w.element(e, v)
		case p.Min == 0:
			return nil
		case e.Nillable && !p.Repeated():
			return w.element(e, pyvalue.None())
		}
		w.fault(fmt.Errorf("%w: the element %s is required", ErrMissing, e.Name.Local))
		return nil
	})
}

// odd writes a list that stands where one is allowed.
func (w *writer) odd(p *wsdl.Particle, list []pyvalue.Value) error {
	if isListType(p.Element) {
		return w.element(p.Element, pyvalue.NewList(list...))
	}
	if len(list) > 0 {
		w.fault(fmt.Errorf("got a list of %d where one %s is allowed", len(list), p.Element.Name.Local))
		return nil
	}
	t, err := p.Element.Type()
	switch {
	case err != nil:
		return err
	case t.Complex && t.Simple == nil: // zeep sends an empty element
		return w.element(p.Element, pyvalue.NewDict().Value())
	case p.Min > 0:
		w.fault(fmt.Errorf("%w: the element %s is required", ErrMissing, p.Element.Name.Local))
	}
	return nil
}

func isListType(e *wsdl.Element) bool {
	t, err := e.Type()
	return err == nil && t.Simple != nil && t.Simple.Item != nil
}

func (w *writer) list(p *wsdl.Particle, list []pyvalue.Value) error {
	count := 0
	for i, v := range list {
		if v.IsNone() && (p.Min == 0 || !p.Element.Nillable) {
			continue
		}
		count++
		err := w.at(Step{Index: i}, func() error {
			if _, nested := v.Items(); nested && !isListType(p.Element) {
				w.fault(fmt.Errorf("got a list within a list"))
				return nil
			}
			return w.element(p.Element, v)
		})
		if err != nil {
			return err
		}
	}
	w.count(p, count, "elements "+p.Element.Name.Local)
	return nil
}

// count checks how often something stands.
func (w *writer) count(p *wsdl.Particle, n int, what string) {
	switch {
	case n < p.Min && n == 0:
		w.fault(fmt.Errorf("%w: there are no %s, and at least %d are required", ErrMissing, what, p.Min))
	case n < p.Min:
		w.fault(fmt.Errorf("%w: there are %d %s, and at least %d are required", ErrMissing, n, what, p.Min))
	case p.Max != wsdl.Unbounded && n > p.Max:
		w.fault(fmt.Errorf("there are %d %s; at most %d are allowed", n, what, p.Max))
	}
}

// repeated writes a content model that may stand several times. It has no name, so
// that its turns are given under _value_1 or the like, each as an object.
func (w *writer) repeated(p *wsdl.Particle, g *given, in string) error {
	v, there := g.take(p.Key)
	return w.at(Step{Key: p.Key}, func() error {
		turns, isList := v.Items()
		if !isList && !v.IsNone() {
			turns = []pyvalue.Value{v}
		}
		if !there && p.Min > 0 && !emptiable(p) {
			w.fault(fmt.Errorf("%w: one of %s is required, in a list under %s", ErrMissing, strings.Join(names(p), ", "), p.Key))
			return nil
		}
		for i, turn := range turns {
			err := w.at(Step{Index: i}, func() error { return w.turn(p, turn, in) })
			if err != nil {
				return err
			}
		}
		if there {
			w.count(p, len(turns), "turns")
		}
		return nil
	})
}

func (w *writer) turn(p *wsdl.Particle, v pyvalue.Value, in string) error {
	o := v.Dict()
	if o == nil {
		w.fault(fmt.Errorf("got %s where an object with one of %s is expected", kindOf(v), strings.Join(names(p), ", ")))
		return nil
	}
	g := newGiven(o)
	once := *p
	once.Min, once.Max, once.Key = 1, 1, ""
	var err error
	if p.Kind == wsdl.Choice {
		err = w.turnOfChoice(&once, g, in)
	} else {
		err = w.particle(&once, g, in)
	}
	if err != nil {
		return err
	}
	for _, key := range g.left() {
		_ = w.at(Step{Key: key}, func() error { w.fault(unknownName(key, in, names(p))); return nil })
	}
	return nil
}

// turnOfChoice writes the member of a choice that a turn gives, whatever its value;
// one that is null is left out.
func (w *writer) turnOfChoice(p *wsdl.Particle, g *given, in string) error {
	there := givenOf(p, g, present)
	known := 0
	for _, key := range p.Keys() {
		if _, ok := g.take(key); ok {
			known++
		}
	}
	switch {
	case len(there) > 1:
		w.fault(fmt.Errorf("%s exclude each other: only one of them may be given", strings.Join(bothNames(there), " and ")))
	case len(there) == 1:
		return w.particle(there[0], g, in)
	case known == 0 && !emptiable(p):
		w.fault(fmt.Errorf("%w: one of %s is required", ErrMissing, strings.Join(names(p), ", ")))
	}
	return nil
}

// choice writes the member that is given. One that is given as false or 0 counts
// only if there is no other, and not at all one that is an empty text, or {} where the
// type has neither elements nor attributes: so zeep has it, but for the false that
// stands alone.
func (w *writer) choice(p *wsdl.Particle, g *given, in string) error {
	full, weak, hollow := givenOf(p, g, truthy), givenOf(p, g, meant), false
	for _, of := range []*[]*wsdl.Particle{&full, &weak} {
		*of = slices.DeleteFunc(*of, func(c *wsdl.Particle) bool {
			only := onlyHollow(c, g)
			hollow = hollow || only
			return only
		})
	}
	g.pass(p)
	switch {
	case len(full)+len(weak) == 0 && hollow:
		return nil
	case len(full) > 1:
		w.fault(fmt.Errorf("%s exclude each other: only one of them may be given", strings.Join(bothNames(full), " and ")))
	case len(full) == 1:
		return w.particle(full[0], g, in)
	case len(weak) > 0:
		return w.particle(weak[0], g, in)
	case p.Min > 0 && !emptiable(p):
		w.fault(fmt.Errorf("%w: one of %s is required", ErrMissing, strings.Join(names(p), ", ")))
	}
	return nil
}

// onlyHollow reports whether all that is given of a particle is {} for elements whose
// types have neither elements nor attributes.
func onlyHollow(p *wsdl.Particle, g *given) bool {
	if p.Kind != wsdl.Single {
		return p.Key == "" && !slices.ContainsFunc(p.Children, func(c *wsdl.Particle) bool {
			return givesAny(c, g, meant) && !onlyHollow(c, g)
		})
	}
	if o := g.get(p.Key).Dict(); o == nil || o.Len() > 0 {
		return false
	}
	t, err := p.Element.Type()
	return err == nil && t.Complex && !t.Any && t.Simple == nil && t.Content == nil && len(t.Attributes) == 0
}

// givenOf lists the members of a choice that are given.
func givenOf(p *wsdl.Particle, g *given, counts func(pyvalue.Value) bool) []*wsdl.Particle {
	var found []*wsdl.Particle
	for _, c := range p.Children {
		if givesAny(c, g, counts) {
			found = append(found, c)
		}
	}
	return found
}

// bothNames names the members of a choice.
func bothNames(members []*wsdl.Particle) []string {
	var all []string
	for _, m := range members {
		all = append(all, names(m)...)
	}
	return all
}

// names lists the elements of a particle.
func names(p *wsdl.Particle) []string {
	if p.Kind == wsdl.Single {
		return []string{p.Element.Name.Local}
	}
	var all []string
	for _, c := range p.Children {
		all = append(all, names(c)...)
	}
	return all
}

// pass marks the keys of a choice as used, so that members which are null or left
// aside are not unknown.
func (g *given) pass(p *wsdl.Particle) {
	for _, key := range p.Keys() {
		g.take(key)
	}
}

// emptiable reports whether nothing at all fits the particle.
func emptiable(p *wsdl.Particle) bool {
	switch {
	case p.Min == 0:
		return true
	case p.Kind == wsdl.Single || p.Kind == wsdl.Any:
		return false
	case p.Kind == wsdl.Choice:
		return slices.ContainsFunc(p.Children, emptiable)
	}
	return !slices.ContainsFunc(p.Children, func(c *wsdl.Particle) bool { return !emptiable(c) })
}

// givesAny reports whether something of the particle is given that counts.
func givesAny(p *wsdl.Particle, g *given, counts func(pyvalue.Value) bool) bool {
	return slices.ContainsFunc(p.Keys(), func(key string) bool { return counts(g.get(key)) })
}

// present reports a value that is not null.
func present(v pyvalue.Value) bool { return !v.IsNone() }

// meant reports a value that somebody must have meant: not null, and not empty.
func meant(v pyvalue.Value) bool {
	if list, ok := v.Items(); ok {
		return len(list) > 0
	}
	return !v.IsNone() && (!v.IsText() || v.Text() != "")
}

// truthy reports a value that is true in Python.
func truthy(v pyvalue.Value) bool {
	if v.IsNumber() {
		return pyvalue.Truth(v)
	}
	return meant(v)
}

// any writes what the schema leaves open: elements that it declares elsewhere, by
// their names.
func (w *writer) any(p *wsdl.Particle, g *given) error {
	v, there := g.take(p.Key)
	if !there || v.IsNone() {
		if p.Min > 0 {
			w.fault(fmt.Errorf("%w: an element of any name is required, under %s", ErrMissing, p.Key))
		}
		return nil
	}
	_ = w.at(Step{Key: p.Key}, func() error {
		w.fault(fmt.Errorf("the schema allows an element of any name here, which a mapping cannot give"))
		return nil
	})
	return nil
}
