// Package exportpipeline is the root of a library that runs Rossum export
// pipelines inside any Go service.
//
// Rossum reads documents, invoices above all, and calls hooks; the last hook,
// export, turns the checked data into files and API calls for an ERP. This
// library holds the components of such an export as steps:
//
//	chain, err := pipeline.New(
//		&steps.Purge{},
//		&steps.CustomFormat{Exports: …},
//		&steps.RESTExport{Request: …},
//		&steps.Extract{Sources: …},
//		&steps.Evaluate{Check: …},
//	)
//	hook, err := hookserver.New(hookserver.Options{Chain: chain, SignatureSecrets: []string{secret}})
//	http.Handle("/export", hook)
//
// The packages, from the ground up:
//
//   - rossum: what a hook is called with, the annotation's content tree, what a
//     hook answers, the API client, an organisation's prd2 folder. Its package
//     rossumtest has fakes for tests, native makes the platform's own export formats,
//     formula computes formula fields.
//   - pipeline: Step, Chain, the Export that travels, the ledger that keeps runs, the
//     report of a run. Its packages are organisation, for chains made from the hooks of
//     an organisation, hookserver, and pipelinetest, which tests a step.
//   - steps: cleaning, custom format templating, REST export, data value
//     extractor, export evaluator, function hooks, and in requestprocessor Rossum's
//     engine that does a whole export in one hook.
//   - sftpexport: files to SFTP servers and S3 buckets.
//   - workday: SOAP calls to Workday.
//   - examples: runnable programs, each a page long.
//
// Begin with package pipeline, or run the first example:
//
//	go run ./examples/quickstart
package exportpipeline
