package rossum

import (
	"bytes"
	"hash/maphash"
	"strings"
	"sync"
)

// What a schemaCache holds at the most: real schemas have up to some hundred kilobytes.
const (
	maxSchemas     = 64
	maxSchemaBytes = 32 << 20
)

// sideloaded are the schemas of hook calls, which are the same in call after call.
var sideloaded = schemaCache{seed: maphash.MakeSeed()}

// schemaCache keeps schemas that were read, by their text.
type schemaCache struct {
	seed maphash.Seed

	mu     sync.Mutex
	byHash map[uint64]*cachedSchema
	size   int // of their texts
}

type cachedSchema struct {
	url  string // of the one that is wanted
	raw  []byte
	read func() (*Schema, error)
}

// get returns what read makes of a text, which is done once. Calls with another text do
// not wait for it.
func (c *schemaCache) get(url string, raw []byte, read func(raw []byte, url string) (*Schema, error)) (*Schema, error) {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.WriteString(url) // a hash never fails
	_, _ = h.Write(raw)
	key := h.Sum64()
	c.mu.Lock()
	known := c.byHash[key]
	if known == nil || known.url != url || !bytes.Equal(known.raw, raw) {
		known = &cachedSchema{url: strings.Clone(url), raw: bytes.Clone(raw)} // the payload can go
		known.read = sync.OnceValues(func() (*Schema, error) { return read(known.raw, known.url) })
		if c.size += len(raw); c.byHash == nil || len(c.byHash) >= maxSchemas || c.size > maxSchemaBytes {
			c.byHash, c.size = make(map[uint64]*cachedSchema), len(raw)
		}
		c.byHash[key] = known
	}
	c.mu.Unlock()
	return known.read()
}
