// Package reqproc is the language that settings of Rossum's Request Processor are
// written in: placeholders such as {field.document_id.value}, conditions in the
// manner of MongoDB, and extractors of values from replies. It knows nothing of
// pipelines: what a placeholder can name comes in as a [Scope].
//
// Values are Python's, as package pyvalue has them, since the hosted engine is
// written in Python and its texts and comparisons show it.
//
// Everything is compiled once; what is compiled may be used by several goroutines.
//
// Regular expressions are Python's; see package re.
//
// Behaviour is that of the public reference of the engine, rossumai/claude-marketplace,
// plugins/rossum-sa/skills/export-pipeline-reference/reference.md.
package reqproc
