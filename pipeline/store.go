package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// remoteDocument streams a document from Rossum.
type remoteDocument struct {
	client *rossum.Client
	id     int64
}

func (d remoteDocument) Open(ctx context.Context) (io.ReadCloser, error) {
	body, _, err := d.client.OpenDocument(ctx, d.id)
	return body, err
}

func (d remoteDocument) Size() int64 { return -1 }

// OpenSized is Open that also says how long the document is, which is known once
// Rossum answers.
func (d remoteDocument) OpenSized(ctx context.Context) (io.ReadCloser, int64, error) {
	return d.client.OpenDocument(ctx, d.id)
}

// InRossum keeps files as Rossum's hosted extensions do: as documents that an
// export relation links to the annotation under the reference key. Use it where
// hosted extensions or other processes come before or after this chain. It
// needs exports with a Rossum client.
func InRossum() Store { return inRossum{} }

type inRossum struct{}

// ErrNoClient means that an export has no client of Rossum's API.
var ErrNoClient = errors.New("no client of Rossum's API: the payload has no token or base URL")

func (inRossum) Put(ctx context.Context, x *Export, f *File) error {
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
	old, err := relationsOf(ctx, x, f.Key)
	if err != nil {
		return err
	}
	if len(old) == 0 {
		_, err := x.Rossum.CreateDocumentRelation(ctx, rossum.DocumentRelation{
			Type: rossum.RelationTypeExport, Key: f.Key, Annotation: x.Annotation.URL, Documents: []string{f.Document},
		})
		return err
	}
	if err := x.Rossum.SetRelationDocuments(ctx, old[0].ID, []string{f.Document}); err != nil {
		return err
	}
	earlier := slices.DeleteFunc(slices.Clone(old[0].Documents), func(url string) bool { return url == f.Document })
	return deleteDocuments(ctx, x, earlier)
}

// createDocument saves the file's bytes and returns the document's URL. A run that goes
// on knows it from the ledger.
func createDocument(ctx context.Context, x *Export, f *File, name string) (url string, err error) {
	act := Act{Call: "document " + f.Key, What: "POST " + x.Rossum.BaseURL() + "/api/v1/documents (" + f.Key + ")", Repeatable: true, aside: true}
	answer, err := x.Once(ctx, act, func(ctx context.Context, _ Attempt) (*Answer, error) {
		document, err := x.Rossum.CreateDocument(ctx, name, f.ContentType, f.Data)
		if err != nil {
			return nil, err
		}
		value, _ := json.Marshal(document.URL) // of a text
		return &Answer{Status: http.StatusCreated, Value: value}, nil
	})
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(answer.Value, &url); err != nil {
		return "", fmt.Errorf("saving file %q: the ledger has no document of it: %w", f.Key, err)
	}
	return url, nil
}

func (inRossum) Load(ctx context.Context, x *Export, key string) (*File, error) {
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
	body, _, err := x.Rossum.OpenDocument(ctx, rossum.IDOf(url))
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
	if x.Rossum == nil {
		return 0, ErrNoClient
	}
	relations, err := relationsOf(ctx, x, "")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range relations {
		if len(keys) > 0 && !slices.Contains(keys, r.Key) {
			continue
		}
		// The documents first: without the relation nobody would find them again.
		if err := deleteDocuments(ctx, x, r.Documents); err != nil {
			return n, err
		}
		if err := x.Rossum.DeleteDocumentRelation(ctx, r.ID); err != nil {
			return n, err
		}
		n += len(r.Documents)
	}
	return n, nil
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

// remoteURL streams the content of a document or annotation of the hook's own Rossum,
// whose address a document's text has given.
type remoteURL struct {
	client *rossum.Client
	url    string
}

func (u remoteURL) Open(ctx context.Context) (io.ReadCloser, error) {
	body, _, err := u.client.OpenContent(ctx, u.url)
	return body, err
}

func (u remoteURL) Size() int64 { return -1 }

// OpenSized is as that of a remoteDocument.
func (u remoteURL) OpenSized(ctx context.Context) (io.ReadCloser, int64, error) {
	return u.client.OpenContent(ctx, u.url)
}
