// Exportrun runs an organisation's own hooks on a payload file:
//
//	go run ./examples/exportrun -org DIR -payload FILE [-secrets FILE] [-leave-out NAME|ID] …
//	go run ./examples/exportrun -hooks DIR|FILE… -payload FILE …
//
// It runs the hooks of the payload's queue, each with its own settings and secrets. The
// answer alone goes to the standard output, the report to the standard error. It ends
// with 0 when the answer has no error message, with 1 when it has one, and with 2 when
// hooks or payload are unusable and nothing was sent. -help shows all flags, with
// examples. Without arguments it runs the hooks beside it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/workday"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Exit codes.
const (
	answered = 0
	failed   = 1
	unusable = 2
)

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		args = []string{"-hooks", "examples/exportrun/hooks", "-payload", "examples/exportrun/payload.json"}
	}
	a, err := parse(args)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return unusable
	}
	if a.help {
		fmt.Fprint(stdout, help)
		return answered
	}
	l, err := load(&a)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return unusable
	}
	chain, err := organisation.FromHooks(l.hooks, registry(&a), a.options(l)...)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return unusable
	}
	defer chain.Close()
	findings := check(&a, l, chain)
	wrong := findings.Err()
	if wrong != nil || l.payload == nil { // else the report of the run has the warnings
		for _, w := range findings.Warnings() {
			fmt.Fprintf(stderr, "warning: %v\n", w)
		}
	}
	if wrong != nil {
		fmt.Fprintln(stderr, wrong)
		return unusable
	}
	if l.payload == nil {
		fmt.Fprint(stdout, chain.Graph())
		return answered
	}
	if a.graph {
		fmt.Fprint(stderr, chain.Graph())
	}
	response, err := export(&a, l, chain, stderr)
	encoder := json.NewEncoder(stdout)
	encoder.SetEscapeHTML(false) // messages may hold HTML
	if err := encoder.Encode(response); err != nil {
		fmt.Fprintln(stderr, err)
		return failed // since calls may have been made
	}
	var refused *pipeline.CheckError
	switch {
	case errors.As(err, &refused) && !refused.Begun:
		return unusable // nothing was sent
	case response.Failed():
		return failed
	}
	return answered
}

// registry knows every step of this module.
func registry(a *arguments) *organisation.Registry {
	r := &organisation.Registry{}
	steps.Register(r)
	sftpexport.RegisterWith(r, sftpexport.Step{KnownHostsFile: a.knownHosts, Backends: map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}})
	workday.Register(r)
	return r
}

// check compares the chain with the queue's schema. The report of a run has the
// warnings as well.
func check(a *arguments, l *loaded, chain *pipeline.Chain) pipeline.Findings {
	options := []pipeline.Option{pipeline.WithFormulas(l.formulas(a))}
	if a.inRossum {
		options = append(options, pipeline.WithStore(pipeline.InRossum())) // which may have files of earlier exports
	}
	schema := l.schema
	if schema == nil && l.payload != nil {
		schema, _ = l.payload.Schema() // the run says what is wrong with it
	}
	return chain.Check(schema, options...)
}

// formulas are computed by the folder's schema, or else by the payload's.
func (l *loaded) formulas(a *arguments) pipeline.Formulas {
	return pipeline.Formulas{Schema: l.schema, Tolerate: a.tolerate}
}

// export runs the chain and shows the report.
func export(a *arguments, l *loaded, chain *pipeline.Chain, stderr io.Writer) (*rossum.Response, error) {
	var report *pipeline.Report
	// An error has become a message of the answer, and is in the report.
	response, err := chain.Export(context.Background(), l.payload,
		pipeline.WithFormulas(l.formulas(a)),
		pipeline.WithSecrets(l.secrets),
		pipeline.WithAllowedHosts(a.allowHosts...),
		pipeline.WithStore(saved{a.out, store(a.inRossum)}),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	)
	if report != nil {
		fmt.Fprint(stderr, report.Text())
	}
	return response, err
}

func store(inRossum bool) pipeline.Store {
	if inRossum {
		return pipeline.InRossum()
	}
	return nil
}
