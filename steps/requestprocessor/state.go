package requestprocessor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// position is how far a run has come.
type position struct {
	Stage int  `json:"stage"`
	Begun bool `json:"begun"` // its conditions and contents are done
	Call  int  `json:"call"`
	Item  int  `json:"item"`
}

// saved is a run that can go on in another process.
type saved struct {
	At         position                     `json:"at"`
	Properties []savedValue                 `json:"properties"`
	Order      []string                     `json:"order"`
	Writes     map[string][]json.RawMessage `json:"writes"`
	Faults     []savedFault                 `json:"faults"`
}

type savedValue struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

type savedFault struct{ Place, Key, Text string }

// keep saves how far the run has come, if checkpoints are wanted. What would carry a
// secret is not saved: a run that is cut short is then not gone on with, and what it
// has sent is not sent again.
func (r *run) keep(ctx context.Context) error {
	err := r.x.KeepProgress(ctx, func() (json.RawMessage, error) {
		state, err := r.save()
		if err == nil && r.x.Redact(string(state)) != string(state) {
			err = errSecret
		}
		if err != nil {
			r.decide("this run cannot go on if it is cut short from here: %v", err)
			return json.RawMessage("null"), nil
		}
		return state, nil
	})
	if err != nil {
		return fail("", err)
	}
	return nil
}

var errSecret = errors.New("its properties hold a secret")

func (r *run) save() (json.RawMessage, error) {
	s := saved{At: r.at, Order: r.order, Writes: make(map[string][]json.RawMessage)}
	for k, v := range r.properties.All() {
		value, err := encode(v)
		if err != nil {
			return nil, fmt.Errorf("property.%s: %w", k.Text(), err)
		}
		s.Properties = append(s.Properties, savedValue{k.Text(), value})
	}
	for schemaID, w := range r.writes {
		for _, v := range w.values {
			value, err := encode(v)
			if err != nil {
				return nil, err
			}
			s.Writes[schemaID] = append(s.Writes[schemaID], value)
		}
	}
	for _, f := range r.faults {
		s.Faults = append(s.Faults, savedFault{f.Place, f.Key, f.Err.Error()})
	}
	return json.Marshal(s)
}

// restore goes on where an earlier run was cut short.
func (r *run) restore() error {
	state := r.x.Progress()
	if !given(state) {
		return nil
	}
	var s saved
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("the saved progress cannot be read: %w", err)
	}
	r.at, r.order = s.At, s.Order
	for _, p := range s.Properties {
		v, err := r.decode(p.Value)
		if err != nil {
			return fmt.Errorf("the saved property.%s cannot be read: %w", p.Name, err)
		}
		r.properties.SetStr(p.Name, v)
	}
	for schemaID, values := range s.Writes {
		w := &written{}
		for _, value := range values {
			v, err := r.decode(value)
			if err != nil {
				return fmt.Errorf("the saved values of %s cannot be read: %w", schemaID, err)
			}
			w.values = append(w.values, v)
		}
		r.writes[schemaID] = w
	}
	for _, f := range s.Faults {
		r.faults = append(r.faults, &pipeline.StepError{Place: f.Place, Key: f.Key, Err: errors.New(f.Text)})
	}
	r.decide("goes on at stages[%d].call_api[%d], where an earlier run was cut short", s.At.Stage, s.At.Call)
	return nil
}

// coded is a value that JSON has no form of its own for.
type coded struct {
	Number string            `json:"n,omitempty"`
	Bytes  *string           `json:"b,omitempty"` // base64
	Type   *string           `json:"t,omitempty"` // media type of fetched bytes
	File   string            `json:"file,omitempty"`
	List   []json.RawMessage `json:"l,omitempty"`
	Names  []string          `json:"names,omitempty"` // of a dict with the values of List
	Kind   string            `json:"k,omitempty"`     // list or dict
}

// encode writes a value so that decode reads the same one.
func encode(v pyvalue.Value) (json.RawMessage, error) {
	var c coded
	switch v.Kind() {
	case pyvalue.KindNone:
		return json.RawMessage("null"), nil
	case pyvalue.KindBool:
		return json.Marshal(pyvalue.Truth(v))
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return json.Marshal(v.Text())
	case pyvalue.KindInt, pyvalue.KindFloat:
		text, err := pyvalue.JSON{Spelling: true}.Append(nil, nil, v)
		if err != nil {
			return nil, err
		}
		c.Number = string(text)
	case pyvalue.KindBytes:
		text := base64.StdEncoding.EncodeToString(v.Data())
		c.Bytes = &text
	case pyvalue.KindList, pyvalue.KindTuple:
		c.Kind = "list"
		items, _ := v.Items()
		for _, item := range items {
			if err := c.add(item); err != nil {
				return nil, err
			}
		}
	case pyvalue.KindDict:
		c.Kind = "dict"
		for k, item := range v.Dict().All() {
			c.Names = append(c.Names, k.Text())
			if err := c.add(item); err != nil {
				return nil, err
			}
		}
	default:
		switch o := v.Object().(type) {
		case *reqproc.Fetched:
			text := base64.StdEncoding.EncodeToString(o.Data)
			c.Bytes, c.Type = &text, &o.Type
		case localFile:
			c.File = o.f.Key
		default:
			return nil, fmt.Errorf("%s cannot be saved", reqproc.Describe(v))
		}
	}
	return json.Marshal(c)
}

func (c *coded) add(v pyvalue.Value) error {
	value, err := encode(v)
	c.List = append(c.List, value)
	return err
}

func (r *run) decode(raw json.RawMessage) (pyvalue.Value, error) {
	if len(raw) == 0 || raw[0] != '{' {
		return pyvalue.FromJSON(raw, false)
	}
	var c coded
	if err := json.Unmarshal(raw, &c); err != nil {
		return pyvalue.Value{}, err
	}
	switch {
	case c.Number != "":
		return pyvalue.FromJSON([]byte(c.Number), false)
	case c.Bytes != nil:
		data, err := base64.StdEncoding.DecodeString(*c.Bytes)
		if err != nil || c.Type == nil {
			return pyvalue.Bytes(data), err
		}
		return pyvalue.FromObject(&reqproc.Fetched{Data: data, Type: *c.Type}), nil
	case c.File != "":
		f, err := r.x.Files.Get(context.Background(), c.File)
		if err != nil {
			return pyvalue.Value{}, err
		}
		return pyvalue.FromObject(localFile{f}), nil
	}
	items := make([]pyvalue.Value, len(c.List))
	for i, item := range c.List {
		var err error
		if items[i], err = r.decode(item); err != nil {
			return pyvalue.Value{}, err
		}
	}
	if c.Kind != "dict" || len(c.Names) != len(items) {
		return pyvalue.NewList(items...), nil
	}
	d := pyvalue.NewDictSize(len(items))
	for i, name := range c.Names {
		d.SetStr(name, items[i])
	}
	return d.Value(), nil
}
