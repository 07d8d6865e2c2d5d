// Package runpage shows runs to people: [Page] makes one self-contained HTML file of a
// report, and [Recent] is an [http.Handler] with the recent runs, newest first.
//
// A page says in its first sentence what happened. Then come the messages as Rossum shows
// them, the steps with their states, one time axis with every step, call, attempt and wait,
// and for each step its decisions, its calls with request and answer, its files, and the
// fields that changed. Calls, files and fields are there if the run had
// [pipeline.WithDetails].
//
// Pages need no script and nothing from elsewhere; they work offline, in print, with dark
// and light screens, and say in words what they also say in colour. They hold data of
// documents, and no secrets: whoever may not see invoices may not see pages. Nothing is
// served unless a program mounts a Recent, behind its own authorisation:
//
//	recent := runpage.NewRecent(runpage.Options{})
//	hook, err := hookserver.New(hookserver.Options{
//		Chain: chain, SignatureSecrets: secrets,
//		Run: []pipeline.Option{pipeline.WithDetails(pipeline.Details{}), pipeline.WithReport(recent.Add)},
//	})
//	…
//	internal.Handle("/runs/", http.StripPrefix("/runs", onlyOperators(recent)))
package runpage
