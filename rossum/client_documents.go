package rossum

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// documentTimeout bounds an attempt that carries a document.
const documentTimeout = 5 * time.Minute

// ErrDocumentTooLarge means that a document is larger than [MaxDocumentSize].
var ErrDocumentTooLarge = errors.New("document is larger than 40 MB, which is Rossum's limit")

// NewDocument is a file that becomes a document in Rossum.
type NewDocument struct {
	Name        string
	ContentType string // media type; if it is "", that of the name
	Data        []byte
	// Metadata are kept with the document, as GET documents shows them; nil for none.
	Metadata map[string]any
}

// CreateDocument saves a file in Rossum and returns the new document. Metadata go in a
// part of the form of their own, as in Rossum's Python SDK.
func (c *Client) CreateDocument(ctx context.Context, d NewDocument) (*Document, error) {
	if len(d.Data) > MaxDocumentSize {
		return nil, fmt.Errorf("saving %q: %w: %d bytes", d.Name, ErrDocumentTooLarge, len(d.Data))
	}
	boundary := rand.Text()
	reply, err := c.do(ctx, request{
		method: http.MethodPost, path: "documents", body: d.form(boundary), timeout: documentTimeout,
		contentType: "multipart/form-data; boundary=" + boundary,
	})
	if err != nil {
		return nil, fmt.Errorf("saving %q in Rossum: %w", d.Name, err)
	}
	var made Document
	return &made, decode(reply.Body, "documents", &made)
}

func (d *NewDocument) form(boundary string) formFile {
	contentType := d.ContentType
	if contentType == "" {
		if contentType = httpcall.ContentTypeOf(d.Name); contentType == "" {
			contentType = "application/octet-stream"
		}
	}
	body := formFile{data: d.Data}
	if d.Metadata != nil {
		body.head = fmt.Appendf(nil, "--%s\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n%s\r\n", boundary, encode(d.Metadata))
	}
	disposition := mime.FormatMediaType("form-data", map[string]string{"name": "content", "filename": d.Name})
	body.head = fmt.Appendf(body.head, "--%s\r\nContent-Disposition: %s\r\nContent-Type: %s\r\n\r\n", boundary, disposition, contentType)
	body.tail = fmt.Appendf(nil, "\r\n--%s--\r\n", boundary)
	return body
}

// formFile is a multipart body of one file, without a copy of its data.
type formFile struct{ head, data, tail []byte }

func (f formFile) Size() int64 { return int64(len(f.head) + len(f.data) + len(f.tail)) }

func (f formFile) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader(f.head), bytes.NewReader(f.data), bytes.NewReader(f.tail))), nil
}

var _ httpcall.Body = formFile{}

// Document returns a document's description.
func (c *Client) Document(ctx context.Context, id int64) (*Document, error) {
	var d Document
	if err := c.getJSON(ctx, documentPath(id), nil, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

func documentPath(id int64) string { return "documents/" + strconv.FormatInt(id, 10) }

// openURL streams what is at a URL of this organisation's API.
func (c *Client) openURL(ctx context.Context, address string) (io.ReadCloser, int64, error) {
	reply, err := c.do(ctx, request{method: http.MethodGet, path: address, stream: true, timeout: documentTimeout})
	if err != nil {
		return nil, 0, err
	}
	return reply.Stream, reply.Length, nil
}

// Fetch reads what is at a URL of this organisation's API, or a path below
// /api/v1, and returns it with its media type. For a URL on another host the error
// wraps [ErrForeignURL].
func (c *Client) Fetch(ctx context.Context, address string) (data []byte, mediaType string, err error) {
	reply, err := c.do(ctx, request{method: http.MethodGet, path: address, timeout: documentTimeout, accept: "*/*"})
	if err != nil {
		return nil, "", err
	}
	return reply.Body, reply.Header.Get("Content-Type"), nil
}

// Documents yields the documents with the given ids as the API describes them.
func (c *Client) Documents(ctx context.Context, ids ...int64) iter.Seq2[json.RawMessage, error] {
	return listByID(ctx, c, "documents", ids)
}

// FindDocuments yields the documents with a file name that have arrived at the given day, in
// UTC, or later.
func (c *Client) FindDocuments(ctx context.Context, name string, since time.Time) iter.Seq2[*Document, error] {
	query := url.Values{"original_file_name": {name}, "arrived_at_after": {since.UTC().Format(time.DateOnly)}}
	return list[*Document](ctx, c, "documents", query)
}

// DeleteDocument removes a document. That it is gone already is not an error.
func (c *Client) DeleteDocument(ctx context.Context, id int64) error {
	return c.remove(ctx, documentPath(id))
}

func (c *Client) remove(ctx context.Context, path string) error {
	err := c.send(ctx, http.MethodDelete, path, nil, nil)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// DocumentRelation links an annotation to documents made from it; there is one
// for each type, key and annotation.
type DocumentRelation struct {
	ID         int64    `json:"id,omitempty"`
	URL        string   `json:"url,omitempty"`
	Type       string   `json:"type"` // export
	Key        string   `json:"key"`
	Annotation string   `json:"annotation"` // URL
	Documents  []string `json:"documents"`  // URLs
}

// RelationTypeExport is the type of the relations that exports make.
const RelationTypeExport = "export"

// DocumentRelations yields the export relations of an annotation, all of them
// if key is "".
func (c *Client) DocumentRelations(ctx context.Context, annotationID int64, key string) iter.Seq2[*DocumentRelation, error] {
	query := url.Values{"annotation": {strconv.FormatInt(annotationID, 10)}, "type": {RelationTypeExport}}
	if key != "" {
		query.Set("key", key)
	}
	return list[*DocumentRelation](ctx, c, "document_relations", query)
}

// AllDocumentRelations yields the document relations of an annotation, whatever
// their type.
func (c *Client) AllDocumentRelations(ctx context.Context, annotationID int64) iter.Seq2[*DocumentRelation, error] {
	return list[*DocumentRelation](ctx, c, "document_relations", url.Values{"annotation": {strconv.FormatInt(annotationID, 10)}})
}

// CreateDocumentRelation makes a relation. If one with its type, key and
// annotation exists the error wraps [ErrConflict] or is an [*APIError] with status 400.
func (c *Client) CreateDocumentRelation(ctx context.Context, r DocumentRelation) (*DocumentRelation, error) {
	var made DocumentRelation
	if err := c.send(ctx, http.MethodPost, "document_relations", r, &made); err != nil {
		return nil, err
	}
	return &made, nil
}

// SetRelationDocuments replaces the documents of a relation.
func (c *Client) SetRelationDocuments(ctx context.Context, id int64, documents []string) error {
	return c.send(ctx, http.MethodPatch, "document_relations/"+strconv.FormatInt(id, 10), map[string]any{"documents": documents}, nil)
}

// DeleteDocumentRelation removes a relation, but not its documents. That it is
// gone already is not an error.
func (c *Client) DeleteDocumentRelation(ctx context.Context, id int64) error {
	return c.remove(ctx, "document_relations/"+strconv.FormatInt(id, 10))
}
