// Exportrun runs an organisation's own hooks on a payload file:
//
//	go run ./examples/exportrun -hooks DIR|FILE… -payload FILE [-out DIR] [-artefacts memory|rossum] [-graph]
//	go run ./examples/exportrun -org DIR -queue ID|NAME -payload FILE …
//
// Hooks are hook objects as Rossum's API has them; -org reads a folder of prd2. With
// -queue the hooks of that queue run, otherwise those of the payload's. A hook that
// waits for an inactive one is a fault, unless -skip-inactive is given. Each
// artefact is written to DIR under its reference key, the answer alone goes to
// the standard output, the report to the standard error. It ends with 0 when the
// answer has no error message, with 1 when it has one, and with 2 when hooks or
// payload are unusable. Without arguments it runs the hooks beside it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
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

type arguments struct {
	hooks           []string
	org, queue      string
	payload, out    string
	inRossum, graph bool
	skipInactive    bool
	formulas        *rossum.Schema // of the queue, nil for those that the payload brings
}

// parse reads the arguments; -hooks takes all that follow it.
func parse(args []string) (arguments, error) {
	var a arguments
	for len(args) > 0 {
		name, rest := args[0], args[1:]
		n := 0
		for n < len(rest) && !strings.HasPrefix(rest[n], "-") {
			n++
		}
		values := rest[:n]
		args = rest[n:]
		switch strings.TrimLeft(name, "-") {
		case "hooks":
			a.hooks = append(a.hooks, values...)
			continue
		case "graph":
			a.graph = true
			continue
		case "skip-inactive":
			a.skipInactive = true
			continue
		}
		if len(values) != 1 {
			return a, fmt.Errorf("%s takes one value", name)
		}
		switch strings.TrimLeft(name, "-") {
		case "org":
			a.org = values[0]
		case "queue":
			a.queue = values[0]
		case "payload":
			a.payload = values[0]
		case "out":
			a.out = values[0]
		case "artefacts":
			if values[0] != "memory" && values[0] != "rossum" {
				return a, fmt.Errorf("-artefacts is memory or rossum, not %s", values[0])
			}
			a.inRossum = values[0] == "rossum"
		default:
			return a, fmt.Errorf("unknown argument %s", name)
		}
	}
	if len(a.hooks) == 0 && a.org == "" {
		return a, errors.New("-hooks or -org is missing")
	}
	if a.queue != "" && a.org == "" {
		return a, errors.New("-queue names a queue of -org, which is missing")
	}
	if a.payload == "" && !a.graph {
		return a, errors.New("-payload is missing")
	}
	return a, nil
}

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		args = []string{"-hooks", "examples/exportrun/hooks", "-payload", "examples/exportrun/payload.json"}
	}
	a, err := parse(args)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return unusable
	}
	hooks, err := readHooks(a.hooks)
	var options []pipeline.FromHooksOption
	if err == nil && a.org != "" {
		hooks, options, err = readOrganisation(&a, hooks)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return unusable
	}
	if a.skipInactive {
		options = append(options, pipeline.SkipInactive())
	}
	registry := &pipeline.Registry{}
	steps.Register(registry)
	sftpexport.Register(registry)
	workday.Register(registry)
	if a.graph && a.payload == "" {
		return printGraph(hooks, registry, options, stdout, stderr)
	}
	response, code, err := export(a, hooks, registry, options, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
	}
	if response != nil {
		answer, err := json.Marshal(response)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return unusable
		}
		fmt.Fprintln(stdout, string(answer))
	}
	return code
}

func printGraph(hooks []*rossum.Hook, registry *pipeline.Registry, options []pipeline.FromHooksOption, stdout, stderr io.Writer) int {
	chain, err := pipeline.FromHooks(hooks, registry, options...)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return unusable
	}
	fmt.Fprint(stdout, chain.Graph())
	return answered
}

func export(a arguments, hooks []*rossum.Hook, registry *pipeline.Registry, options []pipeline.FromHooksOption, stderr io.Writer) (*rossum.Response, int, error) {
	body, err := os.ReadFile(a.payload)
	if err != nil {
		return nil, unusable, err
	}
	payload, err := rossum.ParsePayload(body)
	if err != nil {
		return nil, unusable, err
	}
	if payload.Annotation == nil {
		return nil, unusable, fmt.Errorf("%s: %w: no annotation", a.payload, rossum.ErrPayload)
	}
	queue := payload.Annotation.Queue
	if a.queue != "" {
		// The queue was chosen.
	} else if slices.ContainsFunc(hooks, func(h *rossum.Hook) bool { return h.OnQueue(queue) }) {
		options = append(options, pipeline.OnQueue(queue))
	} else {
		fmt.Fprintf(stderr, "no hook is bound to the queue %s; taking all\n", queue)
	}
	chain, err := pipeline.FromHooks(hooks, registry, options...)
	if err != nil {
		return nil, unusable, err
	}
	defer chain.Close()
	if a.formulas != nil {
		chain = chain.With(pipeline.WithFormulas(pipeline.Formulas{Schema: a.formulas}))
	}
	if a.graph {
		fmt.Fprint(stderr, chain.Graph())
	}
	var report *pipeline.Report
	runOptions := []pipeline.Option{
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
		pipeline.WithStore(saved{a.out, store(a.inRossum)}),
	}
	// An error has become a message of the answer, and is in the report.
	response, _ := chain.Export(context.Background(), payload, runOptions...)
	fmt.Fprint(stderr, report.Text())
	if response.Failed() {
		return response, failed, nil
	}
	return response, answered, nil
}

func store(inRossum bool) pipeline.Store {
	if inRossum {
		return pipeline.InRossum()
	}
	return nil
}

// readOrganisation adds the hooks of a prd2 folder, and chooses its queue.
func readOrganisation(a *arguments, hooks []*rossum.Hook) ([]*rossum.Hook, []pipeline.FromHooksOption, error) {
	o, err := rossum.LoadOrganisation(os.DirFS(a.org))
	if err != nil {
		return nil, nil, err
	}
	hooks = append(hooks, o.Hooks...)
	if a.queue == "" {
		return hooks, nil, nil
	}
	queue, err := o.Queue(a.queue)
	if err != nil {
		return nil, nil, err
	}
	a.formulas = queue.Schema
	return hooks, []pipeline.FromHooksOption{pipeline.OnQueue(fmt.Sprintf("queues/%d", queue.ID))}, nil
}

// readHooks reads hook files, and all hook files below folders.
func readHooks(paths []string) ([]*rossum.Hook, error) {
	var hooks []*rossum.Hook
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(file) != ".json" {
				return err
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			// A folder may hold schemas and queues as well; a file that is named is a hook.
			if file != path && !isHook(data) {
				return nil
			}
			h, err := rossum.ParseHook(data)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			hooks = append(hooks, h)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return hooks, nil
}

func isHook(data []byte) bool {
	var keys map[string]json.RawMessage
	return json.Unmarshal(data, &keys) != nil || keys["events"] != nil && keys["config"] != nil
}
