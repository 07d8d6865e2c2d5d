package ordered

import (
	"slices"
	"testing"
)

func TestAMapIsGoneOverInTheOrderOfItsKeys(t *testing.T) {
	t.Parallel()
	m := map[string]int{"b": 2, "d": 4, "a": 1, "c": 3}
	var keys []string
	var values []int
	for k, v := range ByKey(m) {
		if k == "d" {
			break
		}
		keys, values = append(keys, k), append(values, v)
	}
	if !slices.Equal(keys, []string{"a", "b", "c"}) || !slices.Equal(values, []int{1, 2, 3}) {
		t.Errorf("got %v and %v", keys, values)
	}
}
