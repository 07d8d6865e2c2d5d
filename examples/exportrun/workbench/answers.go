package workbench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// shownHook is a hook in the list at the left.
type shownHook struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
	File string `json:"file"`
}

// answerState reads everything again and lists the hooks.
func (b *Bench) answerState(context.Context, []byte) (any, error) {
	if err := b.reload(); err != nil {
		return nil, err
	}
	place, _ := b.work()
	hooks := []shownHook{}
	for _, h := range place.Shown {
		hooks = append(hooks, shownHook{h.ID, h.Name, place.kind(h), h.File})
	}
	return map[string]any{"title": place.Title, "payload": place.File, "hooks": hooks, "names": names(place)}, nil
}

// kind says in a word or two what a hook is.
func (p *Place) kind(h *rossum.Hook) string {
	switch kind := ""; {
	case h.Type == "function":
		return "function"
	case p.Kind != nil:
		if kind = p.Kind(h); kind != "" {
			return kind
		}
		fallthrough
	default:
		return h.Type
	}
}

func decode[T any](body []byte) (*T, error) {
	var v T
	return &v, json.Unmarshal(body, &v)
}

// openedHook is a hook as it is in its file.
type openedHook struct {
	Settings string `json:"settings"`
	Texts    []text `json:"texts"`
}

func (b *Bench) answerHook(_ context.Context, body []byte) (any, error) {
	q, err := decode[struct {
		ID int64 `json:"id"`
	}](body)
	if err != nil {
		return nil, err
	}
	_, documents := b.work()
	d := documents[q.ID]
	if d == nil {
		return nil, errNoHook
	}
	return openedHook{d.settings(), textsOfHook(d, edit{}, d.settings())}, nil
}

func (b *Bench) answerTry(ctx context.Context, body []byte) (any, error) {
	a, err := decode[attempt](body)
	if err != nil {
		return nil, err
	}
	return b.try(ctx, a)
}

func (b *Bench) answerSave(_ context.Context, body []byte) (any, error) {
	q, err := decode[struct {
		ID int64 `json:"id"`
		edit
	}](body)
	if err != nil {
		return nil, err
	}
	return struct{}{}, b.save(q.ID, q.edit)
}

func (b *Bench) answerData(_ context.Context, body []byte) (any, error) {
	q, err := decode[struct {
		Query string `json:"query"`
	}](body)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	data := b.data
	b.mu.Unlock()
	return search(data, q.Query), nil
}

// answerRun runs the whole chain dry and keeps its page.
func (b *Bench) answerRun(ctx context.Context, body []byte) (any, error) {
	q, err := decode[struct {
		Edits map[int64]edit `json:"edits"`
	}](body)
	if err != nil {
		return nil, err
	}
	place, documents := b.work()
	edited, err := editedHooks(documents, q.Edits)
	if err != nil {
		return nil, err
	}
	place = place.with(edited)
	chain, err := place.Chain(place.Hooks, func(*pipeline.Finding) {})
	if err != nil {
		return nil, err
	}
	defer chain.Close()
	report, err := place.run(ctx, chain)
	if report == nil {
		return nil, err
	}
	page, err := runpage.Page(report)
	if err != nil {
		return nil, err
	}
	return map[string]string{"page": "/run/" + b.keepPage(page)}, nil
}

// pages are the newest pages of runs, by an id that nobody can guess.
type pages struct {
	ids   []string
	pages map[string][]byte
}

// maxPages is how many pages are kept.
const maxPages = 20

func (b *Bench) keepPage(page []byte) (id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id = rand.Text()
	p := &b.pages
	if p.pages == nil {
		p.pages = make(map[string][]byte)
	}
	p.pages[id], p.ids = page, append(p.ids, id)
	if len(p.ids) > maxPages {
		delete(p.pages, p.ids[0])
		p.ids = p.ids[1:]
	}
	return id
}

// servePage serves the page of a run, whose id is known only to who has started it.
func (b *Bench) servePage(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	page := b.pages.pages[r.PathValue("id")]
	b.mu.Unlock()
	if page == nil {
		http.Error(w, "There is no such run; run the chain again.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Security-Policy", runpage.Policy()+"; frame-ancestors 'self'")
	serveAsset(w, "text/html; charset=utf-8", page)
}
