package components_test

import (
	"hash/fnv"
	"io"
	"os"
	"strings"
)

// gates reports whether a case of a product is tried each time: of so many a fixed one is. All
// are with EXPORTPIPELINE_SOAK set.
func gates(oneOf uint32, names ...string) bool {
	if os.Getenv("EXPORTPIPELINE_SOAK") != "" {
		return true
	}
	h := fnv.New32a()
	_, _ = io.WriteString(h, strings.Join(names, "\x00"))
	return h.Sum32()%oneOf == 0
}
