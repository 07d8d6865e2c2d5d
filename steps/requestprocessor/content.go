package requestprocessor

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// get stores what a GetContent asks for.
func (r *run) get(ctx context.Context, c *content) error {
	found, err := r.find(ctx, c)
	if err != nil {
		return named(fail(c.place, err), c.name)
	}
	r.origins[c.name] = r.originOfContent(c)
	r.decide("property.%s: %d of %s", c.name, len(found), c.source)
	switch len(found) {
	case 1:
		r.properties.SetStr(c.name, found[0])
	default:
		r.properties.SetStr(c.name, pyvalue.NewList(found...))
	}
	return nil
}

func (r *run) find(ctx context.Context, c *content) ([]pyvalue.Value, error) {
	if c.source == "explicit" {
		return r.explicit(ctx, c)
	}
	matching, err := r.matching(ctx, c)
	if err != nil {
		return nil, err
	}
	switch c.source {
	case "document_relation_content":
		return r.documents(ctx, matching)
	case "relation_content", "parent_relation_content":
		return r.related(ctx, matching)
	}
	return matching, nil
}

// matching lists the relations that a GetContent asks for.
func (r *run) matching(ctx context.Context, c *content) (matching []pyvalue.Value, err error) {
	all, err := r.relations(ctx, c.source)
	if err != nil {
		return nil, err
	}
	for _, relation := range all {
		s := r.quiet(c.place + ".query")
		for k, v := range relation.Dict().All() {
			s.Roots[k.Text()] = v
		}
		ok, _, err := c.query.Holds(ctx, s)
		if err != nil {
			return nil, fail(c.place+".query", err)
		}
		if ok {
			matching = append(matching, relation)
		}
	}
	return matching, nil
}

// explicit fills templates in; what is not there is None, and the report says so.
func (r *run) explicit(ctx context.Context, c *content) ([]pyvalue.Value, error) {
	s := r.scope(c.place + ".query")
	s.Lenient = true
	var found []pyvalue.Value
	for i, t := range c.explicit {
		v, err := t.Fill(ctx, s)
		if err != nil {
			return nil, fail(fmt.Sprintf("%s.query[%d]", c.place, i), err)
		}
		found = append(found, v)
	}
	return found, nil
}

// relations lists the relations of a source, once in a run.
func (r *run) relations(ctx context.Context, source string) ([]pyvalue.Value, error) {
	source = strings.TrimSuffix(source, "_content")
	if list, ok := r.listed[source]; ok {
		return list, nil
	}
	var list []pyvalue.Value
	var err error
	id := r.x.Annotation.ID
	switch {
	case source == "document_relation":
		list, err = r.documentRelations(ctx)
	case r.x.Rossum == nil:
		err = pipeline.ErrNoClient
	case source == "relation":
		list, err = collect(r.x.Rossum.Relations(ctx, id))
	default:
		list, err = collect(r.x.Rossum.Attachments(ctx, id))
		for _, relation := range list {
			withoutAnnotation(relation, id)
		}
	}
	if err != nil {
		return nil, err
	}
	r.listed[source] = list
	return list, nil
}

func collect[T any](items iter.Seq2[*T, error]) ([]pyvalue.Value, error) {
	var all []pyvalue.Value
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		data, err := json.Marshal(item)
		if err != nil {
			return nil, err
		}
		v, err := pyvalue.FromJSON(data, false)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// withoutAnnotation leaves the annotation itself out of a relation's annotations.
func withoutAnnotation(relation pyvalue.Value, id int64) {
	annotations, _ := relation.Dict().GetStr("annotations")
	others := []pyvalue.Value{}
	items, _ := annotations.Items()
	for _, url := range items {
		if rossum.IDOf(url.Text()) != id {
			others = append(others, url)
		}
	}
	relation.Dict().SetStr("annotations", pyvalue.NewList(others...))
}

// documentRelations lists those in Rossum, and the files of this run that are not
// there. Of one key, the file of this run counts.
func (r *run) documentRelations(ctx context.Context) ([]pyvalue.Value, error) {
	var list []pyvalue.Value
	here := make(map[string]bool)
	for _, key := range r.x.Files.Keys() {
		f, err := r.x.Files.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		if f.Document != "" {
			continue
		}
		here[key] = true
		d := pyvalue.NewDict()
		d.SetStr("type", pyvalue.Str(rossum.RelationTypeExport))
		d.SetStr("key", pyvalue.Str(key))
		d.SetStr("annotation", pyvalue.Str(r.x.Annotation.URL))
		d.SetStr("documents", pyvalue.NewList(pyvalue.FromObject(localFile{f})))
		list = append(list, d.Value())
	}
	if r.x.Rossum == nil {
		return list, nil
	}
	stored, err := collect(r.x.Rossum.AllDocumentRelations(ctx, r.x.Annotation.ID))
	if err != nil {
		return nil, err
	}
	for _, relation := range stored {
		if key, _ := relation.Dict().GetStr("key"); !here[key.Text()] {
			list = append(list, relation)
		}
	}
	return list, nil
}

// localFile is a file of this run in the place of a document's address.
type localFile struct{ f *pipeline.File }

var (
	_ reqproc.Address = localFile{}
	_ reqproc.Plain   = localFile{}
)

// PyType implements [pyvalue.Object].
func (localFile) PyType() string { return "a file of this run" }

// Plain returns a text that stands for the address.
func (l localFile) Plain(context.Context) (pyvalue.Value, error) {
	return pyvalue.Str("file:" + l.f.Key), nil
}

// Open returns the file's bytes.
func (l localFile) Open(context.Context) (pyvalue.Value, error) {
	return pyvalue.FromObject(&reqproc.Fetched{Data: l.f.Data, Type: l.f.ContentType}), nil
}

// document describes the file as the API describes a document.
func (l localFile) document() pyvalue.Value {
	d := pyvalue.NewDict()
	name := l.f.Name
	if name == "" {
		name = l.f.Key
	}
	d.SetStr("original_file_name", pyvalue.Str(name))
	d.SetStr("mime_type", pyvalue.Str(l.f.ContentType))
	d.SetStr("url", pyvalue.FromObject(l))
	d.SetStr("content", pyvalue.FromObject(l))
	return d.Value()
}

// documents returns every document of the relations, as the API describes it.
func (r *run) documents(ctx context.Context, relations []pyvalue.Value) ([]pyvalue.Value, error) {
	var found []pyvalue.Value
	for _, relation := range relations {
		urls, _ := relation.Dict().GetStr("documents")
		items, _ := urls.Items()
		for _, url := range items {
			if l, ok := url.Object().(localFile); ok {
				found = append(found, l.document())
				continue
			}
			data, _, err := r.x.Rossum.Fetch(ctx, fmt.Sprintf("documents/%d", rossum.IDOf(url.Text())))
			if err != nil {
				return nil, err
			}
			v, err := pyvalue.FromJSON(data, false)
			if err != nil {
				return nil, fmt.Errorf("document %s: %w", url.Text(), err)
			}
			found = append(found, v)
		}
	}
	return found, nil
}

// related returns an entry for each annotation of the relations: the relation's own
// keys with annotation, document and content. It costs two calls, however many they
// are.
func (r *run) related(ctx context.Context, relations []pyvalue.Value) ([]pyvalue.Value, error) {
	var ids []int64
	for _, relation := range relations {
		ids = append(ids, annotationIDs(relation)...)
	}
	annotations, err := byID(r.x.Rossum.Annotations(ctx, ids...))
	if err != nil {
		return nil, err
	}
	var documentIDs []int64
	for _, id := range ids {
		if a := annotations[id].Dict(); a != nil {
			url, _ := a.GetStr("document")
			documentIDs = append(documentIDs, rossum.IDOf(url.Text()))
		}
	}
	documents, err := byID(r.x.Rossum.Documents(ctx, documentIDs...))
	if err != nil {
		return nil, err
	}
	var found []pyvalue.Value
	for _, relation := range relations {
		for _, id := range annotationIDs(relation) {
			a := annotations[id].Dict()
			if a == nil {
				r.decide("annotation %d is named in a relation, but cannot be read", id)
				continue
			}
			url, _ := a.GetStr("document")
			entry := relation.Dict().Copy()
			entry.SetStr("annotation", a.Value())
			entry.SetStr("document", documents[rossum.IDOf(url.Text())])
			entry.SetStr("content", pyvalue.None())
			if d := documents[rossum.IDOf(url.Text())].Dict(); d != nil {
				content, _ := d.GetStr("content")
				entry.SetStr("content", content)
			}
			found = append(found, entry.Value())
		}
	}
	return found, nil
}

func annotationIDs(relation pyvalue.Value) []int64 {
	var ids []int64
	annotations, _ := relation.Dict().GetStr("annotations")
	items, _ := annotations.Items()
	for _, url := range items {
		ids = append(ids, rossum.IDOf(url.Text()))
	}
	return ids
}

func byID(objects iter.Seq2[json.RawMessage, error]) (map[int64]pyvalue.Value, error) {
	found := make(map[int64]pyvalue.Value)
	for raw, err := range objects {
		if err != nil {
			return nil, err
		}
		v, err := pyvalue.FromJSON(raw, false)
		if err != nil {
			return nil, err
		}
		if v.Dict() == nil {
			continue
		}
		id, _ := v.Dict().GetStr("id")
		if n, ok := id.Int64(); ok {
			found[n] = v
		}
	}
	return found, nil
}
