package requestprocessor

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// handle gives the reply to the handlers: to those of priority until one has handled
// it, and then to all others. A handler that fails has not handled it, and does not
// keep the others from their work.
func (r *run) handle(ctx context.Context, c *call, reply *reply, sequence int) {
	if len(c.priority)+len(c.handlers) == 0 {
		return
	}
	reply.build(ctx, c.wants, c.wantsAll)
	for _, note := range reply.notes {
		r.decide("%s (%s): %s", c.place, c.name, note)
	}
	if err := reply.broken(ctx); err != nil {
		r.decide("%s (%s): %v; no handler of the engine would run", c.place, c.name, err)
	}
	for _, h := range c.priority {
		handled, err := r.apply(ctx, c, h, reply, sequence)
		if err != nil {
			r.handlerFailed(ctx, c, h, sequence, err)
		}
		if handled {
			break
		}
	}
	for _, h := range c.handlers {
		if _, err := r.apply(ctx, c, h, reply, sequence); err != nil {
			r.handlerFailed(ctx, c, h, sequence, err)
		}
	}
}

func (r *run) handlerFailed(ctx context.Context, c *call, h *handler, sequence int, err error) {
	r.forgetField(h, sequence, "its handler failed")
	fault := named(fail(h.place, err), c.name)
	r.x.Log.ErrorContext(ctx, "a response handler failed", "place", fault.Place, "call", c.name, "error", fault.Err)
	r.faults = append(r.faults, fault)
}

// apply lets one handler see the reply. It reports whether it has handled it.
func (r *run) apply(ctx context.Context, c *call, h *handler, reply *reply, sequence int) (bool, error) {
	found := pyvalue.None()
	unreadable := h.reads(reply)
	if h.value != nil && unreadable == nil {
		s := &reqproc.Scope{Roots: map[string]pyvalue.Value{"response": reply.response}, XML: reply.xml}
		// A handler that is for other replies need not be able to read this one.
		if found, unreadable = h.value.Extract(ctx, s); unreadable != nil {
			found = pyvalue.None()
		}
	}
	if h.condition != nil {
		s := r.quiet(h.place).With("response", reply.response)
		s.Roots["found_value"] = found
		ok, why, err := h.condition.Holds(ctx, s)
		if err != nil {
			return false, fail(h.place+".condition", err)
		}
		if !ok {
			r.decide("%s is passed over: %s", h.place, why)
			return false, nil
		}
	}
	if unreadable != nil {
		return false, fail(h.place+".value", unreadable)
	}
	key, err := formatKey(h.key, sequence)
	if err != nil {
		return false, fail(h.place+".target_key", err)
	}
	switch h.target {
	case "schema_id":
		if found.IsNone() {
			r.decide("%s: %s finds nothing in %s (status %d, %s); %s is emptied", h.place, h.value, h.value.Context(), reply.Status, reply.mediaType, key)
		}
		if found.Kind() == pyvalue.KindBytes {
			r.decide("%s: %s holds bytes, which the field %s gets as Python prints them; response.text is the text", h.place, h.value.Context(), key)
		}
		err = r.write(ctx, key, found)
	case "property":
		if _, twice := r.properties.GetStr(key); twice {
			r.decide("%s: property.%s is overwritten", h.place, key)
		}
		r.properties.SetStr(key, found)
		r.origins[key] = fromAPI
	case "document_relation":
		err = r.store(ctx, key, reply)
	}
	if err != nil {
		return false, fail(h.place+".target_key", err)
	}
	return true, nil
}

// forget empties the fields of a call that was not answered: nothing may act on the
// reply of an earlier run.
func (r *run) forget(c *call, sequence int) {
	for _, h := range append(c.priority[:len(c.priority):len(c.priority)], c.handlers...) {
		r.forgetField(h, sequence, "the call of "+c.place+" was not answered")
	}
}

// forgetField empties the field of a handler, unless this run has written to it.
func (r *run) forgetField(h *handler, sequence int, why string) {
	key, err := formatKey(h.key, sequence)
	if h.target != "schema_id" || err != nil || r.writes[key] != nil {
		return
	}
	if n, err := r.x.Field(key); err != nil || n.Value() == "" {
		return
	}
	if err := r.x.Set(key, ""); err == nil {
		r.decide("emptied %s: %s", key, why)
	}
}

// write writes a value to a field, where later stages see it at once.
func (r *run) write(ctx context.Context, schemaID string, v pyvalue.Value) error {
	text, err := fieldText(fieldMeter(ctx), v, r.p.compact)
	if err != nil {
		return err
	}
	if err := r.x.Set(schemaID, text); err != nil {
		return err
	}
	if v.Dict() != nil || v.List() != nil && r.p.compact {
		v = pyvalue.Str(text)
	}
	w := r.writes[schemaID]
	if w == nil {
		w = &written{}
		r.writes[schemaID] = w
		r.order = append(r.order, schemaID)
	}
	w.values = append(w.values, v)
	return nil
}

// collapse writes all values of a field that was written more than once as one list,
// as Python prints it: that is what Rossum's engine leaves there.
func (r *run) collapse() {
	for _, schemaID := range r.order {
		values := r.writes[schemaID].values
		if len(values) < 2 {
			continue
		}
		if !r.isText(schemaID) {
			r.faults = append(r.faults, &pipeline.StepError{Key: schemaID, Err: fmt.Errorf("the field %s is not a text field and got %d values in this run, which a list cannot hold; it keeps the last one: write to fields with {sequence}, or to property", schemaID, len(values))})
			continue
		}
		text, err := pyvalue.Repr(fieldMeter(context.Background()), pyvalue.NewList(values...))
		if err == nil {
			err = r.x.Set(schemaID, text)
		}
		if err != nil {
			r.faults = append(r.faults, &pipeline.StepError{Key: schemaID, Err: err})
			continue
		}
		r.decide("%s got %d values and holds them as a list: %s", schemaID, len(values), text)
	}
}

// fieldText is how a value is written to a field: an object as JSON, null as "", and
// all else as Python's str() writes it, lists included. Compact JSON is for both.
func fieldText(m *pyvalue.Meter, v pyvalue.Value, compact bool) (string, error) {
	style := pyvalue.JSON{}
	if compact {
		style = pyvalue.JSON{ItemSeparator: ",", KeySeparator: ":", Unicode: true}
	}
	switch {
	case v.IsNone():
		return "", nil
	case v.Dict() != nil, v.List() != nil && compact:
		out, err := style.Append(m, nil, readable(v))
		return string(out), err
	}
	return pyvalue.String(m, v)
}

// maxFieldText bounds the text of one field, in bytes. A run writes less in all.
const maxFieldText = 64 << 20

func fieldMeter(ctx context.Context) *pyvalue.Meter {
	return pyvalue.NewMeter(ctx, pyvalue.Limits{ValueBytes: maxFieldText})
}

// store keeps the body of a reply as a document of the annotation, in place of an
// earlier one with its key: a text in UTF-8, whatever its charset was, and all else
// as it is.
func (r *run) store(ctx context.Context, key string, reply *reply) error {
	data := slices.Clip(reply.Body)
	if reply.isText() {
		text, _ := reply.response.Dict().GetStr("text")
		data = []byte(text.Text())
	}
	if data == nil {
		data = []byte{}
	}
	file := pipeline.File{Key: key, Name: key + "_response", ContentType: "text/plain", Data: data}
	if err := r.x.Files.Put(ctx, file); err != nil {
		return err
	}
	delete(r.listed, "document_relation")
	kept, err := r.x.Files.Get(ctx, key)
	if err != nil || kept.Document != "" || r.x.Rossum == nil {
		return err
	}
	// The chain keeps its files elsewhere; a document relation is one in Rossum.
	if err := pipeline.InRossum().Put(ctx, r.x, &file); err != nil {
		return fmt.Errorf("saving the reply in Rossum: %w", err)
	}
	kept.Document = file.Document // it was put by this run, which alone has it
	return nil
}

// readable puts texts for bytes: UTF-8 where they are, else base64.
func readable(v pyvalue.Value) pyvalue.Value {
	switch v.Kind() {
	case pyvalue.KindBytes:
		if utf8.Valid(v.Data()) {
			return pyvalue.Str(string(v.Data()))
		}
		return pyvalue.Str(base64.StdEncoding.EncodeToString(v.Data()))
	case pyvalue.KindList, pyvalue.KindTuple:
		items, _ := v.Items()
		out := make([]pyvalue.Value, len(items))
		for i, item := range items {
			out[i] = readable(item)
		}
		return pyvalue.NewList(out...)
	case pyvalue.KindDict:
		out := pyvalue.NewDictSize(v.Dict().Len())
		for k, item := range v.Dict().All() {
			out.SetStr(k.Text(), readable(item))
		}
		return out.Value()
	}
	return v
}
