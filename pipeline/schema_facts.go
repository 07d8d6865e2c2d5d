package pipeline

import (
	"crypto/sha256"
	"sync"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// schemaFacts is what was worked out of a schema, when it was first needed. Runs share
// it.
type schemaFacts struct {
	schema   *rossum.Schema
	formulas func() *formula.Set // which has the faults of single formulas
	index    func() *schemaIndex
}

func newSchemaFacts(s *rossum.Schema) *schemaFacts {
	if s == nil {
		return nil
	}
	return &schemaFacts{
		schema: s,
		formulas: sync.OnceValue(func() *formula.Set {
			set, _ := formula.Compile(s)
			return set
		}),
		index: sync.OnceValue(func() *schemaIndex { return newSchemaIndex(s) }),
	}
}

// sideloaded keeps the facts of sideloaded schemas, which are the same in call after
// call.
var sideloaded = struct {
	sync.Mutex
	m map[[sha256.Size]byte]func() (*schemaFacts, error)
}{m: make(map[[sha256.Size]byte]func() (*schemaFacts, error))}

// maxSchemas is how many schemas are kept at a time.
const maxSchemas = 64

// schemaFacts returns the facts of the run's schema, nil if there is none: that of
// [WithFormulas], or else the one that the hook sideloads.
func (x *Export) schemaFacts() (*schemaFacts, error) {
	if given := x.run.config.schema; given != nil {
		return given, nil
	}
	raw := x.Payload.Raw("schemas")
	if raw == nil {
		return nil, nil
	}
	// The key is computed once in a run: schemas may have hundreds of kilobytes.
	x.run.hashed.Do(func() {
		h := sha256.New()
		h.Write([]byte(x.Annotation.Schema))
		h.Write([]byte{0})
		h.Write(raw)
		x.run.schemaKey = [sha256.Size]byte(h.Sum(nil))
	})
	return sideloadedFacts(x.run.schemaKey, x.Payload.Schema)()
}

// sideloadedFacts returns what reads the schema, which is done once for a key. Runs with
// another schema do not wait for it.
func sideloadedFacts(key [sha256.Size]byte, read func() (*rossum.Schema, error)) func() (*schemaFacts, error) {
	sideloaded.Lock()
	defer sideloaded.Unlock()
	if facts, known := sideloaded.m[key]; known {
		return facts
	}
	if len(sideloaded.m) >= maxSchemas {
		clear(sideloaded.m)
	}
	facts := sync.OnceValues(func() (*schemaFacts, error) {
		schema, err := read()
		if err != nil {
			return nil, err
		}
		return newSchemaFacts(schema), nil
	})
	sideloaded.m[key] = facts
	return facts
}
