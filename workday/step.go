package workday

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
)

// RegisterOptions are the options of [Register]; the zero value works.
type RegisterOptions struct {
	WSDLLifetime time.Duration // see [Step.WSDLLifetime]
	CacheDir     string        // see [Step.CacheDir]
}

// Register makes a registry know the step by the address of Rossum's connector, and by
// what shows in a hook of the Rossum Store, which has none. Options hold for each step
// that it makes.
func Register(r *organisation.Registry, o RegisterOptions) {
	r.Register(organisation.Kind{
		Name: "svc/workday/api/v1/export",
		Store: organisation.Clues{
			Settings: []string{"configurations.0.wsdl", "configurations.0.request.operation"},
			Names:    []string{"workday"},
			Secrets:  []string{"workday_username", "workday_password"},
		},
		Make: func(h *rossum.Hook) (pipeline.Step, error) {
			s := &Step{WSDLLifetime: o.WSDLLifetime, CacheDir: o.CacheDir}
			if len(h.Settings) == 0 {
				return s, nil // which its Validate refuses
			}
			return s, s.UnmarshalJSON(h.Settings)
		},
	})
}

// Run makes the call of the first configuration that fits the annotation's queue.
// What Workday answers, and what is wrong with the mapping, is shown on the
// annotation; the returned error is for what says nothing about the annotation, such
// as a context that ended.
func (s *Step) Run(ctx context.Context, x *pipeline.Export) error {
	c := s.compiled
	if c == nil {
		var err error
		if c, err = s.compile(); err != nil {
			return err
		}
	}
	queue := x.Annotation.QueueID()
	for _, one := range c.configurations {
		if one.fits(queue) {
			r := &run{step: s, x: x, configuration: one, documents: c.documents}
			return r.run(ctx)
		}
	}
	x.Decide("no configuration applies to queue %d", queue)
	x.Info("No Workday configuration applies to queue %d; nothing was sent to Workday.", queue)
	return nil
}

// run is one export.
type run struct {
	*configuration
	step      *Step
	x         *pipeline.Export
	documents *documents
	data      *jsontemplate.Data
}

const failed = "Export to Workday failed. "

func (r *run) run(ctx context.Context) error {
	for _, schemaID := range []string{r.ResultField, r.ResultWIDField} {
		if schemaID == "" {
			continue
		}
		if _, err := r.x.Field(schemaID); err != nil {
			// Found out now, before there is an answer that could not be kept.
			return &pipeline.StepError{Place: r.place, Key: schemaID, Err: err}
		}
	}
	c, given, err := newCredentials(r.x.Secrets["workday_username"], r.x.Secrets["workday_password"], r.WSDL.Tenant)
	if err != nil {
		r.x.Error(failed+"Error: %v", err)
		return nil
	}
	if given {
		r.x.Warn("The secret workday_username already ends in @ and the tenant, which is appended automatically. Give the user name alone.")
	}
	r.data = exporttemplate.Data(r.x)
	mapping, err := r.mapping.Render(ctx, r.data)
	if err != nil {
		return r.renderError(ctx, err)
	}
	if r.step.Debug {
		r.x.Log.DebugContext(ctx, "mapping for Workday", "operation", r.Request.Operation, "mapping", textFor(ctx, mapping))
	}
	p, err := r.prepare(ctx, mapping)
	if err != nil {
		return r.report(ctx, err)
	}
	answer, err := r.send(ctx, p, c)
	if err != nil {
		return r.report(ctx, err)
	}
	return r.succeed(answer)
}

func (r *run) prepare(ctx context.Context, mapping pyvalue.Value) (*prepared, error) {
	address := r.WSDL.address(r.Request.Service)
	e, fetched, err := r.documents.get(ctx, r.x.Transport(), &r.WSDL, address)
	if err != nil {
		return nil, err
	}
	if fetched {
		r.x.Decide("read the WSDL of %s, %d bytes, %s", r.Request.Service, e.size, e.origin)
	}
	return prepare(ctx, e.doc, &r.WSDL, r.Request.Service, r.Request.Operation, mapping)
}

// send makes the call, which is announced before the first byte goes out.
func (r *run) send(ctx context.Context, p *prepared, c credentials) (answer message.Answer, err error) {
	call, closeFiles, err := p.call(ctx, c, r.Request.timeout())
	defer closeFiles()
	if err != nil {
		return answer, err
	}
	reply, err := send.Do(ctx, r.x, &send.Call{
		Name: r.place + ".request", What: "POST " + p.address + " " + p.operation.Name, Harmless: harmless,
		Method: call.Method, URL: call.URL, Header: call.Header, Body: call.Body, Timeout: call.Timeout, NoRedirect: call.NoRedirect,
	})
	if err != nil {
		return answer, sendError(err)
	}
	return p.read(ctx, &httpcall.Reply{Status: reply.Status, Header: reply.Header, Body: reply.Body})
}

// harmless reports whether an error of a call shows that Workday did nothing.
func harmless(err error) bool { return errors.Is(err, ErrFile) || refusal(err) != nil }

// renderError shows what is wrong with the mapping. An error that is about the
// export as a whole is returned.
func (r *run) renderError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.x.Error(failed+"Mapping error: %s", r.shortened(err.Error()))
	return nil
}

// report shows on the annotation what went wrong.
func (r *run) report(ctx context.Context, err error) error {
	var fault *Fault
	var wrong *message.Faults
	switch {
	case errors.Is(err, pipeline.ErrUnanswered):
		return err
	case errors.As(err, &fault):
		r.fault(ctx, fault)
		return nil
	case errors.Is(err, pipeline.ErrUnsettled), errors.Is(err, pipeline.ErrNotNoted), ctx.Err() != nil && !errors.Is(err, ErrMaybeDone):
		return err
	case errors.As(err, &wrong):
		for _, one := range wrong.List {
			r.show(ctx, one.Path, failed+"Error: "+r.shortened(one.Error()))
		}
		if wrong.More > 0 {
			r.x.Error(failed+"Error: and %d more.", wrong.More)
		}
		return nil
	case errors.Is(err, ErrConnect):
		r.x.Error("Could not connect to Workday. Check domain configuration.")
	case errors.Is(err, ErrNoService):
		r.x.Error("Service not found. Check wsdl configuration.")
	case errors.Is(err, ErrServer):
		r.x.Error("Internal Workday server error. Check the connection string (tenant, service and operation) or the request payload.")
	case errors.Is(err, ErrNoAnswer):
		r.x.Error(failed+"Error: %s. Nothing was sent. Export again later.", r.shortened(err.Error()))
	case errors.Is(err, ErrRefused):
		r.x.Error(failed+"Error: %s. Nothing was done.", strings.TrimSuffix(r.shortened(err.Error()), "."))
	case errors.Is(err, ErrMaybeDone), errors.Is(err, ErrReply):
		r.x.Error(failed+"Error: %s. Workday may have the document already: look there before you export again.", strings.TrimSuffix(r.shortened(err.Error()), "."))
	default:
		r.x.Error(failed+"Error: %s", r.shortened(err.Error()))
	}
	r.x.Decide("%s", r.shortened(err.Error()))
	return nil
}

// fault shows what Workday refused: each validation error alone, beside its field where
// the field is known. The text of the whole fault only repeats the first of them.
func (r *run) fault(ctx context.Context, f *Fault) {
	switch {
	case f.Kind == FaultAuthentication:
		r.x.Error(failed+"Error: %s. Check the secrets workday_username and workday_password, and whether the tenant accepts calls from this network.", strings.TrimSuffix(r.shortened(f.says()), "."))
	case len(f.Errors) == 0:
		r.x.Error(failed+"Error: %s%s", r.shortened(f.says()), f.hint())
	}
	told := ""
	for _, e := range f.Errors {
		text := e.withPlace(f.says())
		r.show(ctx, e.path, failed+"Error: "+r.shortened(text))
		told += text + "\n"
	}
	if len(f.Errors) > 0 && !strings.Contains(told, f.Detail) {
		r.x.Error(failed+"Error: %s", r.shortened(f.Detail))
	}
	r.x.Decide("Workday answers %d with a fault: %s", f.Status, r.shortened(f.Code))
}

// show shows an error beside the field that a value of the mapping came from, if
// it came from one.
func (r *run) show(ctx context.Context, path message.Path, text string) {
	steps := make([]jsontemplate.Step, len(path))
	for i, s := range path {
		steps[i] = jsontemplate.Step(s)
	}
	m := rossum.Message{Type: rossum.MessageError, Content: text}
	if origin, ok := r.mapping.Origin(ctx, r.data, steps); ok {
		m.Content += " (field " + origin.SchemaID + ")"
		if n, ok := origin.Node.(interface{ ID() int64 }); ok {
			m.ID = n.ID()
		}
	}
	r.x.Message(m)
}

// succeed shows the new object and keeps its IDs.
func (r *run) succeed(answer message.Answer) error {
	what, ids := newObject(answer)
	r.exceptions(answer)
	if len(ids) == 0 {
		r.x.Info("Export to Workday successful. Unable to retrieve new object info")
		return nil
	}
	created := "Created new " + what + " with ID"
	if !strings.HasPrefix(r.Request.Operation, "Submit_") {
		created = what + " with ID"
		created = strings.ToUpper(created[:1]) + created[1:]
	}
	r.x.Info("Export to Workday successful. %s: %s.", created, r.shownIDs(ids))
	return r.keep(ids)
}

// keep writes the new object's IDs into the fields that the settings name.
func (r *run) keep(ids []objectID) error {
	for _, want := range []struct {
		schemaID string
		wid      bool
	}{{r.ResultField, false}, {r.ResultWIDField, true}} {
		i := slices.IndexFunc(ids, func(id objectID) bool { return (id.kind == "WID") == want.wid })
		if want.schemaID == "" || i < 0 {
			continue
		}
		if err := r.x.Set(want.schemaID, ids[i].value); err != nil {
			return fmt.Errorf("keeping the ID %s of the new object: %w", r.shownIDs(ids[i:i+1]), err)
		}
	}
	return nil
}
