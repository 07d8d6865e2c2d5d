// Package rossumtest has fakes for tests of exports: a builder of whole hook
// payloads, and a Rossum API on loopback. No account and no network is needed.
//
//	call := rossumtest.Annotation(
//		rossumtest.Field("document_id", "2026-0042"),
//		rossumtest.Table("line_items",
//			rossumtest.Row("item_description", "Paper", "item_amount", "12.50"),
//		),
//	)
//	payload := call.Payload()
//
// Ids are the same in every run.
package rossumtest
