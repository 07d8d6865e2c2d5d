// Package ownstep is an example of a step that is written outside of this module: it puts
// a record of each invoice into an archive, and keeps the archive's id in a field. It has
// settings that are checked strictly, templates, sending that is never repeated by
// accident, and it says beforehand what it uses, so that a missing field is found before
// anything is sent. It needs nothing internal.
package ownstep

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/pipeline/template"
)

// Archive puts a record of the invoice into an archive.
type Archive struct {
	// URL is where records are created, a text with placeholders.
	URL string `json:"url"`
	// Record is a JSON template of the record.
	Record json.RawMessage `json:"record"`
	// IDField is the schema_id of the field that gets the record's id; "" for none.
	IDField string `json:"id_schema_id"`
}

// UnmarshalJSON decodes settings strictly.
func (a *Archive) UnmarshalJSON(data []byte) error {
	type plain Archive
	return settings.Decode(data, (*plain)(a))
}

// Name is what reports and errors call the step.
func (a *Archive) Name() string { return "archive" }

// archive is what runs.
type archive struct {
	idField     string
	url, record *template.JSON
}

// Compile checks the settings, all at once.
func (a *Archive) Compile() (pipeline.Program, error) {
	p, err := a.compile()
	return p, err
}

func (a *Archive) compile() (*archive, error) {
	var faults settings.Faults
	p := &archive{idField: a.IDField}
	var err error
	if a.URL == "" {
		faults.Add("url", "is missing")
	}
	p.url, err = template.CompileText(a.URL, template.Options{Place: "url"})
	faults.AddErr("", err)
	if len(a.Record) == 0 {
		faults.Add("record", "is missing")
	} else {
		p.record, err = template.CompileJSON(a.Record, template.Options{Place: "record"})
		faults.AddErr("", err)
	}
	return p, faults.Err()
}

// Uses says what the step reads, writes and sends.
func (a *Archive) Uses(int64) []pipeline.Use {
	p, _ := a.compile() // the faults are those of Compile
	uses := append(p.url.Uses(pipeline.Use{Steers: true}), p.record.Uses(pipeline.Use{})...)
	if a.IDField != "" {
		uses = append(uses, pipeline.Use{Kind: pipeline.UseWrites, Name: a.IDField, Place: "id_schema_id", Single: true})
	}
	return append(uses, pipeline.Use{Kind: pipeline.UseSends, Name: "POST", Place: "url"})
}

// Run creates the record.
func (a *Archive) Run(ctx context.Context, x *pipeline.Export) error {
	p, err := a.compile() // when it runs without a chain
	if err != nil {
		return err
	}
	return p.Run(ctx, x)
}

func (p *archive) Run(ctx context.Context, x *pipeline.Export) error {
	url, err := p.url.RenderText(ctx, x, nil)
	if err != nil {
		return err
	}
	record, err := p.record.Render(ctx, x, nil)
	if err != nil {
		return err
	}
	call := &send.Call{Name: "create", Method: "POST", URL: url, Body: pipeline.Bytes(record)}
	call.SetHeader("Content-Type", "application/json")
	call.SetHeader("Authorization", "Bearer "+x.Secrets["archive_key"])
	reply, err := send.Do(ctx, x, call)
	if err != nil {
		return &pipeline.StepError{Place: "url", Err: err}
	}
	if reply.Status != 201 {
		x.Error("The archive refused the invoice with status %d.", reply.Status)
		return nil
	}
	var created struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(reply.Body, &created); err != nil {
		return fmt.Errorf("reading the archive's reply: %w", err)
	}
	if p.idField == "" {
		return nil
	}
	return x.Set(p.idField, created.ID)
}
