package rossum

import (
	"encoding/json"
	"testing"
)

func TestChangesAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	t.Parallel()
	hidden := true
	for _, value := range []string{"", "ERP-1", "ü", "a\"b", `a\b`, "<a>&", "\x7f", "\u2028", "\x00", "\xff", "~ !"} {
		for _, ch := range []change{
			{value: value, hasValue: true}, {}, {value: value, hasValue: true, normalized: value}, {value: value, hasValue: true, hidden: &hidden},
			{value: value, hasValue: true, computed: true}, {value: value, hasValue: true, options: json.RawMessage(`[ 1 ]`)},
			{value: value, hasValue: true, removed: true}, {value: value, hasValue: true, added: true},
		} {
			n := &Node{id: -7, schemaID: "x", category: CategoryDatapoint, parent: &Node{id: 8}, change: &ch}
			want, err := json.Marshal(n.savedChange())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := n.appendChange(nil); err != nil || string(got) != string(want) {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		}
	}
}
