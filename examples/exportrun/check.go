package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
)

const checkHelp = `
exportrun check finds every fault of a configuration before anything is sent: settings,
templates, conditions, formulas, the order of the hooks, and the fields that they name,
against the schema of each queue.

  exportrun check -org DIR [-queue ID|NAME] [flags]
  exportrun check -hooks DIR|FILE… [-payload FILE] [flags]

With -org and without -queue it checks the hooks of every queue that has some. Hooks
alone are checked against the schema that the payload has, if it has one.

Exit codes: 0 no errors were found, though there may be warnings; 1 there are errors; 2 the arguments
are unusable, or a file cannot be read.

Examples
  exportrun check -org acme
  exportrun check -org acme -queue "Invoices EU" -json
  exportrun check -hooks hooks -payload call.json
`

// fault is one thing that check has found, as -json shows it.
type fault struct {
	Severity string   `json:"severity"` // error or warning
	Hook     string   `json:"hook,omitempty"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Place    string   `json:"place,omitempty"`
	Message  string   `json:"message"`
	Queues   []string `json:"queues,omitempty"` // those that it concerns, if not all
}

func checkCommand(_ context.Context, args []string, out *terminal) int {
	var a arguments
	f := newFlags("check", checkHelp)
	a.whichHooks(f)
	f.StringVar(&a.payload, "payload", "", "the body of a hook call in this `file`, whose queue and schema count")
	asJSON := f.Bool("json", false, "write the faults as JSON to the standard output")
	rest, err := parseFlags(f, args, out)
	if err == nil && len(rest) > 0 {
		err = noFlag(rest[0])
	}
	if err == nil {
		err = a.checkHooks()
	}
	if err != nil {
		return code(err, out)
	}
	queues, err := queuesOf(&a)
	if err != nil {
		return out.fail(err)
	}
	var found []fault
	for _, queue := range queues {
		one := a
		one.queue = queue.wanted
		l, err := load(&one)
		if err != nil {
			return out.fail(err)
		}
		found = collect(found, checkQueue(&one, l), queue.name)
	}
	for i := range found {
		if len(found[i].Queues) == len(queues) {
			found[i].Queues = nil
		}
	}
	return showFaults(found, queues, *asJSON, out)
}

// checkedQueue is a queue whose hooks are checked.
type checkedQueue struct{ wanted, name string }

// queuesOf returns the queues of the organisation that have hooks, or the one that the
// arguments name.
func queuesOf(a *arguments) ([]checkedQueue, error) {
	if a.org == "" || a.queue != "" || a.payload != "" {
		return []checkedQueue{{a.queue, a.queue}}, nil
	}
	l, err := load(a)
	if err != nil {
		return nil, err
	}
	var queues []checkedQueue
	for _, q := range l.org.Queues {
		url := q.URL
		if url == "" {
			url = fmt.Sprintf("queues/%d", q.ID)
		}
		if slices.ContainsFunc(l.hooks, func(h *rossum.Hook) bool {
			return h.OnQueue(url) && h.ListensTo(rossum.EventAnnotationContent, "export")
		}) {
			queues = append(queues, checkedQueue{fmt.Sprint(q.ID), fmt.Sprintf("%s (id %d)", q.Name, q.ID)})
		}
	}
	if len(queues) == 0 { // such as a folder of hooks without queues
		return []checkedQueue{{}}, nil
	}
	return queues, nil
}

// checkQueue returns all faults of the hooks of one queue.
func checkQueue(a *arguments, l *loaded) []fault {
	var found []fault
	chain, err := chainOf(a, l, func(one *pipeline.Finding) {
		message := one.Err.Error()
		if one.Name != "" && !strings.Contains(message, one.Name) {
			message = one.Name + ": " + message
		}
		if one.TextLine > 0 {
			message = fmt.Sprintf("line %d of the text: %s", one.TextLine, message)
		}
		if one.Fix != "" {
			message += "; " + one.Fix
		}
		found = append(found, fault{Severity: string(one.Severity), Hook: one.Hook, File: one.File, Line: one.Line, Place: one.Place, Message: message})
	})
	if err != nil {
		return append(faultsOf(err), found...)
	}
	_ = chain.Close() // which has run nothing
	return found
}

// faultsOf lists the faults of an error.
func faultsOf(err error) (found []fault) {
	for _, one := range pipeline.Faults(err) {
		f := fault{Severity: string(pipeline.SeverityError), Message: one.Error()}
		var placed *organisation.Fault
		if errors.As(one, &placed) {
			f = fault{string(pipeline.SeverityError), placed.Hook.String(), placed.File, placed.Line, placed.Column, placed.Place, placed.Err.Error(), nil}
		}
		found = append(found, f)
	}
	return found
}

// collect adds the faults of a queue: what several queues have in common is said once.
func collect(all, found []fault, queue string) []fault {
	for _, f := range found {
		i := slices.IndexFunc(all, func(other fault) bool {
			other.Queues = nil
			return fmt.Sprint(other) == fmt.Sprint(f)
		})
		if i < 0 {
			i = len(all)
			all = append(all, f)
		}
		if !slices.Contains(all[i].Queues, queue) {
			all[i].Queues = append(all[i].Queues, queue)
		}
	}
	return all
}

func showFaults(found []fault, queues []checkedQueue, asJSON bool, out *terminal) int {
	errorCount := 0
	for _, f := range found {
		if f.Severity == string(pipeline.SeverityError) {
			errorCount++
		}
	}
	if asJSON {
		if found == nil {
			found = []fault{}
		}
		encoder := json.NewEncoder(out.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(map[string]any{"ok": errorCount == 0, "faults": found}); err != nil {
			return out.fail(err)
		}
	} else {
		for _, f := range found {
			f.show(out)
		}
		fmt.Fprintf(out.stdout, "%s, %s%s\n", count(errorCount, "error"), count(len(found)-errorCount, "warning"), ofQueues(queues))
	}
	if errorCount > 0 {
		return failed
	}
	return answered
}

func ofQueues(queues []checkedQueue) string {
	if len(queues) > 1 {
		return fmt.Sprintf(" in %d queues", len(queues))
	}
	return ""
}

// show writes a fault as compilers do, with its place first.
func (f *fault) show(out *terminal) {
	if f.File != "" {
		fmt.Fprint(out.stdout, f.File)
		if f.Line > 0 {
			fmt.Fprintf(out.stdout, ":%d", f.Line)
		}
		if f.Column > 0 {
			fmt.Fprintf(out.stdout, ":%d", f.Column)
		}
		fmt.Fprint(out.stdout, ": ")
	}
	code := red
	if f.Severity != string(pipeline.SeverityError) {
		code = yellow
	}
	fmt.Fprintf(out.stdout, "%s: ", colour(out.stdout, code, f.Severity))
	if f.Hook != "" {
		fmt.Fprintf(out.stdout, "hook %s: ", f.Hook)
	}
	if f.Place != "" {
		fmt.Fprintf(out.stdout, "%s: ", f.Place)
	}
	fmt.Fprint(out.stdout, f.Message)
	if len(f.Queues) > 0 && f.Queues[0] != "" {
		fmt.Fprintf(out.stdout, " (queue %s)", strings.Join(f.Queues, ", "))
	}
	fmt.Fprintln(out.stdout)
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

const graphHelp = `
exportrun graph shows the hooks of a queue and the order in which they run, as Mermaid
text, which Markdown pages and https://mermaid.live draw.

  exportrun graph -org DIR [-queue ID|NAME] [flags]
  exportrun graph -hooks DIR|FILE… [flags]

Exit codes: 0 it is shown; 2 hooks or arguments are unusable.

Example
  exportrun graph -org acme -queue "Invoices EU"
`

func graphCommand(_ context.Context, args []string, out *terminal) int {
	var a arguments
	f := newFlags("graph", graphHelp)
	a.whichHooks(f)
	rest, err := parseFlags(f, args, out)
	if err == nil && len(rest) > 0 {
		err = noFlag(rest[0])
	}
	if err == nil {
		err = a.checkHooks()
	}
	if err != nil {
		return code(err, out)
	}
	return graph(&a, out)
}

// graph checks the hooks and shows their order.
func graph(a *arguments, out *terminal) int {
	l, err := load(a)
	if err != nil {
		return out.fail(err)
	}
	if l.org != nil && l.queue == "" && len(l.org.Queues) > 1 {
		if _, err := oneQueue(l.org, ""); err != nil {
			return out.fail(err)
		}
	}
	var warnings []*pipeline.Finding
	chain, err := chainOf(a, l, func(w *pipeline.Finding) { warnings = append(warnings, w) })
	out.warn(warnings)
	if err != nil {
		return out.fail(err)
	}
	defer chain.Close()
	fmt.Fprint(out.stdout, chain.Graph())
	return answered
}
