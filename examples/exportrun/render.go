package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/jinja"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/steps"
)

const renderHelp = `
exportrun render renders one template on a payload, or shows what one hook makes of it.

  exportrun render -payload FILE TEMPLATE [-watch]
  exportrun render -payload FILE -hook NAME|ID -org DIR [flags]
  exportrun render -payload FILE -hook NAME|ID -hooks DIR|FILE… [flags]

A TEMPLATE whose name ends in .json is a JSON template (@{schema_id}, $IF_SCHEMA_ID$ …);
every other one is a Jinja2 template (field, payload). A hook runs dry: its files and its
requests are shown, and nothing is sent. Hooks before it do not run, so that the fields
have the values of the payload.

-watch renders again whenever one of the files changes, until Ctrl-C.

Exit codes: 0 it was rendered; 1 the template or the hook fails on this payload; 2 a file
or the arguments are unusable.

Examples
  exportrun render -payload call.json invoice.csv.j2 -watch
  exportrun render -payload call.json mapping.json
  exportrun render -payload call.json -org acme -hook "Invoice CSV"
`

// renderArguments are those of render.
type renderArguments struct {
	arguments
	template, hook string
}

func renderCommand(ctx context.Context, args []string, out *terminal) int {
	a := &renderArguments{}
	f := newFlags("render", renderHelp)
	a.whichHooks(f)
	a.whichRun(f)
	f.StringVar(&a.payload, "payload", "", "the body of a hook call in this `file`")
	f.StringVar(&a.hook, "hook", "", "the `name or id` of the hook")
	watch := f.Bool("watch", false, "render again whenever a file changes")
	rest, err := parseFlags(f, args, out)
	if err == nil {
		err = a.checkRender(rest)
	}
	if err != nil {
		return code(err, out)
	}
	code := a.render(ctx, out)
	if !*watch {
		return code
	}
	return watching(ctx, a.watched(), 300*time.Millisecond, out, func() int { return a.render(ctx, out) })
}

func (a *renderArguments) checkRender(rest []string) error {
	switch {
	case a.payload == "":
		return errors.New("-payload is missing; exportrun render -help shows how to call it")
	case a.hook != "" && len(rest) > 0:
		return fmt.Errorf("there are both -hook and the template %s; give one", rest[0])
	case a.hook != "":
		return a.checkHooks()
	case len(rest) == 0 && len(a.hooks) > 0:
		return errors.New("-hook is missing: which of the hooks is meant? A template stands before -hooks")
	case len(rest) != 1:
		return fmt.Errorf("%d templates are given; give one, or a hook by -hook", len(rest))
	}
	a.template = rest[0]
	return nil
}

func (a *renderArguments) render(ctx context.Context, out *terminal) int {
	if a.hook != "" {
		return a.renderHook(ctx, out)
	}
	text, err := os.ReadFile(a.template)
	if err != nil {
		return out.fail(err)
	}
	payload, err := readPayload(a.payload)
	if err != nil {
		return out.fail(err)
	}
	step := pipeline.Step(&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "output", Template: string(text)}}})
	if strings.EqualFold(filepath.Ext(a.template), ".json") {
		if step, err = jsonStep(text); err != nil {
			return showTemplateError(a.template, string(text), err, out)
		}
	}
	chain, err := pipeline.New(step)
	if err != nil {
		return showTemplateError(a.template, string(text), err, out)
	}
	defer chain.Close()
	var output []byte
	show := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		file, err := x.Files.Get(ctx, "output")
		if err == nil {
			output = file.Data
		}
		return err
	})
	chain, err = pipeline.New(step, show)
	if err != nil {
		return out.fail(err)
	}
	defer chain.Close()
	if _, err = chain.Export(ctx, payload, pipeline.WithDryRun(pipeline.DryRun{}), pipeline.WithLogger(slog.New(slog.DiscardHandler))); err != nil {
		return showTemplateError(a.template, string(text), err, out)
	}
	if _, err := out.stdout.Write(output); err != nil {
		return out.fail(err)
	}
	if isTerminal(out.stdout) && !bytes.HasSuffix(output, []byte("\n")) {
		fmt.Fprintln(out.stdout)
	}
	return answered
}

// jsonStep is a step that renders a JSON template.
func jsonStep(text []byte) (pipeline.Step, error) {
	template, err := jsontemplate.Compile(text, jsontemplate.Options{})
	if err != nil {
		return nil, err
	}
	return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		v, err := template.Render(ctx, exporttemplate.Data(x))
		if err != nil {
			return err
		}
		data, err := jsontemplate.AppendJSON(ctx, nil, v)
		if err != nil {
			return err
		}
		return x.Files.Put(ctx, pipeline.File{Key: "output", Data: data})
	}), nil
}

// showTemplateError shows what is wrong with a template, with its line if that is known.
func showTemplateError(file, text string, err error, out *terminal) int {
	var fault *jinja.Error
	if !errors.As(err, &fault) || fault.Line < 1 {
		fmt.Fprintf(out.stderr, "%s: %v\n", file, err)
		return failed
	}
	fmt.Fprintf(out.stderr, "%s:%d:%d: %s: %s\n", file, fault.Line, fault.Col, fault.Type, fault.Msg)
	lines := strings.Split(text, "\n")
	if fault.Line <= len(lines) {
		line := strings.TrimSuffix(lines[fault.Line-1], "\r")
		fmt.Fprintf(out.stderr, "  %s\n", printable(line))
		if fault.Col > 0 {
			fmt.Fprintf(out.stderr, "  %s%s\n", indent(line, fault.Col-1), colour(out.stderr, red, "^"))
		}
	}
	return failed
}

// indent is as wide as the first n characters of a line.
func indent(line string, n int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= n {
			break
		}
		if r == '\t' {
			b.WriteRune('\t')
			continue
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// renderHook runs one hook dry.
func (a *renderArguments) renderHook(ctx context.Context, out *terminal) int {
	l, err := load(&a.arguments)
	if err != nil {
		return out.fail(err)
	}
	h, err := hookNamed(l.hooks, a.hook)
	if err != nil {
		return out.fail(err)
	}
	alone := *h
	alone.RunAfter = nil
	chain, err := organisation.FromHooks([]*rossum.Hook{&alone}, registry(&a.arguments), organisation.Options{})
	if err != nil {
		return out.fail(err)
	}
	defer chain.Close()
	var report *pipeline.Report
	response, _ := chain.Export(ctx, l.payload, append(a.reach(), pipeline.WithOneHookOfSeveral(), pipeline.WithLogger(slog.New(slog.DiscardHandler)),
		pipeline.WithFormulas(l.formulas(&a.arguments)), pipeline.WithSecrets(l.secrets),
		pipeline.WithDryRun(pipeline.DryRun{MakeUpSecrets: true}), pipeline.WithDetails(pipeline.Details{BodyLimit: 1 << 20}),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))...)
	if report == nil {
		return out.fail(errors.New(response.Messages[0].Content))
	}
	fmt.Fprint(out.stderr, report.Text())
	for _, s := range report.All() {
		for _, f := range s.Files {
			fmt.Fprintf(out.stderr, "\n%s\n", colour(out.stderr, bold, fmt.Sprintf("-- file %s, %d bytes", f.Key, f.Size)))
			fmt.Fprint(out.stdout, f.Text)
		}
	}
	showRequests(report, out)
	if response.Failed() {
		return failed
	}
	return answered
}

// hookNamed finds a hook by its name or id.
func hookNamed(hooks []*rossum.Hook, wanted string) (*rossum.Hook, error) {
	var found []*rossum.Hook
	var names []string
	for _, h := range hooks {
		if h.Name == wanted || fmt.Sprint(h.ID) == wanted {
			found = append(found, h)
		}
		names = append(names, h.String())
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no hook is called %q; the hooks are %s", wanted, strings.Join(names, ", "))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%d hooks are called %q; give the id", len(found), wanted)
}

// watched lists what render reads.
func (a *renderArguments) watched() []string {
	paths := append([]string{a.payload}, a.hooks...)
	for _, path := range []string{a.template, a.org, a.secrets} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// watching calls do whenever a file changes, until the context ends.
func watching(ctx context.Context, paths []string, every time.Duration, out *terminal, do func() int) int {
	code := answered
	before := stamp(paths)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return code
		case <-ticker.C:
		}
		if now := stamp(paths); now != before {
			before = now
			fmt.Fprintln(out.stderr, "\n-- rendered again at", time.Now().Format(time.TimeOnly))
			code = do()
		}
	}
}

// stamp says when the files were changed last.
func stamp(paths []string) string {
	var b strings.Builder
	for _, path := range paths {
		_ = filepath.Walk(path, func(file string, info os.FileInfo, err error) error { // what has gone shows by its absence
			if err == nil && !info.IsDir() {
				fmt.Fprintf(&b, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	return b.String()
}
