package pipeline

import (
	"slices"
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
	flawed   func() bool // a formula has a fault or a warning

	mu    sync.Mutex
	reach map[string]map[string]bool // what affected has worked out
}

func newSchemaFacts(s *rossum.Schema) *schemaFacts {
	if s == nil {
		return nil
	}
	f := &schemaFacts{
		schema:   s,
		formulas: sync.OnceValue(func() *formula.Set { return compileFormulas(s) }),
		index:    sync.OnceValue(func() *schemaIndex { return newSchemaIndex(s) }),
		reach:    make(map[string]map[string]bool),
	}
	f.flawed = sync.OnceValue(func() bool {
		return slices.ContainsFunc(f.formulas().Formulas(), func(one formula.Formula) bool { return one.Err != nil || len(one.Warnings) > 0 })
	})
	return f
}

// hasText reports whether a field is known to hold text of documents or people.
func (f *schemaFacts) hasText(schemaID string) bool {
	if f == nil {
		return false
	}
	field := f.schema.Field(schemaID)
	return field != nil && isTyped(field) && field.ValueType() != "number"
}

// isTyped reports whether a field's values are read from the document or typed in.
func isTyped(f *rossum.SchemaField) bool {
	return f.UIConfiguration.Type == "captured" || f.UIConfiguration.Type == "manual"
}

// affected returns the schema_ids of the formula fields that are computed again when a
// field or table changes. The caller must not change the map.
func (f *schemaFacts) affected(schemaID string) map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids, known := f.reach[schemaID]
	if !known {
		for _, one := range f.formulas().Affected(schemaID) {
			if ids == nil {
				ids = make(map[string]bool)
			}
			ids[one.SchemaID] = true
		}
		f.reach[schemaID] = ids
	}
	return ids
}

// knownFacts keeps the facts of sideloaded schemas, which calls share.
var knownFacts = struct {
	sync.Mutex
	m map[*rossum.Schema]*schemaFacts
}{m: make(map[*rossum.Schema]*schemaFacts)}

// maxSchemas is how many schemas are kept at a time.
const maxSchemas = 64

// schemaFacts returns the facts of the run's schema, nil if there is none: that of
// [WithFormulas], or else the one that the hook sideloads.
func (x *Export) schemaFacts() (*schemaFacts, error) {
	if given := x.givenFacts(); given != nil {
		return given, nil
	}
	schema, err := x.Payload.Schema()
	if err != nil || schema == nil {
		return nil, err
	}
	knownFacts.Lock()
	defer knownFacts.Unlock()
	facts := knownFacts.m[schema]
	if facts == nil {
		if len(knownFacts.m) >= maxSchemas {
			clear(knownFacts.m)
		}
		facts = newSchemaFacts(schema)
		knownFacts.m[schema] = facts
	}
	return facts, nil
}

// givenFacts are those of the schema that the run was given; nil if it was given none.
func (x *Export) givenFacts() *schemaFacts {
	if x.Annotation != nil {
		if facts := x.run.config.schemas[x.Annotation.QueueID()]; facts != nil {
			return facts
		}
	}
	return x.run.config.schema
}
