package requestprocessor

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// payloadRoot is {payload}: the hook call, read as it is needed.
type payloadRoot struct{ r *run }

var (
	_ reqproc.Members = payloadRoot{}
	_ reqproc.Plain   = payloadRoot{}
)

// PyType implements [pyvalue.Object].
func (payloadRoot) PyType() string { return "payload" }

// Plain returns the hook call without token and secrets, which are given only by
// name.
func (p payloadRoot) Plain(context.Context) (pyvalue.Value, error) {
	data, err := p.r.x.Payload.AppendJSON(nil)
	if err != nil {
		return pyvalue.Value{}, err
	}
	return pyvalue.FromJSON(data, false)
}

// Member returns a key of the hook call.
func (p payloadRoot) Member(_ context.Context, name string) (pyvalue.Value, error) {
	payload := p.r.x.Payload
	switch name {
	case "rossum_authorization_token":
		if payload.Token == "" {
			return pyvalue.Value{}, fmt.Errorf("%w: the payload has no rossum_authorization_token; set the hook's token_owner", reqproc.ErrNotThere)
		}
		return pyvalue.Str(string(payload.Token)), nil
	case "secrets":
		return pyvalue.FromObject(secretsRoot{p.r.x.Secrets}), nil
	case "annotation":
		return pyvalue.FromObject(annotationRoot{payload.Annotation}), nil
	case "event":
		return pyvalue.Str(rossum.EventAnnotationContent), nil // as the engine has it, whatever called the hook
	}
	raw := payload.Raw(name)
	if raw == nil {
		return pyvalue.Value{}, fmt.Errorf("%w: the payload has no key %q; objects of the API are there only if the hook's sideload lists them", reqproc.ErrNotThere, name)
	}
	return pyvalue.FromJSON(raw, false)
}

// secretsRoot is {payload.secrets}.
type secretsRoot struct{ secrets rossum.Secrets }

var _ reqproc.Members = secretsRoot{}

// PyType implements [pyvalue.Object].
func (secretsRoot) PyType() string { return "secrets" }

// Member returns a secret.
func (s secretsRoot) Member(_ context.Context, name string) (pyvalue.Value, error) {
	if secret, ok := s.secrets[name]; ok {
		return pyvalue.Str(secret), nil
	}
	return pyvalue.Value{}, reqproc.NotThere("the hook's secrets", name, slices.Sorted(maps.Keys(s.secrets)))
}

// annotationRoot is {payload.annotation}; its content is read only if it is asked for.
type annotationRoot struct{ a *rossum.Annotation }

var (
	_ reqproc.Members = annotationRoot{}
	_ reqproc.Plain   = annotationRoot{}
)

// PyType implements [pyvalue.Object].
func (annotationRoot) PyType() string { return "annotation" }

// Plain returns the annotation with its content.
func (a annotationRoot) Plain(context.Context) (pyvalue.Value, error) {
	data, err := a.a.AppendJSON(nil)
	if err != nil {
		return pyvalue.Value{}, err
	}
	return pyvalue.FromJSON(data, false)
}

// Member returns a key of the annotation.
func (a annotationRoot) Member(_ context.Context, name string) (pyvalue.Value, error) {
	if name == "content" {
		if a.a.Content == nil {
			return pyvalue.Str(a.a.ContentURL), nil
		}
		return pyvalue.FromObject(contentNodes(a.a.Content.Sections())), nil
	}
	all, err := annotationKeys(a.a)
	if err != nil {
		return pyvalue.Value{}, err
	}
	if v, ok := all.GetStr(name); ok {
		return v, nil
	}
	var known []string
	for _, k := range all.Keys() {
		known = append(known, k.Text())
	}
	return pyvalue.Value{}, reqproc.NotThere("payload.annotation", name, known)
}

// annotationKeys are the keys of the annotation besides its content.
func annotationKeys(a *rossum.Annotation) (*pyvalue.Dict, error) {
	bare := *a
	bare.Content, bare.ContentURL = nil, ""
	data, err := bare.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	v, err := pyvalue.FromJSON(data, false)
	return v.Dict(), err
}
