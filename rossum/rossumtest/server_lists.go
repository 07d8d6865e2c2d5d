package rossumtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// page answers with one page of a list, as Rossum's API does.
func (s *Server) page(w http.ResponseWriter, r *http.Request, all []any) {
	size := s.pageSize
	if asked, err := strconv.Atoi(r.FormValue("page_size")); err == nil && asked > 0 {
		size = min(size, asked)
	}
	number := 1
	if asked, err := strconv.Atoi(r.FormValue("page")); err == nil && asked > 0 {
		number = asked
	}
	from, to := min((number-1)*size, len(all)), min(number*size, len(all))
	var next any
	if to < len(all) {
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(number+1))
		next = s.URL + r.URL.Path + "?" + query.Encode()
	}
	answer(w, http.StatusOK, object{
		"pagination": object{"total": len(all), "total_pages": (len(all) + size - 1) / size, "next": next, "previous": nil},
		"results":    all[from:to],
	})
}

func (s *Server) listDocumentRelations(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []any{}
	for _, id := range slices.Sorted(maps.Keys(s.relations)) {
		rel, q := s.relations[id], r.URL.Query()
		if (q.Get("annotation") == "" || q.Get("annotation") == strconv.FormatInt(rossum.IDOf(rel.Annotation), 10)) &&
			(q.Get("key") == "" || q.Get("key") == rel.Key) && (q.Get("type") == "" || q.Get("type") == rel.Type) {
			all = append(all, rel)
		}
	}
	s.page(w, r, all)
}

func (s *Server) createDocumentRelation(w http.ResponseWriter, r *http.Request) {
	var rel rossum.DocumentRelation
	if err := json.NewDecoder(r.Body).Decode(&rel); err != nil || rel.Type == "" || rossum.IDOf(rel.Annotation) == 0 {
		refuse(w, http.StatusBadRequest, "type and annotation are required.")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range s.relations {
		if old.Type == rel.Type && old.Key == rel.Key && rossum.IDOf(old.Annotation) == rossum.IDOf(rel.Annotation) {
			refuse(w, http.StatusBadRequest, "The fields type, key, annotation must make a unique set.")
			return
		}
	}
	s.nextID++
	rel.ID, rel.URL = s.nextID, fmt.Sprintf("%s/api/v1/document_relations/%d", s.URL, s.nextID)
	s.relations[rel.ID] = &rel
	answer(w, http.StatusCreated, rel)
}

func (s *Server) patchDocumentRelation(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rel := s.relations[id(r)]
	if rel == nil {
		refuse(w, http.StatusNotFound, "Not found.")
		return
	}
	var change struct {
		Documents []string `json:"documents"`
	}
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		refuse(w, http.StatusBadRequest, "Not JSON.")
		return
	}
	rel.Documents = change.Documents
	answer(w, http.StatusOK, rel)
}

func (s *Server) deleteDocumentRelation(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.relations[id(r)] == nil {
		refuse(w, http.StatusNotFound, "Not found.")
		return
	}
	delete(s.relations, id(r))
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) listRelations(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, q := []any{}, r.URL.Query()
	for _, rel := range s.links {
		fits := q.Get("type") == "" || q.Get("type") == rel.Type
		if parent := q.Get("parent"); parent != "" {
			fits = fits && strconv.FormatInt(rossum.IDOf(rel.Parent), 10) == parent
		}
		if annotation := q.Get("annotation"); annotation != "" {
			fits = fits && slices.ContainsFunc(rel.Annotations, func(url string) bool {
				return strconv.FormatInt(rossum.IDOf(url), 10) == annotation
			})
		}
		if fits {
			all = append(all, rel)
		}
	}
	s.page(w, r, all)
}

func (s *Server) listHooks(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []any{}
	for _, id := range slices.Sorted(maps.Keys(s.hooks)) {
		var h rossum.Hook
		queue, err := strconv.ParseInt(r.FormValue("queue"), 10, 64)
		if json.Unmarshal(s.hooks[id], &h) == nil && err == nil && !h.OnQueue(fmt.Sprintf("%s/api/v1/queues/%d", s.URL, queue)) {
			continue
		}
		all = append(all, s.hooks[id])
	}
	s.page(w, r, all)
}

func (s *Server) getHook(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hook := s.hooks[id(r)]; hook != nil {
		answer(w, http.StatusOK, hook)
		return
	}
	refuse(w, http.StatusNotFound, "Not found.")
}

// listAnnotations answers ?id=1,2; without ids it lists all, as the platform does.
func (s *Server) listAnnotations(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page(w, r, asked(r, s.annotations, func(a json.RawMessage) any { return a }))
}

// listDocuments answers in the same way, and knows two filters more.
func (s *Server) listDocuments(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := asked(r, s.documents, func(d *storedDocument) any { return d.Document })
	name, since := r.FormValue("original_file_name"), r.FormValue("arrived_at_after")
	s.page(w, r, slices.DeleteFunc(all, func(d any) bool {
		document := d.(rossum.Document)
		return name != "" && document.OriginalFileName != name || document.ArrivedAt < since // both in ISO 8601
	}))
}

// asked picks the objects whose ids the query names, in their order.
func asked[T any](r *http.Request, objects map[int64]T, shown func(T) any) []any {
	ids := strings.FieldsFunc(r.FormValue("id"), func(c rune) bool { return c == ',' })
	all := []any{}
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		if len(ids) == 0 || slices.Contains(ids, strconv.FormatInt(id, 10)) {
			all = append(all, shown(objects[id]))
		}
	}
	return all
}

func (s *Server) patchHook(w http.ResponseWriter, r *http.Request) {
	var change struct {
		Secrets map[string]string `json:"secrets"`
	}
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		refuse(w, http.StatusBadRequest, "Not JSON.")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hook := id(r)
	if s.secrets[hook] == nil {
		s.secrets[hook] = make(map[string]string)
	}
	maps.Copy(s.secrets[hook], change.Secrets)
	answer(w, http.StatusOK, object{"id": hook})
}
