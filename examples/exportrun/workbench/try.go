package workbench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// attempt asks what a hook makes of the payload, with the edits that were not saved yet.
type attempt struct {
	ID    int64          `json:"id"`
	Edits map[int64]edit `json:"edits"`
	// Text is a template of this hook that was edited after Edits.
	Text *struct {
		Place string `json:"place"`
		Text  string `json:"text"`
	} `json:"text"`
}

// outcome is what a hook makes of the payload.
type outcome struct {
	Settings string        `json:"settings"` // with the text put in
	Texts    []text        `json:"texts"`
	Problems []problem     `json:"problems"`
	Others   map[int64]int `json:"others"` // errors of the hooks, by id
	Outputs  []output      `json:"outputs"`
	Notes    []string      `json:"notes"`
	Fields   []change      `json:"fields"`
}

// output is a file or a request.
type output struct {
	Title string `json:"title"`
	Kind  string `json:"kind"` // file or request
	Text  string `json:"text"`
	Note  string `json:"note,omitempty"`
	JSON  bool   `json:"json,omitempty"`
	Minor bool   `json:"minor,omitempty"` // such as a token request; the others come first
}

// change is a field that the hook writes.
type change struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// try runs the chain dry and tells what became of one hook in it. If other hooks are at
// fault, the hook runs alone.
func (b *Bench) try(ctx context.Context, a *attempt) (*outcome, error) {
	place, documents := b.work()
	d := documents[a.ID]
	if d == nil {
		return nil, errNoHook
	}
	own := a.Edits[a.ID]
	o := &outcome{Others: make(map[int64]int), Settings: d.settings()}
	if own.Settings != nil {
		o.Settings = *own.Settings
	}
	if t := a.Text; t != nil {
		var err error
		switch {
		case t.Place == codePlace:
			own.Code = &t.Text
		case isObject(o.Settings) == nil:
			if o.Settings, err = withText(o.Settings, t.Place, t.Text); err != nil {
				return nil, err
			}
		}
		own.Settings = &o.Settings
		a.Edits = maps.Clone(a.Edits)
		if a.Edits == nil {
			a.Edits = make(map[int64]edit)
		}
		a.Edits[a.ID] = own
	}
	o.Texts = textsOfHook(d, own, o.Settings)
	s := &sources{settings: o.Settings, texts: o.Texts}
	if err := isObject(o.Settings); err != nil {
		o.Problems = []problem{s.noObject(err)}
		return o, nil
	}
	edited, err := editedHooks(documents, a.Edits)
	if err != nil {
		return nil, err
	}
	place = place.with(edited)
	h := place.Shown[slices.IndexFunc(place.Shown, func(h *rossum.Hook) bool { return h.ID == a.ID })]
	return o, o.fill(ctx, place, h, s)
}

// textsOfHook lists the templates of a hook, and its code.
func textsOfHook(d *document, own edit, source string) []text {
	texts := textsOf(source)
	code, editable := d.code()
	if own.Code != nil {
		code = *own.Code
	}
	if code != "" || editable {
		t := text{Place: codePlace, Label: "Code", Language: "python", Text: code}
		if !editable {
			t.ReadOnly = fmt.Sprintf("This code is in %s; edit it there.", d.hook.CodeFile)
		}
		texts = append(texts, t)
	}
	return texts
}

// editedHooks makes the hooks that were edited. Settings of others that are not JSON yet
// count as they are in the file.
func editedHooks(documents map[int64]*document, edits map[int64]edit) (map[int64]*rossum.Hook, error) {
	edited := make(map[int64]*rossum.Hook)
	for id, e := range edits {
		d := documents[id]
		if d == nil {
			return nil, errNoHook
		}
		if e.Settings != nil && isObject(*e.Settings) != nil {
			continue
		}
		h, err := d.edited(e)
		if err != nil {
			return nil, err
		}
		edited[id] = h
	}
	return edited, nil
}

// fill checks all hooks, runs them, and takes what is this hook's.
func (o *outcome) fill(ctx context.Context, place *Place, h *rossum.Hook, s *sources) error {
	var warnings []*pipeline.Finding
	chain, err := place.Chain(place.Hooks, func(w *pipeline.Finding) { warnings = append(warnings, w) })
	for _, fault := range pipeline.Faults(err) {
		hook, p := s.problemOf(fault, h)
		if hook == h.ID {
			o.Problems = append(o.Problems, p)
		} else {
			o.Notes = append(o.Notes, fault.Error())
		}
		o.Others[hook]++
	}
	for _, w := range warnings {
		if w.Hook == h.String() {
			_, p := s.problemOf(w, h)
			o.Problems = append(o.Problems, p)
		}
	}
	var options []pipeline.Option
	switch {
	case o.Others[h.ID] > 0:
		return nil
	case err != nil:
		o.Notes = append(o.Notes, "So this hook was run alone, without those before it.")
		if chain, err = place.Alone(h); err != nil {
			return err
		}
		options = append(options, pipeline.WithOneHookOfSeveral())
	}
	defer chain.Close()
	report, failure := place.run(ctx, chain, options...)
	if report == nil {
		return failure
	}
	o.take(report, failure, h, s)
	return nil
}

// take takes what a report says of the hook; failure is the error of the run.
func (o *outcome) take(r *pipeline.Report, failure error, h *rossum.Hook, s *sources) {
	for _, f := range r.Findings {
		if f.Hook == h.String() && f.Severity == pipeline.SeverityError {
			_, p := s.problemOf(f, h)
			o.Problems = append(o.Problems, p)
		}
	}
	var step *pipeline.StepReport
	for _, one := range r.All() {
		if one.Name == h.Name {
			step = one
		}
	}
	if step == nil {
		o.Notes = append(o.Notes, "This hook does not run on the event of the payload.")
		for _, left := range r.LeftOut {
			if strings.HasPrefix(left.Hook, h.String()) {
				o.Notes = append(o.Notes, left.Why)
			}
		}
		return
	}
	o.Notes = append(o.Notes, step.Decisions...)
	switch step.Status {
	case pipeline.StatusNotRun:
		o.Notes = append(o.Notes, "This hook was not run, since an earlier one failed or had no answer to its call.")
	case pipeline.StatusFailed:
		if step.Error != "" {
			o.Problems = append(o.Problems, s.failure(step.Error, failure))
		}
	}
	for _, m := range step.Messages {
		if text, isError := strings.CutPrefix(m, "error: "); isError {
			o.Problems = append(o.Problems, problem{Severity: string(pipeline.SeverityError), Message: text})
			continue
		}
		o.Notes = append(o.Notes, m)
	}
	for _, one := range append([]*pipeline.StepReport{step}, (&pipeline.Report{Steps: step.Steps}).All()...) {
		for _, c := range one.Calls {
			o.Outputs = append(o.Outputs, callOutput(&c))
		}
		for _, f := range one.Files {
			o.Outputs = append(o.Outputs, fileOutput(&f))
		}
	}
	slices.SortStableFunc(o.Outputs, func(a, b output) int { return cmp.Compare(rank(a), rank(b)) })
	for _, f := range r.Fields {
		o.Fields = append(o.Fields, change{f.SchemaID, f.Before, f.After})
	}
}

// rank has what a person wants to see first come first: what is sent, then what is kept.
func rank(o output) int {
	switch {
	case o.Minor:
		return 2
	case o.Kind == "file":
		return 1
	}
	return 0
}

func fileOutput(f *pipeline.FileReport) output {
	o := output{Title: "File " + f.Key, Kind: "file", Text: f.Text, JSON: strings.Contains(f.ContentType, "json")}
	if f.Name != "" && f.Name != f.Key {
		o.Title += " (" + f.Name + ")"
	}
	switch {
	case f.Binary != "":
		o.Text, o.Note = f.Binary, fmt.Sprintf("%d bytes that are not text, shown as base64", f.Size)
	case f.Cut:
		o.Note = fmt.Sprintf("the beginning of %d bytes", f.Size)
	}
	return o
}

func callOutput(c *pipeline.CallReport) output {
	o := output{Title: c.Method + " " + c.URL, Kind: "request"}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", c.Method, c.URL)
	if m := c.Request; m != nil {
		for _, name := range slices.Sorted(maps.Keys(m.Header)) {
			for _, value := range m.Header[name] {
				fmt.Fprintf(&b, "%s: %s\n", name, value)
			}
		}
		b.WriteString("\n" + m.Body)
		switch {
		case m.Hidden != "":
			o.Note, o.Minor = fmt.Sprintf("a body of %d bytes is not shown: %s", m.Size, m.Hidden), true
		case m.Cut:
			o.Note = fmt.Sprintf("the beginning of %d bytes", m.Size)
		}
	}
	o.Text = b.String()
	return o
}
