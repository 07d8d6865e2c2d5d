package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/workday"
)

const runHelp = `
exportrun run runs the hooks of the payload's queue, each with its own settings and
secrets, as Rossum would. Without -send it is a dry run: everything is rendered, each
request is shown without its secrets, and only calls to this machine (localhost,
127.0.0.1, ::1) are made.

  exportrun run -org DIR -payload FILE [-queue ID|NAME] [flags]
  exportrun run -hooks DIR|FILE… -payload FILE [flags]

The answer alone goes to the standard output; the report, the requests and errors go to
the standard error. In a dry run, a step that needs the answer to a call that was not made
is not run, and the report names the call. -replies gives such answers, and -keep-fields
takes the fields for what earlier answers have filled.

A replies file is a list such as
  [{"method": "POST", "url": "https://erp.example/invoices", "status": 201,
    "headers": {"Content-Type": "application/json"}, "body": {"id": 7}}]
where a url may end in *, and a body is JSON or a text; or it is a report of -report, whose
replies are taken. Several entries for one call are taken one after the other.

Ctrl-C ends a run cleanly: nothing more is begun, a call on its way is broken off and named
as one that may have arrived, and the answer and the report are written. A second Ctrl-C
ends the program at once.

Exit codes: 0 the export was answered without an error message; 1 with one; 2 hooks,
payload or arguments are unusable, and nothing was sent.

Examples
  exportrun run -org acme -payload call.json
  exportrun run -org acme -payload call.json -replies replies.json -page run.html
  exportrun run -org acme -payload call.json -secrets secrets.json -out files -send
  exportrun run -hooks hooks -payload call.json -leave-out "Duplicate Handling"
`

// runArguments are those of a run.
type runArguments struct {
	arguments
	send       bool
	replies    string
	keepFields bool
	reads      bool
	original   string
	report     string
	page       string
}

func runCommand(ctx context.Context, args []string, out *terminal) int {
	a := &runArguments{}
	f := newFlags("run", runHelp)
	a.whichHooks(f)
	a.whichRun(f)
	f.StringVar(&a.payload, "payload", "", "the body of a hook call in this `file`")
	f.BoolVar(&a.send, "send", false, "send: the other systems get the export")
	f.StringVar(&a.replies, "replies", "", "answers for the calls of a dry run in this `file`")
	f.BoolVar(&a.keepFields, "keep-fields", false, "in a dry run, work with the values that the payload's fields have, instead of waiting for answers")
	f.BoolVar(&a.reads, "reads", false, "in a dry run, make the calls that only read: GET and HEAD")
	f.StringVar(&a.original, "original", "", "take the annotated document from this `file` instead of from Rossum")
	f.StringVar(&a.out, "out", "", "write each artefact to this `folder`, under its reference key")
	where := f.String("artefacts", "memory", "keep artefacts in memory, or in rossum as documents: `where`")
	f.BoolVar(&a.graph, "graph", false, "show the hooks and their order first")
	f.StringVar(&a.report, "report", "", "write the report as JSON to this `file`; it holds data of the document, and no secrets")
	f.StringVar(&a.page, "page", "", "write the report as a page to this `file`")
	rest, err := parseFlags(f, args, out)
	if err == nil && len(rest) > 0 {
		err = noFlag(rest[0])
	}
	if err == nil {
		err = a.checkRun(*where)
	}
	if err != nil {
		return code(err, out)
	}
	return export(ctx, a, out)
}

// checkRun refuses arguments that do not go together.
func (a *runArguments) checkRun(where string) error {
	if where != "memory" && where != "rossum" {
		return fmt.Errorf("-artefacts is memory or rossum, not %s", where)
	}
	a.inRossum = where == "rossum"
	switch {
	case a.payload == "":
		return errors.New("-payload is missing; exportrun run -help shows how to call it")
	case a.send && (a.replies != "" || a.keepFields || a.reads):
		return errors.New("-replies, -keep-fields and -reads are for dry runs, without -send")
	}
	return a.checkHooks()
}

// document is what settings have that send the annotated document.
var document = regexp.MustCompile(`#\{original_file\}|\bfile\.original_file\b|\$GET_DOCUMENT_CONTENT\$`)

// hasDocument refuses to send if the document that a hook sends can't be read: the calls
// before it would be made for nothing.
func (a *runArguments) hasDocument(l *loaded) error {
	if !a.send || a.original != "" || l.payload.Token != "" {
		return nil
	}
	for _, h := range inOrder(l, a.leaveOut) {
		if document.Match(h.Settings) {
			return fmt.Errorf("hook %v sends the annotated document, and %s has no token to read it from Rossum with: give it by -original FILE, a flag of exportrun run", h, a.payload)
		}
	}
	return nil
}

// export runs the hooks on the payload.
func export(ctx context.Context, a *runArguments, out *terminal) int {
	l, err := load(&a.arguments)
	if err != nil {
		return out.fail(err)
	}
	if err := a.hasDocument(l); err != nil {
		return out.fail(err)
	}
	answers, err := a.answers()
	if err != nil {
		return out.fail(err)
	}
	var warnings []*pipeline.Finding // which the report of a run has as well
	chain, err := chainOf(&a.arguments, l, func(w *pipeline.Finding) { warnings = append(warnings, w) })
	if err != nil {
		out.warn(warnings)
		return out.fail(err)
	}
	defer chain.Close()
	if a.graph {
		fmt.Fprint(out.stderr, chain.Graph())
	}
	stop := progress(out, time.Second)
	response, report, err := runChain(ctx, a, l, chain, answers)
	stop()
	if report != nil {
		fmt.Fprint(out.stderr, report.Text())
		if !a.send {
			showRequests(report, out)
		}
		if writeErr := a.write(report); writeErr != nil {
			fmt.Fprintln(out.stderr, writeErr)
		}
	}
	if interrupted(ctx) {
		fmt.Fprintln(out.stderr, "The run was ended by Ctrl-C; the report says what was done until then.")
	}
	encoder := json.NewEncoder(out.stdout)
	encoder.SetEscapeHTML(false) // messages may hold HTML
	if err := encoder.Encode(response); err != nil {
		fmt.Fprintln(out.stderr, err)
		return failed // since calls may have been made
	}
	var refused *pipeline.CheckError
	switch {
	case errors.As(err, &refused) && !refused.Started:
		return unusable // nothing was sent
	case response.Failed():
		return failed
	}
	return answered
}

// runChain runs the chain and returns its report.
func runChain(ctx context.Context, a *runArguments, l *loaded, chain *pipeline.Chain, answers func(pipeline.DryCall) (pipeline.DryReply, bool)) (*rossum.Response, *pipeline.Report, error) {
	var report *pipeline.Report
	options := append(a.reach(),
		pipeline.WithFormulas(l.formulas(&a.arguments)),
		pipeline.WithSecrets(l.secrets),
		pipeline.WithStore(saved{a.out, store(a.inRossum)}),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
		pipeline.WithLogger(slog.New(slog.DiscardHandler)), // the report says more
	)
	if a.report != "" || a.page != "" {
		options = append(options, pipeline.WithDetails(pipeline.Details{BodyLimit: 1 << 20}))
	}
	if a.original != "" {
		data, err := os.ReadFile(a.original)
		if err != nil {
			return &rossum.Response{}, nil, err
		}
		options = append(options, pipeline.WithOriginal(pipeline.Bytes(data)))
	}
	if !a.send {
		options = append(options, pipeline.WithDetails(pipeline.Details{BodyLimit: 1 << 20}), pipeline.WithDryRun(pipeline.DryRun{
			Reply: answers, KeepFields: a.keepFields, MakeUpSecrets: true,
			Allow: func(method string, u *url.URL) bool {
				return isLoopback(u) || a.reads && (method == http.MethodGet || method == http.MethodHead)
			},
		}))
	}
	// An error has become a message of the answer, and is in the report.
	response, err := chain.Export(ctx, l.payload, options...)
	return response, report, err
}

// isLoopback reports that a URL is on this machine.
func isLoopback(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// write writes the report to the files that the arguments name.
func (a *runArguments) write(r *pipeline.Report) error {
	var faults []error
	if a.report != "" {
		data, err := json.MarshalIndent(r, "", "  ")
		if err == nil {
			err = os.WriteFile(a.report, append(data, '\n'), 0o600)
		}
		faults = append(faults, err)
	}
	if a.page != "" {
		page, err := runpage.Page(r)
		if err == nil {
			err = os.WriteFile(a.page, page, 0o600)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// progress shows on a terminal how long a run takes, until the result is called.
func progress(out *terminal, every time.Duration) (stop func()) {
	if !isTerminal(out.stderr) {
		return func() {}
	}
	line := out.stderr
	if s, ok := line.(shown); ok { // which would not let the line be written over
		line = s.Writer
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for seconds := 1; ; seconds++ {
			select {
			case <-done:
				fmt.Fprint(line, "\r\x1b[K")
				return
			case <-ticker.C:
				fmt.Fprintf(line, "\rrunning for %d s (Ctrl-C ends it cleanly)", seconds)
			}
		}
	}()
	return func() { close(done); <-ended }
}

// registry knows every step of this module.
func registry(a *arguments) *organisation.Registry {
	r := &organisation.Registry{}
	steps.Register(r, steps.RegisterOptions{})
	sftpexport.Register(r, sftpexport.RegisterOptions{KnownHostsFile: a.knownHosts, Backends: map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}})
	workday.Register(r, workday.RegisterOptions{})
	return r
}

// chainOf makes the chain of the hooks. All that is wrong with them, also when they are
// compared with the queue's schema, is one error; warnings go to warn.
func chainOf(a *arguments, l *loaded, warn func(*pipeline.Finding)) (*pipeline.Chain, error) {
	options := []pipeline.Option{pipeline.WithFormulas(l.formulas(a))}
	if a.inRossum {
		options = append(options, pipeline.WithStore(pipeline.InRossum())) // which may have files of earlier exports
	}
	schema := l.schema
	if schema == nil && l.payload != nil {
		schema, _ = l.payload.Schema() // the run says what is wrong with it
	}
	o := a.options(l)
	o.Check = &organisation.Check{Schema: schema, Warn: warn, Run: options}
	return organisation.FromHooks(l.hooks, registry(a), o)
}

// formulas are computed by the folder's schema, or else by the payload's.
func (l *loaded) formulas(a *arguments) pipeline.Formulas {
	return pipeline.Formulas{Schema: l.schema, Tolerate: a.tolerate}
}

func store(inRossum bool) pipeline.Store {
	if inRossum {
		return pipeline.InRossum()
	}
	return nil
}
