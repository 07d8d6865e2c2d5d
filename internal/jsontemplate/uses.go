package jsontemplate

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/jsontext"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// UseKind says what a [Use] names.
type UseKind uint8

// The things that templates name.
const (
	UseField    UseKind = iota + 1 // a schema_id
	UseSecret                      // a secret of the hook
	UseFile                        // #{file_content}
	UseOriginal                    // the annotated document
	UseText                        // text that looks like a placeholder and is none
)

// Use is one thing that a template names.
type Use struct {
	Kind  UseKind
	Name  string // schema_id, or name of the secret
	Place string // of the placeholder or operator in the settings
	// Single means that there must be exactly one here, with a value.
	Single bool
	// Group means that it must be a table or a group: a plain field has no children.
	Group bool
	// Optional means that rendering goes on when there is none.
	Optional bool
	// Branch is the part of the template that must be chosen for it to be rendered, ""
	// if nothing is chosen: see [Template.Chosen]. Deciding are the schema_ids whose
	// values decide about that.
	Branch   string
	Deciding []string
	// Within are the schema_ids that must be there for it to be rendered: those of the
	// loops and tests around it, outermost first.
	Within []string
	// Bare means that its value becomes a part of JSON as it is, outside of its strings.
	Bare bool
	// Looped means that the last of Within is a loop, or that there is one around.
	Looped bool
}

// Uses lists what the template names, in the order of the settings.
func (t *Template) Uses() []Use {
	var u uses
	u.walk(t.root, around{})
	return append(u.list, t.odd...)
}

// uses is a list in the making.
type uses struct {
	list []Use
	told map[told]bool // of the text that is walked through, nil outside of one
}

// told is a name in a text. Where a text has it many times it is listed once.
type told struct {
	kind UseKind
	name string
	bare bool
}

// around is what stands around a part of a template.
type around struct {
	branch           string
	looped           bool
	within, deciding []string
}

func (a around) inside(schemaID string) around {
	a.within = append(slices.Clone(a.within), schemaID)
	return a
}

// chosen is what is in a branch of an operator, about which values decide.
func (a around) chosen(branch string, deciding ...string) around {
	a.branch, a.deciding = branch, slices.Concat(a.deciding, deciding)
	return a
}

func (u *uses) add(a around, use Use) {
	if u.told != nil {
		name := told{use.Kind, use.Name, use.Bare}
		if u.told[name] {
			return
		}
		u.told[name] = true
	}
	use.Branch, use.Deciding, use.Within, use.Looped = a.branch, a.deciding, a.within, a.looped
	u.list = append(u.list, use)
}

func (u *uses) walk(n node, a around) {
	switch n := n.(type) {
	case list:
		for _, e := range n.elements {
			u.walk(e, a)
		}
	case object:
		for _, m := range n.members {
			u.walk(m.value, a)
		}
	case joined:
		u.joined(n, a)
	case field:
		u.add(a, Use{Kind: UseField, Name: n.schemaID, Place: n.place, Single: true})
	case secret:
		u.add(a, Use{Kind: UseSecret, Name: n.name, Place: n.place})
	case file:
		kind := UseFile
		if n.original {
			kind = UseOriginal
		}
		u.add(a, Use{Kind: kind, Place: n.place})
	case expression:
		if slices.Contains(n.names, "document_content") {
			u.add(a, Use{Kind: UseOriginal, Place: n.place})
		}
	case fetch:
		u.add(a, Use{Kind: UseField, Name: n.schemaID, Place: n.place, Single: true})
	case childCount:
		u.add(a, Use{Kind: UseField, Name: n.schemaID, Place: n.place, Single: true, Group: true})
	default:
		u.operator(n, a)
	}
}

// joined walks through the parts of a text.
func (u *uses) joined(n joined, a around) {
	isJSON := jsontext.IsJSON(n.parts, literalText)
	u.told = make(map[told]bool)
	defer func() { u.told = nil }()
	for i, p := range n.parts {
		if f, ok := p.(field); ok && isJSON && (n.depths == nil || n.depths[i] == 0) {
			u.add(a, Use{Kind: UseField, Name: f.schemaID, Place: f.place, Single: true, Bare: true})
			continue
		}
		u.walk(p, a)
	}
}

// operator walks through the operators that choose between templates.
func (u *uses) operator(n node, a around) {
	switch n := n.(type) {
	case ifSchemaID:
		u.add(a, Use{Kind: UseField, Name: n.schemaID, Place: n.place, Optional: true})
		u.walk(n.mapping, a.chosen(mappingOf(n.place), n.schemaID).inside(n.schemaID))
		u.walk(n.fallback, a.chosen(fallbackOf(n.place), n.schemaID))
	case ifValue:
		u.add(a, Use{Kind: UseField, Name: n.schemaID, Place: n.place, Single: true})
		before := len(u.list)
		u.walk(n.value, a)
		deciding := []string{n.schemaID}
		for _, compared := range u.list[before:] {
			deciding = append(deciding, compared.Name)
		}
		u.walk(n.mapping, a.chosen(mappingOf(n.place), deciding...))
		u.walk(n.fallback, a.chosen(fallbackOf(n.place), deciding...))
	case forEach:
		u.add(a, Use{Kind: UseField, Name: n.schemaID, Place: n.place, Optional: true})
		inner := a.inside(n.schemaID)
		inner.looped = true
		u.walk(n.mapping, inner)
		u.walk(n.fallback, a.chosen(fallbackOf(n.place), n.schemaID))
	case valueSwitch:
		u.add(a, Use{Kind: UseField, Name: n.schemaID, Place: n.place, Single: true})
		for _, key := range n.branches.keys {
			u.walk(n.branches.byValue[key], a.chosen(settings.Join(mappingOf(n.place), key), n.schemaID))
		}
		u.walk(n.fallback, a.chosen(fallbackOf(n.place), n.schemaID))
	}
}
