package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// InRossum keeps files as Rossum's hosted extensions do: as documents that an
// export relation links to the annotation under the reference key. Use it where
// hosted extensions or other processes come before or after this chain. It
// needs exports with a Rossum client. A new file takes two calls, whatever there is under
// other keys; one that takes the place of an earlier file takes one more for each document
// that goes, and two to find it, if this run has not made it.
func InRossum() Store { return inRossum{} }

type inRossum struct{}

// ErrNoClient means that an export has no client of Rossum's API.
var ErrNoClient = errors.New("no client of Rossum's API: the payload has no token or base URL")

func (inRossum) Put(ctx context.Context, x *Export, f *File) error {
	if !x.letsRossum(http.MethodPost) {
		return nil // it lives as long as the run
	}
	if x.Rossum == nil {
		return ErrNoClient
	}
	name := f.Name
	if name == "" {
		name = f.Key
	}
	var err error
	if f.Document, err = createDocument(ctx, x, f, name); err != nil {
		return err
	}
	if old := x.run.relations.of(f.Key); old != nil {
		if err := replaceDocuments(ctx, x, f, old); !errors.Is(err, rossum.ErrNotFound) {
			return err
		}
	}
	old, err := createRelation(ctx, x, f)
	if err != nil || old == nil {
		return err
	}
	return replaceDocuments(ctx, x, f, old)
}

// replaceDocuments puts the file's document in the place of those of a relation.
func replaceDocuments(ctx context.Context, x *Export, f *File, old *rossum.DocumentRelation) error {
	x.run.relations.set(f.Key, &rossum.DocumentRelation{ID: old.ID, Documents: []string{f.Document}})
	if err := x.Rossum.SetRelationDocuments(ctx, old.ID, []string{f.Document}); err != nil {
		x.run.relations.set(f.Key, nil)
		return err
	}
	earlier := slices.DeleteFunc(slices.Clone(old.Documents), func(url string) bool { return url == f.Document })
	return deleteDocuments(ctx, x, earlier)
}

// relations are the export relations that a run has made, by their reference keys.
type relations struct {
	mu    sync.Mutex
	byKey map[string]*rossum.DocumentRelation
}

// of returns the relation of a key, nil if the run knows of none.
func (r *relations) of(key string) *rossum.DocumentRelation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byKey[key]
}

// set notes the relation of a key; nil for one that is gone, or may be.
func (r *relations) set(key string, relation *rossum.DocumentRelation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.byKey = make(map[string]*rossum.DocumentRelation)
	}
	r.byKey[key] = relation
}

// letsRossum reports that calls to Rossum are made; see [DryRun]. Without a client the
// store says so itself.
func (x *Export) letsRossum(method string) bool {
	return x.Rossum == nil && !x.IsDry() || x.Rossum != nil && x.Allows(method, x.Rossum.BaseURL())
}

// createDocument saves the file's bytes and returns the document's URL. A run that goes
// on knows it from the ledger, or finds the document by the mark that it carries.
func createDocument(ctx context.Context, x *Export, f *File, name string) (url string, err error) {
	client := x.Rossum.Announced(nil) // it is announced here
	act := Act{Call: "document " + f.Key, What: "POST " + client.BaseURL() + "/api/v1/documents (" + f.Key + ")", Repeatable: true, aside: true}
	mark := documentMark(x, act)
	act.Probe = func(ctx context.Context) (*Reply, error) { return findDocument(ctx, x, name, mark) }
	answer, err := x.Once(ctx, act, func(ctx context.Context, _ Attempt) (*Reply, error) {
		document, err := client.CreateDocument(ctx, rossum.NewDocument{Name: name, ContentType: f.ContentType, Data: f.Data, Metadata: mark})
		if err != nil {
			return nil, err
		}
		return documentAnswer(document), nil
	})
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(answer.Value, &url); err != nil {
		return "", fmt.Errorf("saving file %q: the ledger has no document of it: %w", f.Key, err)
	}
	return url, nil
}

func documentAnswer(d *rossum.Document) *Reply {
	value, _ := json.Marshal(d.URL) // of a text
	return &Reply{Status: http.StatusCreated, Value: value}
}

// markName is the key of a document's metadata that says which call has made it.
const markName = "exportpipeline"

// documentMark is the metadata of a document that a call makes, nil if the run is not
// kept: then nobody goes on with it, and looks for the document.
func documentMark(x *Export, a Act) map[string]any {
	if key := x.nextKey(a); key != "" {
		return map[string]any{markName: key}
	}
	return nil
}

// mostFound is how many documents are looked at that have the name of a file.
const mostFound = 500

// findDocument looks for the document that a process has made which was cut short.
func findDocument(ctx context.Context, x *Export, name string, mark map[string]any) (*Reply, error) {
	seen := 0
	name = name[strings.LastIndexAny(name, `/\`)+1:] // the platform keeps no more of it
	// A day is more than clocks differ by.
	for d, err := range x.Rossum.Announced(nil).FindDocuments(ctx, name, x.Now().AddDate(0, 0, -1)) {
		if err != nil {
			return nil, err
		}
		var metadata map[string]any
		if json.Unmarshal(d.Metadata, &metadata) == nil && mark != nil && metadata[markName] == mark[markName] {
			return documentAnswer(d), nil
		}
		if seen++; seen == mostFound {
			break
		}
	}
	return nil, nil
}

// createRelation links the file's document to the annotation. There is one relation for
// each key, by which it is found again: if there is one already, it is returned.
func createRelation(ctx context.Context, x *Export, f *File) (old *rossum.DocumentRelation, err error) {
	client := x.Rossum.Announced(nil)
	act := Act{Call: "relation " + f.Key + " " + f.Document, What: "POST " + client.BaseURL() + "/api/v1/document_relations (" + f.Key + ")", Repeatable: true, aside: true}
	act.Probe = func(ctx context.Context) (*Reply, error) {
		for r, err := range client.DocumentRelations(ctx, x.Annotation.ID, f.Key) {
			if err != nil {
				return nil, err
			}
			if r.Key == f.Key && slices.Contains(r.Documents, f.Document) {
				return relationAnswer(r), nil
			}
		}
		return nil, nil
	}
	var refused error // of this process
	answer, err := x.Once(ctx, act, func(ctx context.Context, _ Attempt) (*Reply, error) {
		made, err := client.CreateDocumentRelation(ctx, rossum.DocumentRelation{
			Type: rossum.RelationTypeExport, Key: f.Key, Annotation: x.Annotation.URL, Documents: []string{f.Document},
		})
		if api, ok := errors.AsType[*rossum.APIError](err); ok && (api.Status == http.StatusBadRequest || api.Status == http.StatusConflict) {
			refused = err
			return &Reply{Status: api.Status, Body: []byte(api.Detail)}, nil
		}
		if err != nil {
			return nil, err
		}
		return relationAnswer(made), nil
	})
	if err != nil {
		return nil, err
	}
	if answer.Status >= 400 { // most likely since there is one
		found, err := relationsOf(ctx, x, f.Key)
		if err == nil && len(found) == 0 {
			err = cmp.Or(refused, fmt.Errorf("Rossum refused the relation with status %d: %s", answer.Status, answer.Body))
		}
		if err != nil {
			return nil, err
		}
		return found[0], nil
	}
	var made rossum.DocumentRelation
	if json.Unmarshal(answer.Value, &made) == nil && made.ID != 0 {
		x.run.relations.set(f.Key, &made)
	}
	return nil, nil
}

// relationAnswer is what the ledger gets of a relation: what it takes to change it.
func relationAnswer(r *rossum.DocumentRelation) *Reply {
	value, _ := json.Marshal(rossum.DocumentRelation{ID: r.ID, Documents: r.Documents}) // of texts
	return &Reply{Status: http.StatusCreated, Value: value}
}

func (inRossum) Load(ctx context.Context, x *Export, key string) (*File, error) {
	if !x.letsRossum(http.MethodGet) {
		return nil, ErrNoFile
	}
	if x.Rossum == nil {
		return nil, ErrNoClient
	}
	relations, err := relationsOf(ctx, x, key)
	if err != nil {
		return nil, err
	}
	if len(relations) == 0 || len(relations[0].Documents) == 0 {
		return nil, ErrNoFile
	}
	url := relations[0].Documents[len(relations[0].Documents)-1]
	document, err := x.Rossum.Document(ctx, rossum.IDOf(url))
	if err != nil {
		return nil, err
	}
	body, err := x.Rossum.DocumentContent(rossum.IDOf(url)).Open(ctx)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("reading document %s: %w", url, err)
	}
	return &File{Key: key, Name: document.OriginalFileName, ContentType: document.MimeType, Data: data, Document: url}, nil
}

func (inRossum) Purge(ctx context.Context, x *Export, keys ...string) (int, error) {
	if !x.letsRossum(http.MethodDelete) {
		x.Decide("files of an earlier export stay in Rossum, since this is a dry run")
		return 0, nil
	}
	if x.Rossum == nil {
		return 0, ErrNoClient
	}
	relations, err := relationsOf(ctx, x, "")
	if err != nil {
		return 0, err
	}
	relations = slices.DeleteFunc(relations, func(r *rossum.DocumentRelation) bool {
		return len(keys) > 0 && !slices.Contains(keys, r.Key)
	})
	var n atomic.Int64
	err = x.together(ctx, len(relations), func(ctx context.Context, i int) error {
		r := relations[i]
		x.run.relations.set(r.Key, nil)
		// The documents first: without the relation nobody would find them again.
		if err := deleteDocuments(ctx, x, r.Documents); err != nil {
			return err
		}
		if err := x.Rossum.DeleteDocumentRelation(ctx, r.ID); err != nil {
			return err
		}
		n.Add(int64(len(r.Documents)))
		return nil
	})
	return int(n.Load()), err
}

func relationsOf(ctx context.Context, x *Export, key string) ([]*rossum.DocumentRelation, error) {
	var all []*rossum.DocumentRelation
	for r, err := range x.Rossum.DocumentRelations(ctx, x.Annotation.ID, key) {
		if err != nil {
			return nil, err
		}
		if key == "" || r.Key == key {
			all = append(all, r)
		}
	}
	return all, nil
}

// deleteDocuments removes generated documents, and never the original.
func deleteDocuments(ctx context.Context, x *Export, urls []string) error {
	original := rossum.IDOf(x.Annotation.Document)
	for _, url := range urls {
		id := rossum.IDOf(url)
		if id == 0 || id == original || x.Payload.Document != nil && id == x.Payload.Document.ID {
			continue
		}
		if err := x.Rossum.DeleteDocument(ctx, id); err != nil {
			return fmt.Errorf("removing document %d: %w", id, err)
		}
	}
	return nil
}
