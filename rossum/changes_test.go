package rossum

import (
	"encoding/json"
	"testing"
)

func TestChangesAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	t.Parallel()
	hidden := true
	for _, value := range []string{"", "ERP-1", "ü", "a\"b", `a\b`, "<a>&", "\x7f", "\u2028", "\x00", "\xff", "~ !"} {
		for _, s := range []savedChange{
			{ID: 7, Value: &value}, {ID: -7}, {ID: 7, Value: &value, Normalized: value}, {ID: 7, Value: &value, Hidden: &hidden}, {ID: 7, Value: &value, Computed: true},
			{ID: 7, Value: &value, Options: json.RawMessage(`[ 1 ]`)}, {ID: 7, Value: &value, Removed: true}, {ID: 7, Value: &value, Added: []savedCell{}},
		} {
			want, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.append(nil); err != nil || string(got) != string(want) {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		}
	}
}
