// Package rossum speaks for the platform: what a hook is called with, the
// annotation and its content tree, what a hook answers, and the REST API.
//
// [ParsePayload] reads a hook call. Fields are found by schema_id and read
// with their types; a change is remembered and becomes an operation of the
// answer:
//
//	p, err := rossum.ParsePayload(body)
//	…
//	total, err := p.Annotation.Content.Field("amount_total")
//	…
//	amount, err := total.Decimal()
//
// Facts about the platform are those of its public API reference
// (https://elis.rossum.ai/api/docs) and knowledge base.
//
// Besides the standard library the package uses tidwall/gjson and tidwall/sjson:
// they read and patch parts of a JSON document without decoding the rest.
package rossum
