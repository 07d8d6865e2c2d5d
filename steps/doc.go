// Package steps holds the components of Rossum's export pipeline: [Purge],
// [CustomFormat], [RESTExport], [Extract], [Evaluate] and [EvaluateReplies]. The Request
// Processor, which does a whole export in one hook, is [requestprocessor.Step].
//
// Each is a plain struct with the keys of Rossum's own extension, and is used as
// a Go literal and from JSON alike:
//
//	chain, err := pipeline.New(
//		&steps.Purge{},
//		&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "invoice", Template: "{{ field.document_id }}"}}},
//	)
//
// or json.Unmarshal(hook.Settings, &step), which is strict: an unknown key is an
// error with its place and the nearest known key. What can be compiled is
// compiled once, by Validate, which [pipeline.New] calls; after that a step does
// not change and serves any number of exports at the same time.
//
// Conditions of Evaluate are Python, see [formula.Condition];
// XPath of Extract is XPath 1.0 as libxml2 evaluates it.
//
// Behaviour is that of Rossum's public knowledge base, chapter "Export
// pipelines".
package steps
