package workday

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
)

// objectID is one of an object's IDs, such as WID or Supplier_Invoice_Reference_ID.
type objectID struct{ kind, value string }

// newObject finds the reference that an answer gives, and what it refers to.
func newObject(answer jsontemplate.Value) (what string, ids []objectID) {
	o, ok := answer.(*jsontemplate.Object)
	if !ok {
		return "", nil
	}
	for _, m := range o.Members {
		name, isReference := strings.CutSuffix(m.Key, "_Reference")
		if !isReference {
			continue
		}
		v := m.Value
		if list, ok := v.([]jsontemplate.Value); ok && len(list) > 0 {
			v = list[0]
		}
		if reference, ok := v.(*jsontemplate.Object); ok {
			if ids = idsOf(reference); len(ids) > 0 {
				return strings.ToLower(strings.ReplaceAll(name, "_", " ")), ids
			}
		}
	}
	return "", nil
}

// idsOf lists the IDs of a reference, the WID last: people know the other.
func idsOf(reference *jsontemplate.Object) []objectID {
	v, _ := reference.Get("ID")
	list, ok := v.([]jsontemplate.Value)
	if !ok {
		list = []jsontemplate.Value{v}
	}
	var ids, wids []objectID
	for _, element := range list {
		o, ok := element.(*jsontemplate.Object)
		if !ok {
			continue
		}
		id := objectID{textMember(o, "type"), textMember(o, "_value_1")}
		switch {
		case id.value == "":
		case id.kind == "WID":
			wids = append(wids, id)
		default:
			ids = append(ids, id)
		}
	}
	return append(ids, wids...)
}

func textMember(o *jsontemplate.Object, key string) string {
	v, _ := o.Get(key)
	text, _ := v.(string)
	return strings.TrimSpace(text)
}

func listIDs(ids []objectID) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = id.value
		if id.kind != "" && len(ids) > 1 {
			parts[i] += " (" + id.kind + ")"
		}
	}
	return strings.Join(parts, ", ")
}

// exceptions shows what Workday remarks on an object that it has taken.
func (r *run) exceptions(answer jsontemplate.Value) {
	for _, e := range findAll(answer, "Exception_Data", nil) {
		text := textMember(e, "Message")
		if kind := textMember(e, "Classification"); kind != "" {
			text = strings.TrimSpace(kind + ": " + text)
		}
		if text != "" {
			r.x.Warn("Workday reports: %s", r.shortened(text))
		}
	}
}

// findAll returns the objects under a key, wherever they stand.
func findAll(v jsontemplate.Value, key string, found []*jsontemplate.Object) []*jsontemplate.Object {
	switch v := v.(type) {
	case []jsontemplate.Value:
		for _, element := range v {
			found = findAll(element, key, found)
		}
	case *jsontemplate.Object:
		for _, m := range v.Members {
			if m.Key == key {
				list, ok := m.Value.([]jsontemplate.Value)
				if !ok {
					list = []jsontemplate.Value{m.Value}
				}
				for _, element := range list {
					if o, ok := element.(*jsontemplate.Object); ok {
						found = append(found, o)
					}
				}
				continue
			}
			found = findAll(m.Value, key, found)
		}
	}
	return found
}
