// Package ordered goes over maps in the order of their keys, so that what is said of them,
// and which fault of several is found first, is the same each time.
package ordered

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// ByKey yields the entries of a map in the order of their keys.
func ByKey[M ~map[K]V, K cmp.Ordered, V any](m M) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
