package rossum

import (
	"encoding/json"
	"iter"

	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
)

func init() {
	rossumrun.Intact = func(n any) bool { return n.(*Node).intact() }
	rossumrun.Came = func(n any, key string) (string, rossumrun.Literal) { return n.(*Node).cameAs(key) }
	rossumrun.Members = func(n any) iter.Seq2[string, json.RawMessage] { return members(n.(*Node).Raw()) }
	rossumrun.AnnotationMembers = func(a any) iter.Seq2[string, json.RawMessage] { return members(a.(*Annotation).raw) }
	rossumrun.PayloadKeys = func(p any) []string { return p.(*Payload).keys() }
	rossumrun.BeforeChange = func(c any, f func()) func() {
		before := &c.(*Content).before
		before.Store(&f)
		return func() { before.CompareAndSwap(&f, nil) }
	}
}

// intact reports that the node itself is as it came; nodes below it may have changed.
func (n *Node) intact() bool {
	last := len(n.children) - 1
	return n.raw.present() && n.change == nil && !n.resized && (last < 0 || n.children[last].raw.present())
}

// cameAs returns a member of the node's JSON as it came; see [rossumrun.Came].
func (n *Node) cameAs(key string) (string, rossumrun.Literal) {
	at, null := n.value, nullValue
	switch key {
	case "children":
		return "", n.cameWith(childrenKey)
	case "content":
		if n.content.present() {
			return "", rossumrun.Other
		}
		if n.cameWith(contentKey) == rossumrun.Absent {
			return "", rossumrun.Absent
		}
		return "", rossumrun.Null
	case "normalized_value":
		if at, null = n.normalized, nullNormalized; n.came&normalizedKey == 0 {
			return "", rossumrun.Absent
		}
	default:
		if n.came&valueKey == 0 {
			return "", rossumrun.Absent
		}
	}
	switch {
	case n.came&null != 0:
		return "", rossumrun.Null
	case !at.present():
		return "", rossumrun.Text // without characters
	}
	if lit := n.tree.data[at.from:at.to]; lit[0] == '"' {
		return unquote(lit), rossumrun.Text
	}
	return "", rossumrun.Other
}

func (n *Node) cameWith(keys nodeKeys) rossumrun.Literal {
	if n.came&keys == 0 {
		return rossumrun.Absent
	}
	return rossumrun.Other
}

// members yields the members of a JSON object that was scanned before.
func members(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		s, more := &scanner{data: object}, true
		_ = s.object(func(key span) error { // it was read before without an error
			v, err := s.skip()
			if more && err == nil {
				more = yield(unquote(object[key.from:key.to]), object[v.from:v.to])
			}
			return err
		})
	}
}

func (c *Content) beforeChange() {
	if c.before.Load() == nil {
		return // as nearly always; a swap costs more
	}
	if f := c.before.Swap(nil); f != nil {
		(*f)()
	}
}
