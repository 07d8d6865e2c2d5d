package rossum

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
)

func init() {
	rossumrun.TakeWritten = func(c any) []string { return c.(*Content).takeWritten() }
	rossumrun.AppendRecorded = func(dst []byte, p any) []byte { return p.(*Payload).appendRecorded(dst) }
}

var wired sync.Once

// wire fills in what concerns the nodes of a content. It is called where contents are made,
// so that a program which has none is without it.
func wire() {
	rossumrun.SetComputed = func(n any, value, normalized string) error { return n.(*Node).setComputed(value, normalized) }
	rossumrun.Changes = func(c any) (json.RawMessage, error) { return c.(*Content).changes() }
	rossumrun.Restore = func(c any, changes json.RawMessage) error { return c.(*Content).restore(changes) }
	rossumrun.Merge = func(c any, branches []any) ([]string, error) {
		list := make([]*Content, len(branches))
		for i, b := range branches {
			list[i] = b.(*Content)
		}
		conflicts, err := c.(*Content).merge(list...)
		var texts []string
		for _, conflict := range conflicts {
			texts = append(texts, fmt.Sprint(conflict))
		}
		return texts, err
	}
}
