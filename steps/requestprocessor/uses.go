package requestprocessor

import (
	"context"
	"net/http"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

var _ pipeline.Describer = (*Step)(nil)

// Uses lists the fields and secrets that placeholders name, the fields that replies are
// written to, and the documents that they make. In conditions, and in what get_content
// gathers, a field that is not there counts as null.
func (s *Step) Uses(int64) []pipeline.Use {
	compiled := s.compiled
	if compiled == nil {
		compiled, _ = s.compile() // the faults are those of Compile
	}
	u := &uses{program: compiled, wrote: make(map[string]bool)}
	for _, st := range compiled.stages {
		u.stage(st)
	}
	return u.list
}

// uses is a list in the making.
type uses struct {
	program *program
	list    []pipeline.Use
	wrote   map[string]bool // schema_ids that replies of earlier stages are written to
}

func (u *uses) stage(st *stage) {
	like := pipeline.Use{}
	if len(st.evaluate) > 0 {
		like.If = []*pipeline.Condition{u.condition(st)}
	}
	for _, g := range st.evaluate {
		u.paths(pathsOf(g.condition), pipeline.Use{Place: settings.Join(g.place, "condition"), Optional: true, Steers: true}, "")
	}
	for _, c := range st.contents {
		soft := pipeline.Use{Place: settings.Join(c.place, "query"), Optional: true, If: like.If}
		u.paths(pathsOf(c.query), soft, "")
		for _, t := range c.explicit {
			u.template(t, soft, "")
		}
	}
	for _, c := range st.calls {
		u.call(c, like)
	}
}

// condition holds where a stage is due. What it says of a reply, or of a field that an
// earlier stage writes to, is not known before this step runs.
func (u *uses) condition(st *stage) *pipeline.Condition {
	c := &pipeline.Condition{}
	known := true
	for _, g := range st.evaluate {
		for _, p := range pathsOf(g.condition) {
			switch {
			case p.Root() == "field" && p.Name(1) != "" && !u.wrote[p.Name(1)]:
				c.Reads = append(c.Reads, p.Name(1))
			case p.Root() != "payload" || p.Name(1) == "annotation" && p.Name(2) == "content":
				known = false
			}
		}
	}
	if !known {
		return c
	}
	c.Holds = func(ctx context.Context, x *pipeline.Export) (bool, error) {
		r := newRun(x, u.program)
		for _, g := range st.evaluate {
			s := r.quiet(g.place)
			s.Note = nil
			if holds, _, err := g.condition.Holds(ctx, s); err != nil || !holds {
				return false, err
			}
		}
		return true, nil
	}
	return c
}

func (u *uses) call(c *call, like pipeline.Use) {
	table := ""
	if c.iterate != nil {
		over := like
		over.Place = settings.Join(c.request.place, "iterate_over")
		u.paths([]*reqproc.Path{c.iterate}, over, "")
		if table = c.iterate.Name(1); c.iterate.Root() == "field" {
			like.IfFields = append(slices.Clone(like.IfFields), table)
		} else {
			like.Conditional, table = true, ""
		}
	}
	u.auth(c, like)
	item := func(p *reqproc.Path) string {
		if c.item != "" && p.Root() == c.item {
			return table
		}
		return ""
	}
	u.request(c.request, like, item)
	for _, h := range slices.Concat(c.priority, c.handlers) {
		u.handler(h, like)
	}
	sends := pipeline.Use{Kind: pipeline.UseSends, Name: c.request.method, Place: c.request.place, Conditional: like.Conditional, If: like.If}
	if c.request.method == http.MethodGet {
		sends.Kind = pipeline.UseAsks
	}
	u.list = append(u.list, sends)
}

func (u *uses) request(r *request, like pipeline.Use, item func(*reqproc.Path) string) {
	at := func(key string, t *reqproc.Template) {
		if t == nil {
			return
		}
		like.Place = settings.Join(r.place, key)
		like.Steers = key == "url"
		for _, p := range t.Paths() {
			u.paths([]*reqproc.Path{p}, like, item(p))
		}
	}
	at("url", r.url)
	for _, h := range r.headers {
		at(settings.Join("headers", h.name), h.value)
	}
	at("content", r.content)
	at("params", r.params)
	if r.content != nil && slices.ContainsFunc(r.content.Paths(), func(p *reqproc.Path) bool { return p.Root() == "field" && p.Len() == 2 }) {
		u.list = append(u.list, pipeline.Use{Kind: pipeline.UseTypes, Place: settings.Join(r.place, "content"), Conditional: like.Conditional, If: like.If})
	}
}

// auth lists what the request of a token names.
func (u *uses) auth(c *call, like pipeline.Use) {
	if c.auth == nil {
		return
	}
	like.Place = c.auth.authPlace()
	for _, t := range c.auth.templates() {
		u.template(t, like, "")
	}
}

func (a *oauth1) templates() (list []*reqproc.Template) {
	for _, f := range a.texts {
		list = append(list, f.template)
	}
	return list
}

func (a *bearer) templates() []*reqproc.Template {
	list := []*reqproc.Template{a.url, a.content, a.params}
	for _, h := range a.headers {
		list = append(list, h.value)
	}
	return list
}

func (a *certificate) templates() []*reqproc.Template {
	return []*reqproc.Template{a.url, a.clientID, a.certificateID, a.key, a.audience, a.grantType, a.assertionType, a.scope, a.claims, a.params}
}

// handler lists what a reply makes. A handler that looks at the reply before it acts
// may never act.
func (u *uses) handler(h *handler, like pipeline.Use) {
	like.Conditional = like.Conditional || h.condition != nil
	if h.condition != nil {
		u.paths(pathsOf(h.condition), pipeline.Use{Place: settings.Join(h.place, "condition"), Optional: true}, "")
	}
	key, err := formatKey(h.key, 0)
	if err != nil {
		return
	}
	like.Name, like.Place = key, settings.Join(h.place, "target_key")
	switch h.target {
	case "schema_id":
		like.Kind, like.Single = pipeline.UseWrites, true
		u.wrote[key] = true
	case "document_relation":
		like.Kind = pipeline.UseMakes
	default:
		return
	}
	u.list = append(u.list, like)
}

// pathsOf lists what a condition names; nil for none.
func pathsOf(c *reqproc.Condition) []*reqproc.Path {
	if c == nil {
		return nil
	}
	return c.Paths()
}

func (u *uses) template(t *reqproc.Template, like pipeline.Use, table string) {
	if t != nil {
		u.paths(t.Paths(), like, table)
	}
}

// paths lists fields and secrets; table is what the paths are below, if they begin at
// the item of an iteration.
func (u *uses) paths(paths []*reqproc.Path, like pipeline.Use, table string) {
	for _, p := range paths {
		use := like
		switch {
		case table != "" && p.Root() != "field" && p.Name(1) != "" && p.Name(1) != "value":
			use.Kind, use.Name, use.In = pipeline.UseReads, p.Name(1), table
		case p.Root() == "field" && p.Name(1) != "":
			use.Kind, use.Name = pipeline.UseReads, p.Name(1)
		case p.Root() == "payload" && p.Name(1) == "secrets" && p.Name(2) != "":
			use.Kind, use.Name = pipeline.UseSecret, p.Name(2)
		default:
			continue
		}
		u.list = append(u.list, use)
	}
}
