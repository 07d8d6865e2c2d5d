// Package schematest holds the JSON Schemas of exportrun against the decoder: whatever
// settings the decoder takes the schemas take, and what it refuses for their keys and types
// they refuse. It is a module of its own, so that nobody else needs a validator.
//
// The validator is santhosh-tekuri/jsonschema: it passes the official test suite of draft
// 7, is kept, and needs but one other module.
package schematest
