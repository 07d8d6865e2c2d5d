package requestprocessor_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// platform is a Rossum with relations of every kind around the annotation.
func platform(t testing.TB) *rossumtest.Server {
	t.Helper()
	s := rossumtest.NewServer()
	t.Cleanup(s.Close)
	url := func(what string, id int64) string { return fmt.Sprintf("%s/api/v1/%s/%d", s.URL, what, id) }
	s.AddDocument(rossumtest.DocumentID, "invoice.pdf", "application/pdf", []byte("PDF bytes"))
	for id, name := range map[int64]string{901: "child.pdf", 902: "twin.pdf", 903: "twin2.pdf"} {
		s.AddDocument(id, name, "application/pdf", []byte("bytes of "+name))
		annotation, _ := json.Marshal(
			map[string]any{"id": id - 100, "url": url("annotations", id-100), "status": "exported", "document": url("documents", id)},
		)
		s.AddAnnotation(annotation)
	}
	own := url("annotations", rossumtest.AnnotationID)
	s.AddRelation(
		rossum.Relation{ID: 11, Type: "attachment", Parent: own, Annotations: []string{url("annotations", 801), own}, URL: url("relations", 11)},
	)
	s.AddRelation(
		rossum.Relation{
			ID:          12,
			Type:        "duplicate",
			Key:         "k",
			Annotations: []string{url("annotations", 802), url("annotations", 803)},
			URL:         url("relations", 12),
		},
	)
	s.AddRelation(rossum.Relation{ID: 13, Type: "duplicate", Key: "own", Annotations: []string{own}, URL: url("relations", 13)})
	client, err := rossum.NewClient(s.URL, rossum.Secret(s.Token), rossum.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		kind, key string
		ids       []int64
	}{{"export", "draft", []int64{701}}, {"export", "attachment_1", []int64{702, 703}}, {"attachment", "attachment_2", []int64{704}}} {
		var documents []string
		for _, id := range r.ids {
			mediaType, data := "application/pdf", fmt.Sprintf("file %d", id)
			if id == 701 {
				mediaType, data = "application/json", `{"n": "2026/0042"}`
			}
			documents = append(documents, s.AddDocument(id, fmt.Sprintf("f%d", id), mediaType, []byte(data)))
		}
		if _, err := client.CreateDocumentRelation(t.Context(), rossum.DocumentRelation{Type: r.kind, Key: r.key, Annotation: own, Documents: documents}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestGetContentFindsWhatTheSourceLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, source, query, template, want string }{
		{"one document", "document_relation_content", `{"key":{"$eq":"draft"}}`, "{property.p.original_file_name} {property.p.id}", "f701 701"},
		{"its content", "document_relation_content", `{"key":{"$eq":"draft"}}`, "{property.p.content.@.n}", "2026/0042"},
		{"all documents of one relation", "document_relation_content", `{"key":{"$eq":"attachment_1"}}`, "{property.p[0].original_file_name}{property.p[1].original_file_name}{property.p[-1].content.@}", "f702f703file 703"},
		{"by pattern, of any type", "document_relation_content", `{"key":{"$regex":"^attachment_\\d+$"}}`, "{property.p[2].original_file_name}", "f704"},
		{"by the text itself", "document_relation_content", `{"key":"{draft}"}`, "{property.p}", "[]"},
		{"a relation itself", "document_relation", `{"key":{"$eq":"draft"},"type":{"$eq":"export"}}`, "{property.p.key}", "draft"},
		{"number of documents", "document_relation", `{"documents":{"$size":{"$gt":1}}}`, "{property.p.key}", "attachment_1"},
		{"none", "document_relation", `{"key":{"$eq":"nothing"}}`, "{property.p}", "[]"},
		{"relations", "relation", `{}`, "{property.p[0].id} {property.p[1].id}", "11 13"},
		{"a relation by key", "relation", `{"key":{"$eq":"own"}}`, "{property.p.type}", "duplicate"},
		{"an annotation of a relation", "relation_content", `{"key":{"$eq":"own"}}`, "{property.p}", "[]"}, // the own annotation is not served
		{"children", "parent_relation", `{}`, "{property.p.id} {property.p.annotations[0]}", "11 BASE/api/v1/annotations/801"},
		{"content of children", "parent_relation_content", `{}`, "{property.p.document.original_file_name} {property.p.annotation.status} {property.p.type} {property.p.content.@}", "child.pdf exported attachment bytes of child.pdf"},
		{"explicit", "explicit", `["{field.number.value}"]`, "{property.p}", "2026/0042"},
		{"explicit, several", "explicit", `["{field.number.value}", "{payload.annotation.id}", {"a": "{field.count}"}]`, "{property.p[0]} {property.p[1]} {property.p[2].a}", "2026/0042 314528 3"},
		{"explicit address", "explicit", `["{payload.document.url}/content"]`, "{property.p.@}", "PDF bytes"},
		{"explicit object", "explicit", `["{payload.document.url.@}"]`, "{property.p.original_file_name}", "invoice.pdf"},
		{"explicit of nothing", "explicit", `["{payload.nothing.at.all}"]`, "<{property.p}>", "<>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := platform(t)
			a := serve(t, nil)
			settings := `{"stages":[{"get_content":[{"name":"p","source":"` + tt.source + `","query":` + tt.query + `}],"call_api":[{"name":"c","request":{"url":"API","method":"POST","content":"` + tt.template + `!"}}]}]}`
			r := run(t, a, invoice(rossumtest.On(s)), settings)
			if r.Err != nil || len(a.requests()) != 1 {
				t.Fatalf("%v, %d requests", r.Err, len(a.requests()))
			}
			if got, want := a.requests()[0].body, strings.ReplaceAll(tt.want, "BASE", s.URL)+"!"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if tt.want == "<>" && !strings.Contains(decisions(r), "{payload.nothing.at.all} counts as null") {
				t.Errorf("the report says %s", decisions(r))
			}
		})
	}
}

func TestRelationsAreListedOnceInARun(t *testing.T) {
	t.Parallel()
	s := platform(t)
	get := func(name, source, query string) string {
		return `{"name":"` + name + `","source":"` + source + `","query":` + query + `}`
	}
	settings := `{"stages":[{"get_content":[` + strings.Join([]string{
		get(
			"a",
			"document_relation",
			"{}",
		), get("b", "document_relation_content", `{"key":{"$eq":"draft"}}`), get("c", "document_relation", `{"key":{"$eq":"draft"}}`),
		get(
			"d",
			"parent_relation",
			"{}",
		), get("e", "parent_relation_content", "{}"), get("f", "relation", "{}"), get("g", "relation_content", `{"key":{"$eq":"own"}}`),
	}, ",") + `]}]}`
	r := run(t, nil, invoice(rossumtest.On(s)), settings)
	calls := strings.Join(s.Calls(), " ")
	if r.Err != nil || strings.Count(calls, "GET document_relations") != 1 || strings.Count(calls, "GET relations") != 2 ||
		strings.Count(calls, "GET annotations") != 2 ||
		strings.Count(calls, "GET documents/") != 1 {
		t.Errorf("%v\n%s", r.Err, calls)
	}
}

func TestAddressesAreFetchedOnceInARun(t *testing.T) {
	t.Parallel()
	s := platform(t)
	a := serve(t, nil)
	r := run(
		t,
		a,
		invoice(rossumtest.On(s)),
		`{"stages":[{"call_api":[{"name":"c","request":{"url":"API/{payload.document.url.@.id}","method":"POST",`+
			`"content":"{item.sku.value} {payload.document.url.@.original_file_name}","iterate_over":"field.lines"}}]}]}`,
	)
	if r.Err != nil || a.paths() != "POST /314621, POST /314621" || strings.Count(strings.Join(s.Calls(), " "), "GET documents/") != 1 {
		t.Errorf("%v %s %v", r.Err, a.paths(), s.Calls())
	}
}

func TestTheTokenIsFetchedWithOnlyOnRossumsDomain(t *testing.T) {
	t.Parallel()
	thief := serve(t, nil)
	s := platform(t)
	for _, address := range []string{
		thief.URL + "/x", strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/api/v1/documents/701", "https://thief.example/api/v1/x", "https://rossum.app.thief.example/x",
		"https://user:pw@127.0.0.1/x", "https://elis.rossum.ai/x", s.URL + ".thief.example/x",
	} {
		call := invoice(rossumtest.On(s), rossumtest.Field("address", address))
		a := serve(t, nil)
		r := run(
			t,
			a,
			call,
			`{"stages":[{"call_api":[{"name":"c","request":{"url":"API","method":"POST","content":"{field.address.value.@}"}}]}]}`,
		)
		if r.Err == nil || len(a.requests()) != 0 || len(thief.requests()) != 0 ||
			!strings.Contains(r.Err.Error(), "stages[0].call_api[0].request.content (c): {field.address.value.@}: fetching ") {
			t.Errorf("%s: %v, sent %v", address, r.Err, thief.requests())
		}
		// In an explicit query it counts as null, and the report says so.
		r = run(t, a, call, `{"stages":[{"get_content":[{"name":"p","source":"explicit","query":["{field.address.value.@}"]}]}]}`)
		if plain := !strings.Contains(address, "user:pw") && !strings.HasPrefix(address, s.URL+"."); plain &&
			(r.Err != nil || !strings.Contains(decisions(r), ".@ does not leave Rossum's own domain")) {
			t.Errorf("%s: %v\n%s", address, r.Err, decisions(r))
		}
	}
}

func TestFilesOfEarlierStepsNeedNoRossum(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	chain, err := pipeline.New(draft("application/json", `{"a":1}`), step(t, a, `{"stages":[
		{"get_content":[{"name":"d","source":"document_relation_content","query":{"key":{"$eq":"draft"}}},{"name":"r","source":"document_relation","query":{}},{"name":"n","source":"document_relation","query":{"key":{"$eq":"x"}}}],
		 "call_api":[{"name":"c","request":{"url":"API","method":"POST","content":"{property.d.original_file_name} {property.d.content.@} {property.r.key} {property.r.documents[0]} {property.n}"}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r := runStep(t, chain, offline())
	if r.Err != nil || a.requests()[0].body != `draft.json {"a":1} draft file:draft []` {
		t.Errorf("%v %v", r.Err, a.requests())
	}
}

// What get_content cannot get ends the run: no later call is made.
func TestContentThatCannotBeHadEndsTheRun(t *testing.T) {
	t.Parallel()
	s := platform(t)
	for name, tt := range map[string]struct {
		call     *rossumtest.Call
		settings string
		want     string
	}{
		"no Rossum":         {offline(), `{"name":"p","source":"relation","query":{}}`, "stages[0].get_content[0] (p): no client of Rossum's API"},
		"no document":       {invoice(rossumtest.On(s)), `{"name":"p","source":"explicit","query":["{payload.annotation.url.@}"]}`, "stages[0].get_content[0].query[0] (p): {payload.annotation.url.@}: fetching " + s.URL + "/api/v1/annotations/314528: Rossum API: GET"},
		"an unusable order": {invoice(rossumtest.On(s)), `{"name":"p","source":"relation","query":{"id":{"$gt":"x"}}}`, "stages[0].get_content[0].query (p): id.$gt: a number cannot be compared with a string"},
	} {
		a := serve(t, nil)
		r := run(
			t,
			a,
			tt.call,
			`{"stages":[{"get_content":[`+tt.settings+
				`],"call_api":[{"request":{"url":"API/1","method":"POST"}}]},{"call_api":[{"request":{"url":"API/2",`+
				`"method":"POST"}}]}]}`,
		)
		if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) || len(a.requests()) != 0 {
			t.Errorf("%s: %v, %d requests", name, r.Err, len(a.requests()))
		}
	}
}
