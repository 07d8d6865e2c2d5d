package rossumtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/native"
)

// Server is a Rossum API on loopback. It keeps documents, document relations,
// relations, hooks and contents, checks the token, pages its lists, and limits
// the rate or fails on demand. All methods may be used while it serves.
type Server struct {
	// URL is the base URL, such as http://127.0.0.1:41234.
	URL string
	// Token is the only token that the server accepts.
	Token string

	server *httptest.Server

	mu          sync.Mutex
	nextID      int64
	documents   map[int64]*storedDocument
	relations   map[int64]*rossum.DocumentRelation
	links       []rossum.Relation
	annotations map[int64]json.RawMessage
	hooks       map[int64]json.RawMessage
	secrets     map[int64]map[string]string
	contents    map[int64]json.RawMessage
	exports     map[string][]byte
	calls       []string
	faults      []Fault
	pageSize    int
}

type storedDocument struct {
	rossum.Document
	data []byte
}

// Fault makes the server misbehave once.
type Fault struct {
	Method, Path string        // of the call to spoil; Path is a prefix below /api/v1; "" fits all
	Status       int           // answer with this status, such as 429
	RetryAfter   string        // header of that answer
	Delay        time.Duration // wait before answering
	Cut          bool          // close the connection without an answer
}

// NewServer starts a server. Call Close when done.
func NewServer() *Server {
	s := &Server{
		Token: Token, nextID: 500000, pageSize: 100,
		documents: make(map[int64]*storedDocument), relations: make(map[int64]*rossum.DocumentRelation),
		annotations: make(map[int64]json.RawMessage), hooks: make(map[int64]json.RawMessage), secrets: make(map[int64]map[string]string),
		contents: make(map[int64]json.RawMessage), exports: make(map[string][]byte),
	}
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"POST /api/v1/documents":                 s.createDocument,
		"GET /api/v1/documents":                  s.listDocuments,
		"GET /api/v1/documents/{id}":             s.getDocument,
		"GET /api/v1/documents/{id}/content":     s.getDocumentContent,
		"DELETE /api/v1/documents/{id}":          s.deleteDocument,
		"GET /api/v1/document_relations":         s.listDocumentRelations,
		"POST /api/v1/document_relations":        s.createDocumentRelation,
		"PATCH /api/v1/document_relations/{id}":  s.patchDocumentRelation,
		"DELETE /api/v1/document_relations/{id}": s.deleteDocumentRelation,
		"GET /api/v1/relations":                  s.listRelations,
		"GET /api/v1/annotations":                s.listAnnotations,
		"GET /api/v1/hooks":                      s.listHooks,
		"GET /api/v1/hooks/{id}":                 s.getHook,
		"PATCH /api/v1/hooks/{id}":               s.patchHook,
		"GET /api/v1/annotations/{id}/content":   s.getContent,
		"GET /api/v1/queues/{id}/export":         s.export,
	} {
		mux.HandleFunc(pattern, h)
	}
	s.server = httptest.NewServer(s.guard(mux))
	s.URL = s.server.URL
	return s
}

// Close stops the server and waits for its calls to end.
func (s *Server) Close() { s.server.Close() }

// guard records calls, spoils those it should, and checks the token.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls = append(s.calls, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v1/"))
		fault := s.takeFault(r)
		s.mu.Unlock()
		if fault != nil {
			if fault.spoil(w, r) {
				return
			}
		}
		if r.Header.Get("Authorization") != "Bearer "+s.Token {
			refuse(w, http.StatusUnauthorized, "Invalid token.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) takeFault(r *http.Request) *Fault {
	for i, f := range s.faults {
		if (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(strings.TrimPrefix(r.URL.Path, "/api/v1/"), f.Path) {
			s.faults = slices.Delete(s.faults, i, i+1)
			return &f
		}
	}
	return nil
}

// spoil reports whether it has answered.
func (f *Fault) spoil(w http.ResponseWriter, r *http.Request) bool {
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		}
	}
	if f.Cut {
		panic(http.ErrAbortHandler)
	}
	if f.Status == 0 {
		return false
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	refuse(w, f.Status, http.StatusText(f.Status))
	return true
}

// Fail makes the server misbehave: each fault spoils one call that fits it.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// SetPageSize makes lists come in pages of n.
func (s *Server) SetPageSize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pageSize = n
}

// Calls returns method and path (below /api/v1/) of every call, oldest first.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// AddDocument puts a document under an id, for example the original under
// [DocumentID], and returns its URL.
func (s *Server) AddDocument(id int64, name, mimeType string, data []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addDocument(id, name, mimeType, data).URL
}

func (s *Server) addDocument(id int64, name, mimeType string, data []byte) *storedDocument {
	url := fmt.Sprintf("%s/api/v1/documents/%d", s.URL, id)
	d := &storedDocument{rossum.Document{
		ID: id, URL: url, OriginalFileName: name, MimeType: mimeType, Content: url + "/content",
		S3Name: fmt.Sprintf("%016x", id), ArrivedAt: "2026-11-24T10:00:00.000000Z", Metadata: json.RawMessage("{}"),
	}, data}
	s.documents[id] = d
	return d
}

// AddRelation adds a relation between annotations.
func (s *Server) AddRelation(r rossum.Relation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links = append(s.links, r)
}

// AddHook adds a hook object, which must have an id.
func (s *Server) AddHook(object json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var h struct{ ID int64 }
	_ = json.Unmarshal(object, &h) // a hook without an id is listed all the same
	s.hooks[h.ID] = object
}

// AddAnnotation adds an annotation object, which must have an id.
func (s *Server) AddAnnotation(object json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.annotations[gjson.GetBytes(object, "id").Int()] = object
}

// AddContent serves the content of a call's annotation at its address.
func (s *Server) AddContent(c *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contents[AnnotationID] = encode(object{"content": c.tree()})
}

// AddExports serves the queue export of a call's annotation in every format, as
// package native writes it.
func (s *Server) AddExports(c *Call) {
	for _, f := range native.Formats() {
		var data bytes.Buffer
		if err := native.Write(&data, f, native.Options{}, c.Payload()); err != nil {
			panic("rossumtest: " + err.Error()) // the call has values that the format cannot hold
		}
		s.AddExport(string(f), data.Bytes())
	}
}

// AddExport serves what the queue export of an annotation answers for a format.
func (s *Server) AddExport(format string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exports[format] = data
}

// HookSecrets returns the secrets that were saved for a hook.
func (s *Server) HookSecrets(id int64) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.secrets[id])
}

// Document returns the bytes of a document, and whether it is there.
func (s *Server) Document(id int64) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.documents[id]
	if d == nil {
		return nil, false
	}
	return d.data, true
}

// DocumentCount returns how many documents there are.
func (s *Server) DocumentCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.documents)
}

// Artefacts returns the bytes of the documents that export relations of an
// annotation hold, by reference key.
func (s *Server) Artefacts(annotationID int64) map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[string][]byte)
	for _, r := range s.relations {
		if rossum.IDOf(r.Annotation) != annotationID {
			continue
		}
		for _, url := range r.Documents {
			if d := s.documents[rossum.IDOf(url)]; d != nil {
				found[r.Key] = d.data
			}
		}
	}
	return found
}

func refuse(w http.ResponseWriter, status int, detail string) {
	answer(w, status, object{"detail": detail})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encode(v)) // the caller notices a broken connection itself
}

func id(r *http.Request) int64 {
	n, _ := strconv.ParseInt(r.PathValue("id"), 10, 64) // 0 is never found
	return n
}

func (s *Server) createDocument(w http.ResponseWriter, r *http.Request) {
	file, header, err := r.FormFile("content")
	if err != nil {
		refuse(w, http.StatusBadRequest, "content: No file was submitted.")
		return
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, rossum.MaxDocumentSize+1))
	if err != nil || len(data) > rossum.MaxDocumentSize {
		refuse(w, http.StatusRequestEntityTooLarge, "The document is too large.")
		return
	}
	mimeType, _, _ := mime.ParseMediaType(header.Header.Get("Content-Type"))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	d := s.addDocument(s.nextID, header.Filename, mimeType, data)
	d.ArrivedAt = time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	if metadata := r.FormValue("metadata"); json.Valid([]byte(metadata)) {
		d.Metadata = json.RawMessage(metadata)
	}
	answer(w, http.StatusCreated, d.Document)
}

func (s *Server) getDocument(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.documents[id(r)]; d != nil {
		answer(w, http.StatusOK, d.Document)
		return
	}
	refuse(w, http.StatusNotFound, "Not found.")
}

func (s *Server) getDocumentContent(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	d := s.documents[id(r)]
	s.mu.Unlock()
	if d == nil {
		refuse(w, http.StatusNotFound, "Not found.")
		return
	}
	w.Header().Set("Content-Type", d.MimeType)
	w.Header().Set("Content-Length", strconv.Itoa(len(d.data)))
	_, _ = w.Write(d.data) // the caller notices a broken connection itself
}

func (s *Server) deleteDocument(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.documents[id(r)] == nil {
		refuse(w, http.StatusNotFound, "Not found.")
		return
	}
	delete(s.documents, id(r))
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.exports[r.FormValue("format")]
	if !ok {
		refuse(w, http.StatusBadRequest, "Unknown format.")
		return
	}
	_, _ = w.Write(data) // the caller notices a broken connection itself
}

func (s *Server) getContent(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	content := s.contents[id(r)]
	if content == nil {
		refuse(w, http.StatusNotFound, "Not found.")
		return
	}
	answer(w, http.StatusOK, content)
}
