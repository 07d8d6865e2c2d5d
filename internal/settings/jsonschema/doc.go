// Package jsonschema writes the JSON Schema of a settings struct by the rules of the
// decoder that reads it, package settings: the same keys and old names, null wherever the
// decoder takes it, comments, and nothing else. Descriptions come from the doc comments of
// the source. Only tests need it: what it writes is committed, and compared in CI.
//
// Schemas are those of draft 7, which editors know best. What a schema cannot say, such as
// which keys belong together, the step's own check says.
package jsonschema
