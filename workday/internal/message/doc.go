// Package message writes the bodies of SOAP messages from mappings, and reads
// replies, as a WSDL's schema wants it.
//
// What is written is what Python's zeep writes for the same mapping, since that
// is what mappings are made for: elements in the order of the schema, attributes
// where the schema says attribute, "_value_1" as text, null left out, lists
// repeated. Numbers and booleans are spelt as Python spells them. Where zeep
// sends something else than what the mapping says, or something that the schema
// forbids, there is an error instead, with the path in the mapping; all errors of
// a mapping are reported together.
//
// Files are not read while a body is made. They are encoded in base64 while the
// body is sent.
package message
