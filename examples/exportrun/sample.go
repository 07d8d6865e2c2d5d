package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

const sampleHelp = `
exportrun sample makes up a hook call for a queue, to try hooks before there is a real one:
each field of the queue's schema gets a value of its type, tables get some rows, formula
fields are computed, and fields that hooks fill (those whose ui_configuration.type is data,
and those that hooks of the folder name as targets) stay empty. The values mean nothing: write in what matters to the hooks.

  exportrun sample -org DIR [-queue ID|NAME] [-rows N] [-out FILE]

A real call is better: "exportrun capture" keeps those that Rossum makes.

Exit codes: 0 the call is written; 2 the arguments or the folder are unusable.

Example
  exportrun sample -org acme -queue "Invoices EU" -out call.json
`

func sampleCommand(ctx context.Context, args []string, out *terminal) int {
	a := &arguments{}
	f := newFlags("sample", sampleHelp)
	f.StringVar(&a.org, "org", "", "a `folder` of prd2: hooks, queues, schemas and formulas")
	f.StringVar(&a.queue, "queue", "", "the `id or name` of the queue, if there are several")
	rows := f.Int("rows", 2, "how many rows each table has")
	file := f.String("out", "", "write the call to this `file` instead of the standard output")
	rest, err := parseFlags(f, args, out)
	switch {
	case err != nil:
	case len(rest) > 0:
		err = fmt.Errorf("%q is not a flag", rest[0])
	case a.org == "":
		err = errors.New("-org is missing; exportrun sample -help shows how to call it")
	case *rows < 0 || *rows > 10_000:
		err = fmt.Errorf("-rows is %d; it must be between 0 and 10000", *rows)
	}
	if err != nil {
		return code(err, out)
	}
	call, err := sample(ctx, a, *rows)
	if err != nil {
		return out.fail(err)
	}
	if *file == "" {
		_, err = out.stdout.Write(call)
	} else {
		err = os.WriteFile(*file, call, 0o600)
	}
	if err != nil {
		return out.fail(err)
	}
	return answered
}

// sample makes up a call for the queue that the arguments name.
func sample(ctx context.Context, a *arguments, rows int) ([]byte, error) {
	o, err := rossum.LoadOrganisation(os.DirFS(a.org))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.org, err)
	}
	q, err := oneQueue(o, a.queue)
	if err != nil {
		return nil, err
	}
	if q.Schema == nil {
		return nil, fmt.Errorf("queue %s (id %d) has no schema.json in %s", q.Name, q.ID, a.org)
	}
	filled := filledBy(o.Hooks)
	parts := []rossumtest.Part{rossumtest.Offline(), rossumtest.Set("queue", cmp.Or(q.URL, fmt.Sprintf("https://example.rossum.app/api/v1/queues/%d", q.ID)))}
	for i := range q.Schema.Content {
		section := &q.Schema.Content[i]
		var fields []rossumtest.Part
		for j := range section.Children {
			fields = append(fields, samplePart(&section.Children[j], rows, filled)...)
		}
		parts = append(parts, rossumtest.Section(section.ID, fields...))
	}
	payload := rossumtest.Annotation(parts...).Payload()
	set, _ := formula.Compile(q.Schema) // what is wrong with a formula is for check to say
	if _, err := set.Run(ctx, payload.Annotation.Content, nil, formula.Options{Tolerate: true, Annotation: payload.Annotation, Now: time.Now}); err != nil {
		return nil, err
	}
	call, err := payload.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, call, "", "  "); err != nil {
		return nil, err
	}
	return append(indented.Bytes(), '\n'), nil
}

// oneQueue is the queue that is wanted, or the only one.
func oneQueue(o *rossum.Organisation, wanted string) (*rossum.Queue, error) {
	if wanted != "" {
		return o.Queue(wanted)
	}
	if len(o.Queues) == 1 {
		return o.Queues[0], nil
	}
	var names []string
	for _, q := range o.Queues {
		names = append(names, fmt.Sprintf("%s (id %d)", q.Name, q.ID))
	}
	if names == nil {
		return nil, errors.New("the folder has no queues")
	}
	return nil, fmt.Errorf("which queue? -queue takes one of %s", strings.Join(names, ", "))
}

// target is a field in the settings of a hook that fills it.
var target = regexp.MustCompile(`"(?:target_schema_id|target_key|result_schema_id|result_wid_schema_id)"\s*:\s*"([^"]+)"`)

// filledBy lists the fields that hooks fill from answers.
func filledBy(hooks []*rossum.Hook) map[string]bool {
	filled := make(map[string]bool)
	for _, h := range hooks {
		for _, m := range target.FindAllSubmatch(h.Settings, -1) {
			filled[string(m[1])] = true
		}
	}
	return filled
}

// samplePart makes up a field, a list or a table.
func samplePart(f *rossum.SchemaField, rows int, filled map[string]bool) []rossumtest.Part {
	if f.Category != rossum.CategoryMultivalue.String() {
		if f.Type == "button" {
			return nil
		}
		return []rossumtest.Part{rossumtest.FieldValue(f.ID, sampleValue(f, 1, filled))}
	}
	if len(f.Children) == 0 {
		return nil
	}
	inner := &f.Children[0]
	if inner.Category != rossum.CategoryTuple.String() {
		var texts []string
		for row := range rows {
			texts = append(texts, sampleValue(inner, row+1, filled).Text)
		}
		return []rossumtest.Part{rossumtest.List(f.ID, inner.ID, texts...)}
	}
	table := make([]rossumtest.TableRow, rows)
	for row := range rows {
		for i := range inner.Children {
			if column := &inner.Children[i]; column.Type != "button" {
				table[row] = table[row].Typed(column.ID, sampleValue(column, row+1, filled))
			}
		}
	}
	return []rossumtest.Part{rossumtest.Table(f.ID, table...)}
}

// sampleValue makes up a value of a field's type; row makes those of a column differ.
func sampleValue(f *rossum.SchemaField, row int, filled map[string]bool) rossumtest.Value {
	v := rossumtest.Value{Type: f.Type, Formula: f.Formula, Hidden: f.Hidden, NoExport: !f.Exported()}
	if f.Formula != "" || f.UIConfiguration.Type == "data" || filled[f.ID] {
		return v
	}
	switch f.Type {
	case "number":
		v.Normalized = fmt.Sprint(100 * row)
		v.Text = v.Normalized
	case "date":
		v.Normalized = fmt.Sprintf("2026-04-%02d", 1+(row-1)%28)
		v.Text = v.Normalized
	case "enum":
		for _, option := range f.Options {
			if option.Value != "" {
				v.Text = option.Value
				break
			}
		}
	default:
		v.Text = fmt.Sprintf("%s %d", cmp.Or(f.Label, f.ID), row)
	}
	return v
}
