// Exportrun checks, tries, runs and serves an organisation's own export hooks:
//
//	exportrun check   -org DIR                         every fault of the configuration
//	exportrun run     -org DIR -payload FILE           a dry run: each request is shown, none leaves
//	exportrun run     -org DIR -payload FILE -send     the export as Rossum would run it
//	exportrun sample  -org DIR -queue NAME             a made-up payload for a queue
//	exportrun render  -payload FILE TEMPLATE           one template
//	exportrun workbench -org DIR -payload FILE         a page to edit and try the hooks
//	exportrun schema  [COMPONENT]                      JSON Schemas for editors
//	exportrun serve   -org DIR -listen ADDRESS         the organisation as a hook server
//	exportrun graph   -org DIR                         the hooks and their order
//	exportrun report  REPORT                           a report as a page
//	exportrun sign    -payload FILE -url URL           a hook call as a curl line
//	exportrun capture -dir DIR -listen ADDRESS         keeps hook calls, to be run later
//
// exportrun COMMAND -help shows the flags of a command, with examples. Without a command,
// the flags are those of run with -send, as they were before there were commands. Without
// arguments it runs the hooks beside it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the program at once
	}()
	os.Exit(runContext(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes.
const (
	answered = 0
	failed   = 1
	unusable = 2
)

// command is one of the things that exportrun does.
type command struct {
	name, what string
	do         func(ctx context.Context, args []string, out *terminal) int
}

func commands() []command {
	return []command{
		{"check", "find every fault of the configuration, and send nothing", checkCommand},
		{"run", "run the hooks on a payload: dry, or with -send for real", runCommand},
		{"sample", "make up a hook call for a queue, to try its hooks", sampleCommand},
		{"render", "render one template or hook on a payload", renderCommand},
		{"workbench", "edit hooks on a page of this machine, and see what they make of a payload", workbenchCommand},
		{"schema", "write the JSON Schema of hook files and settings, for editors", schemaCommand},
		{"serve", "serve the hooks of an organisation to Rossum", serveCommand},
		{"graph", "show the hooks and their order as Mermaid text", graphCommand},
		{"report", "make a page of a report", reportCommand},
		{"sign", "make a curl line of a payload", signCommand},
		{"capture", "keep hook calls in a folder, to be run later", captureCommand},
	}
}

func run(args []string, stdout, stderr io.Writer) int {
	return runContext(context.Background(), args, stdout, stderr)
}

func runContext(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &terminal{stdout: stdout, stderr: shown{stderr}, hide: hiding(args)}
	if isTerminal(stdout) { // a file gets what there is, byte for byte
		out.stdout = shown{stdout}
	}
	if len(args) == 0 {
		if _, err := os.Stat("examples/exportrun/hooks"); err != nil {
			fmt.Fprint(stderr, usage())
			return unusable
		}
		args = []string{"-hooks", "examples/exportrun/hooks", "-payload", "examples/exportrun/payload.json"}
	}
	name := args[0]
	for _, c := range commands() {
		if c.name == name {
			return c.do(ctx, args[1:], out)
		}
	}
	switch name {
	case "help", "-help", "--help", "-h":
		if len(args) > 1 && name == "help" {
			return runContext(ctx, []string{args[1], "-help"}, stdout, stderr)
		}
		fmt.Fprint(stdout, usage())
		return answered
	}
	if !strings.HasPrefix(name, "-") {
		return out.fail(noCommand(name))
	}
	a, err := parse(args)
	if err != nil {
		return out.fail(err)
	}
	if a.help {
		fmt.Fprint(stdout, usage())
		return answered
	}
	if a.payload == "" {
		return graph(&a, out)
	}
	return export(ctx, &runArguments{arguments: a, send: true}, out)
}

// noCommand says which commands there are.
func noCommand(name string) error {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	if near := settings.Nearest(name, names); near != "" {
		return fmt.Errorf("%q is not a command; did you mean %s? exportrun -help lists them", name, near)
	}
	return fmt.Errorf("%q is not a command; there are %s", name, strings.Join(names, ", "))
}

func usage() string {
	var b strings.Builder
	b.WriteString("Exportrun checks, tries, runs and serves the export hooks of an organisation.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  exportrun %-9s %s\n", c.name, c.what)
	}
	b.WriteString(`
exportrun COMMAND -help shows the flags of a command, with examples.

Exit codes: 0 it worked; 1 the export was answered with an error message, or check has
found an error; 2 hooks, payload or arguments are unusable, and nothing was sent.

Begin with
  exportrun check -org acme
  exportrun sample -org acme -queue "Invoices EU" -out call.json
  exportrun run -org acme -payload call.json
  exportrun workbench -org acme -payload call.json

`)
	b.WriteString(help)
	return b.String()
}
