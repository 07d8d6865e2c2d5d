package message

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// Problem is one thing that is wrong with a message, and where.
type Problem struct {
	XPath string // with the prefix wd for every name
	Text  string
}

// Validate says where a message does not fit the schema, as a server would.
func Validate(e *wsdl.Element, t Tree) []Problem {
	v := &validator{}
	if t.Name() != e.Name {
		return []Problem{{"/wd:" + t.Name().Local + "[1]", "the element " + e.Name.Local + " is expected"}}
	}
	v.element(e, t, "/wd:"+t.Name().Local+"[1]")
	return v.problems
}

type validator struct{ problems []Problem }

func (v *validator) add(xpath, format string, args ...any) {
	v.problems = append(v.problems, Problem{xpath, fmt.Sprintf(format, args...)})
}

func (v *validator) element(e *wsdl.Element, t Tree, xpath string) {
	typ, err := e.Type()
	switch {
	case err != nil:
		v.add(xpath, "%v", err)
		return
	case typ.Any, e.Nillable && t.Attr("nil") == "true":
		return
	}
	v.attributes(typ, t, xpath)
	children := slices.Collect(t.Children())
	if typ.Simple != nil {
		if len(children) > 0 {
			v.add(xpath, "element %s holds elements instead of a text", t.Name().Local)
		} else if err := typ.Simple.Check(t.Text()); err != nil {
			v.add(xpath, "%v", err)
		}
		return
	}
	if !typ.Mixed && strings.TrimSpace(t.Text()) != "" {
		v.add(xpath, "element %s holds a text", t.Name().Local)
	}
	at := 0
	if typ.Content != nil {
		at = v.particle(typ.Content, children, 0, xpath)
	}
	if at < len(children) {
		v.add(below(xpath, children, at), "element %s is not expected here", children[at].Name().Local)
	}
}

func (v *validator) attributes(typ *wsdl.Type, t Tree, xpath string) {
	there := make(map[string]bool)
	for a := range t.Attributes() {
		if !isData(a.Name) {
			continue
		}
		declared := findAttribute(typ, a.Name)
		switch {
		case declared != nil:
			there[a.Name.Space+" "+a.Name.Local] = true
			if err := declared.Type.Check(a.Value); err != nil {
				v.add(xpath+"/@wd:"+a.Name.Local, "%v", err)
			}
		case !typ.AnyAttribute:
			v.add(xpath+"/@wd:"+a.Name.Local, "attribute %s is not expected", a.Name.Local)
		}
	}
	for _, a := range typ.Attributes {
		if a.Required && !there[a.Name.Space+" "+a.Name.Local] {
			v.add(xpath, "attribute %s is missing", a.Name.Local)
		}
	}
}

// below is the path of a child: with its position among those of its name.
func below(xpath string, children []Tree, at int) string {
	position := 0
	for _, c := range children[:at+1] {
		if c.Name() == children[at].Name() {
			position++
		}
	}
	return fmt.Sprintf("%s/wd:%s[%d]", xpath, children[at].Name().Local, position)
}

// particle takes as many children as fit, from at on, and returns where the rest
// begins.
func (v *validator) particle(p *wsdl.Particle, children []Tree, at int, xpath string) int {
	turns := 0
	for p.Max == wsdl.Unbounded || turns < p.Max {
		if !begins(p, children, at) {
			break
		}
		next := v.once(p, children, at, xpath)
		if next == at {
			break
		}
		at = next
		turns++
	}
	switch {
	case turns >= p.Min || emptiable(p):
	case p.Kind == wsdl.Sequence || p.Kind == wsdl.All:
		v.once(p, nil, 0, xpath) // says what is missing
	default:
		v.add(xpath, "%s is missing", strings.Join(names(p), " or "))
	}
	return at
}

// begins reports whether the child at a position can be the first of a particle.
func begins(p *wsdl.Particle, children []Tree, at int) bool {
	if at >= len(children) {
		return false
	}
	switch p.Kind {
	case wsdl.Single:
		return p.Element.Name == children[at].Name()
	case wsdl.Any:
		return true
	case wsdl.Sequence:
		for _, c := range p.Children {
			if begins(c, children, at) {
				return true
			}
			if !emptiable(c) {
				// What is missing is told when the sequence is read.
				return containsLater(p, children[at])
			}
		}
		return false
	}
	for _, c := range p.Children {
		if begins(c, children, at) {
			return true
		}
	}
	return false
}

func containsLater(p *wsdl.Particle, t Tree) bool {
	for _, name := range names(p) {
		if name == t.Name().Local {
			return true
		}
	}
	return false
}

func (v *validator) once(p *wsdl.Particle, children []Tree, at int, xpath string) int {
	switch p.Kind {
	case wsdl.Single:
		v.element(p.Element, children[at], below(xpath, children, at))
		return at + 1
	case wsdl.Any:
		return at + 1
	case wsdl.Choice:
		for _, c := range p.Children {
			if begins(c, children, at) {
				return v.particle(c, children, at, xpath)
			}
		}
		return at
	case wsdl.All:
		return v.all(p, children, at, xpath)
	}
	for _, c := range p.Children {
		at = v.particle(c, children, at, xpath)
	}
	return at
}

func (v *validator) all(p *wsdl.Particle, children []Tree, at int, xpath string) int {
	seen := make(map[*wsdl.Particle]bool)
	for at < len(children) {
		found := false
		for _, c := range p.Children {
			if !seen[c] && begins(c, children, at) {
				seen[c], found = true, true
				at = v.once(c, children, at, xpath)
				break
			}
		}
		if !found {
			break
		}
	}
	for _, c := range p.Children {
		if c.Min > 0 && !seen[c] {
			v.add(xpath, "%s is missing", strings.Join(names(c), " or "))
		}
	}
	return at
}
