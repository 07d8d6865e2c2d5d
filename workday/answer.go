package workday

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// objectID is one of an object's IDs, such as WID or Supplier_Invoice_Reference_ID.
type objectID struct{ kind, value string }

// newObject finds the reference that an answer gives, and what it refers to.
func newObject(answer pyvalue.Value) (what string, ids []objectID) {
	if answer.Dict() == nil {
		return "", nil
	}
	for key, v := range answer.Dict().All() {
		name, isReference := strings.CutSuffix(key.Text(), "_Reference")
		if !isReference {
			continue
		}
		if list, ok := v.Items(); ok && len(list) > 0 {
			v = list[0]
		}
		if reference := v.Dict(); reference != nil {
			if ids = idsOf(reference); len(ids) > 0 {
				return strings.ToLower(strings.ReplaceAll(name, "_", " ")), ids
			}
		}
	}
	return "", nil
}

// idsOf lists the IDs of a reference, the WID last: people know the other.
func idsOf(reference *pyvalue.Dict) []objectID {
	v, _ := reference.GetStr("ID")
	var ids, wids []objectID
	for _, element := range elements(v) {
		o := element.Dict()
		if o == nil {
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

// elements are those of a list, or the single value if it is not a list.
func elements(v pyvalue.Value) []pyvalue.Value {
	if list, ok := v.Items(); ok {
		return list
	}
	return []pyvalue.Value{v}
}

func textMember(o *pyvalue.Dict, key string) string {
	v, _ := o.GetStr(key)
	return strings.TrimSpace(v.Text())
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
func (r *run) exceptions(answer pyvalue.Value) {
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
func findAll(v pyvalue.Value, key string, found []*pyvalue.Dict) []*pyvalue.Dict {
	list, _ := v.Items()
	for _, element := range list {
		found = findAll(element, key, found)
	}
	if v.Dict() == nil {
		return found
	}
	for name, item := range v.Dict().All() {
		if name.Text() != key {
			found = findAll(item, key, found)
			continue
		}
		for _, element := range elements(item) {
			if o := element.Dict(); o != nil {
				found = append(found, o)
			}
		}
	}
	return found
}
