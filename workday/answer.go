package workday

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
)

// objectID is one of an object's IDs, such as WID or Supplier_Invoice_Reference_ID.
type objectID struct{ kind, value string }

// newObject finds the reference that an answer gives, and what it refers to: the first of
// each name counts, as the answers of all operations have it.
func newObject(answer message.Answer) (what string, ids []objectID) {
	seen := make(map[string]bool)
	for member := range answer.Children() {
		name, isReference := strings.CutSuffix(member.Name(), "_Reference")
		if !isReference || seen[name] {
			continue
		}
		seen[name] = true
		if ids = idsOf(member); len(ids) > 0 {
			return strings.ToLower(strings.ReplaceAll(name, "_", " ")), ids
		}
	}
	return "", nil
}

// maxIDs is how many IDs of an object are looked at: Workday gives a few.
const maxIDs = 100

// idsOf lists the IDs of a reference, the WID last: people know the other.
func idsOf(reference message.Answer) []objectID {
	var ids, wids []objectID
	n := 0
	for child := range reference.Children() {
		if child.Name() != "ID" {
			continue
		}
		if n++; n > maxIDs {
			break
		}
		o := child.Decode().Dict()
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

// shownIDs lists IDs for a message. What is too long for one is no ID of Workday's, and is cut.
func (r *run) shownIDs(ids []objectID) string {
	text := listIDs(ids)
	if len(text) > maxMessage {
		text = r.shortened(text)
	}
	return text
}

// exceptions shows what Workday remarks on an object that it has taken.
func (r *run) exceptions(answer message.Answer) {
	n := 0
	answer.Find("Exception_Data", func(found message.Answer) {
		if n++; n > maxShown {
			return
		}
		e := found.Decode().Dict()
		if e == nil {
			return
		}
		text := textMember(e, "Message")
		if kind := textMember(e, "Classification"); kind != "" {
			text = strings.TrimSpace(kind + ": " + text)
		}
		if text != "" {
			r.x.Warn("Workday reports: %s", r.shortened(text))
		}
	})
	if n > maxShown {
		r.x.Warn("Workday reports %d more exceptions, which are left out here.", n-maxShown)
	}
}
