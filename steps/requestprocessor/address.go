package requestprocessor

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// fillURL fills a URL in. Values of documents are encoded for their place, and refused
// if they would separate something there, since the engine lets them; what an API has
// said is a part of the URL, as the engine takes it. Neither chooses a host that the
// settings, the auth request and the formulas do not name.
func (r *run) fillURL(ctx context.Context, t *reqproc.Template, s *reqproc.Scope) (string, error) {
	filled, err := t.Parts(ctx, s)
	if err != nil {
		return "", err
	}
	parts := make([]address.Part, len(filled))
	for i, p := range filled {
		parts[i].Text = p.Text
		if p.Path == nil {
			continue
		}
		from := r.originOf(p.Path)
		if from == ownText {
			continue
		}
		parts[i].Value, parts[i].Path = "{"+p.Path.String()+"}", true
		parts[i].Raw, parts[i].Strict = from == fromAPI, from == fromDocument
		if p.Path.Root() == "field" && strings.HasPrefix(p.Text, "/") {
			parts[i].Rest = strings.Contains(pipelinerun.FormulaOf(r.x, p.Path.Name(1)), "/")
		}
	}
	if last := parts[len(parts)-1].Text; last != strings.TrimRight(last, " \t\r\n") {
		r.decide("the blanks at the end of %s are left out; the engine would send them as a part of the path", last)
	}
	return address.Join(parts, func(u *url.URL) bool { return r.known.Allows(u) || pipelinerun.AllowsURL(r.x, u) })
}

// origin says who has written a value.
type origin string

const (
	fromDocument origin = ""    // a stranger, or nobody knows
	fromAPI      origin = "api" // what a call was answered
	ownText      origin = "own" // the hook's settings and secrets, and this run
)

// originOf returns the origin of what a path leads to.
func (r *run) originOf(p *reqproc.Path) origin {
	switch root := p.Root(); {
	case root == "sequence":
		return ownText
	case root == "property":
		return r.origins[p.Name(1)]
	case root == "payload" && slices.Contains([]string{"settings", "secrets", "base_url", "hook"}, p.Name(1)):
		return ownText
	case root == "token", root == "response", root == "found_value":
		return fromAPI
	case root == r.item:
		return r.itemOrigin
	}
	return fromDocument
}

// originOfContent returns the origin of a property that a get_content sets: that of
// whatever its templates name, and of a stranger if it is a document.
func (r *run) originOfContent(c *content) origin {
	if c.source != "explicit" {
		return fromDocument
	}
	from := ownText
	for _, t := range c.explicit {
		for _, p := range t.Paths() {
			switch r.originOf(p) {
			case fromDocument:
				return fromDocument
			case fromAPI:
				from = fromAPI
			}
		}
	}
	return from
}

// address fills in the URL of a request and its parameters.
func (q *request) address(ctx context.Context, r *run, s *reqproc.Scope, params *reqproc.Template) (string, error) {
	address, err := q.fixedURL, error(nil)
	if address == "" {
		address, err = r.fillURL(ctx, q.url, s)
	}
	if err != nil {
		return "", fail(q.place+".url", err)
	}
	if params == nil {
		return withQuery(address, ""), nil
	}
	v, err := params.FillSent(ctx, s)
	if err != nil {
		return "", fail(q.place+".params", err)
	}
	if v.IsNone() {
		return withQuery(address, ""), nil
	}
	pairs, err := formPairs(ctx, v)
	if err != nil {
		return "", fail(q.place+".params", err)
	}
	return withQuery(address, string(send.URLEncoded(pairs...))), nil
}

// withQuery adds parameters to those that an address has, as Python's requests does: after
// an ampersand, whatever is before it, and without a question mark if there are none.
func withQuery(address, query string) string {
	address, fragment, _ := strings.Cut(address, "#")
	address, own, _ := strings.Cut(address, "?")
	if own != "" && query != "" {
		own += "&"
	}
	if query = own + query; query != "" {
		query = "?" + query
	}
	if fragment != "" {
		fragment = "#" + fragment
	}
	return address + query + fragment
}
