package requestprocessor

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/ordered"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// call is a compiled Call.
type call struct {
	place, name string
	auth        auth // nil for none
	request     *request
	iterate     *reqproc.Path // nil for none
	item        string
	priority    []*handler
	handlers    []*handler
	looks       bool     // a handler looks at the status of the reply
	wants       []string // members of the reply that handlers read
	wantsAll    bool     // a handler reads the body as a value, and does not only search it
}

// request is a compiled Request.
type request struct {
	place         string
	url           *reqproc.Template
	method        string
	fixedURL      string // of a URL without placeholders
	lowerCase     bool   // the settings spell the method otherwise
	content       *reqproc.Template
	contentType   string
	headers       []header
	params        *reqproc.Template
	timeout       time.Duration
	ignoreTimeout bool
}

type header struct {
	name    string // canonical
	spelled string // as in the settings
	value   *reqproc.Template
}

// handler is a compiled Handler.
type handler struct {
	place     string
	condition *reqproc.Condition // nil for none
	target    string             // schema_id, property or document_relation
	key       string
	value     *reqproc.Extractor // nil for none
}

var (
	methods      = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	contentTypes = []string{"json", "form", "files", "multipart", "raw"}
	targets      = []string{"schema_id", "property", "document_relation"}
)

// Limits of what settings may ask for.
const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 3600 // seconds
)

func (c *compiler) oneOf(place, text string, known []string) string {
	if slices.Contains(known, text) {
		return text
	}
	hint := ""
	if best := settings.Nearest(text, known); best != "" && text != "" {
		hint = "; did you mean " + best + "?"
	}
	c.faults.Add(place, "%q is unknown (expected one of %s%s)", text, strings.Join(known, ", "), hint)
	return ""
}

func (c *compiler) method(place, text string) string {
	if text == "" {
		c.faults.Add(place, "is missing")
		return ""
	}
	return c.oneOf(place, strings.ToUpper(text), methods)
}

func (c *compiler) call(place string, s Call) *call {
	out := &call{place: place, name: s.Name}
	givesToken := false
	if s.Auth != nil {
		out.auth = c.auth(settings.Join(place, "auth"), *s.Auth)
		_, signs := out.auth.(*oauth1)
		givesToken = out.auth != nil && !signs
	}
	at := settings.Join(place, "request")
	out.iterate, out.item = c.iterate(at, s.Request)
	roots := append(slices.Clone(dataRoots), "sequence")
	if givesToken {
		roots = append(roots, "token")
	}
	if out.item != "" {
		roots = append(roots, out.item)
		for _, h := range slices.Concat(s.Priority, s.Handlers) {
			c.learn(h) // an element may use what the one before it has set
		}
	}
	out.request = c.request(at, s.Request, roots)
	if givesToken && !out.request.names("token") {
		c.faults.Add(settings.Join(place, "auth"), "gets a token that the request does not use; put \"Authorization\": \"Bearer {token}\" into request.headers")
	}
	for i, h := range s.Priority {
		out.priority = append(out.priority, c.handler(settings.Index(settings.Join(place, "priority_response_handlers"), i), h))
		c.learn(h)
	}
	for i, h := range s.Handlers {
		out.handlers = append(out.handlers, c.handler(settings.Index(settings.Join(place, "response_handlers"), i), h))
		c.learn(h)
	}
	all := slices.Concat(out.priority, out.handlers)
	out.looks = slices.ContainsFunc(all, (*handler).looks)
	out.wantsAll = slices.ContainsFunc(all, (*handler).seesAll)
	for _, member := range reqproc.ResponseKeys {
		if slices.ContainsFunc(all, func(h *handler) bool { return h.sees(member) }) {
			out.wants = append(out.wants, member)
		}
	}
	return out
}

// learn notes what a handler sets.
func (c *compiler) learn(h Handler) {
	if h.TargetType == TargetProperty && !slices.Contains(c.known, h.TargetKey) {
		c.known = append(c.known, h.TargetKey)
	}
}

func (c *compiler) request(place string, s Request, roots []string) *request {
	r := &request{place: place, ignoreTimeout: s.IgnoreTimeout, timeout: time.Duration(s.TimeoutS) * time.Second}
	c.require(place, "url", s.URL)
	r.url = c.url(settings.Join(place, "url"), s.URL, roots)
	if r.url != nil {
		if v, ok := r.url.Literal(); ok && v.Text() == strings.TrimSpace(v.Text()) {
			r.fixedURL, _ = address.Join([]address.Part{{Text: v.Text()}}, nil) // c.url has told of a fault
		}
	}
	r.method = c.method(settings.Join(place, "method"), s.Method)
	r.lowerCase = r.method != s.Method
	if r.contentType = s.ContentType; s.ContentType != "" {
		r.contentType = c.oneOf(settings.Join(place, "content_type"), s.ContentType, contentTypes)
	}
	if r.contentType == "raw" {
		r.contentType = ""
	}
	r.content = c.value(settings.Join(place, "content"), s.Content, roots...)
	c.parts(settings.Join(place, "content"), r)
	r.headers = c.headers(settings.Join(place, "headers"), s.Headers, roots)
	r.params = c.object(settings.Join(place, "params"), s.Params, roots...)
	switch {
	case s.TimeoutS < 0 || s.TimeoutS > maxTimeout:
		c.faults.Add(settings.Join(place, "timeout"), "%d is not between 1 and %d seconds", s.TimeoutS, maxTimeout)
	case s.TimeoutS == 0:
		r.timeout = defaultTimeout
	}
	return r
}

// url compiles an address; one without placeholders is checked at once.
func (c *compiler) url(place, text string, roots []string) *reqproc.Template {
	t := c.text(place, text, roots...)
	if t == nil {
		return nil
	}
	if v, ok := t.Literal(); ok {
		if _, err := address.Join([]address.Part{{Text: v.Text()}}, nil); err != nil {
			c.faults.AddErr(place, err)
		}
	}
	return t
}

func (c *compiler) headers(place string, headers map[string]string, roots []string) []header {
	var list []header
	for name, text := range ordered.ByKey(headers) {
		t, err := reqproc.CompileText(text, c.options(roots...))
		c.faults.AddErr(settings.Join(place, name), err)
		list = append(list, header{http.CanonicalHeaderKey(name), name, t})
	}
	slices.SortFunc(list, func(a, b header) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(list); i++ {
		if list[i].name == list[i-1].name {
			c.faults.Add(settings.Join(place, list[i].name), "is given twice, in different cases")
		}
	}
	return list
}

// parts checks the shape of a body of files.
func (c *compiler) parts(place string, r *request) {
	if r.content == nil || r.contentType != "files" && r.contentType != "multipart" {
		return
	}
	names, values, ok := r.content.Members()
	if v, literal := r.content.Literal(); !ok && literal {
		c.faults.Add(place, "is %s, expected an object such as {\"file\": [\"name.pdf\", \"{payload.document.content.@}\"]}", reqproc.Describe(v))
	}
	for i, name := range names {
		if n := values[i].Elements(); n >= 0 && (n < 2 || n > 3) {
			c.faults.Add(settings.Join(place, name), "is a list of length %d, expected a file name, its content, and optionally its media type", n)
		}
	}
}

// names reports whether the request has a placeholder of the context.
func (r *request) names(root string) bool {
	templates := []*reqproc.Template{r.url, r.content, r.params}
	for _, h := range r.headers {
		templates = append(templates, h.value)
	}
	for _, t := range templates {
		if t != nil && slices.ContainsFunc(t.Paths(), func(p *reqproc.Path) bool { return p.Root() == root }) {
			return true
		}
	}
	return false
}

func (c *compiler) handler(place string, s Handler) *handler {
	h := &handler{place: place, key: s.TargetKey}
	h.target = c.oneOf(settings.Join(place, "target_type"), string(s.TargetType), targets)
	c.require(place, "target_key", s.TargetKey)
	if _, err := formatKey(s.TargetKey, 0); err != nil {
		c.faults.AddErr(settings.Join(place, "target_key"), err)
	}
	h.condition = c.condition(settings.Join(place, "condition"), s.Condition, false, responseRoots...)
	switch {
	case s.Value != nil:
		h.value = reqproc.CompileExtractor(settings.Join(place, "value"), s.Value, &c.faults)
	case h.target == "schema_id" || h.target == "property":
		c.faults.Add(settings.Join(place, "value"), "is missing, which target_type %s needs", h.target)
	}
	return h
}

// looks reports whether the handler sees the status of the reply.
func (h *handler) looks() bool { return h.sees("status_code") || h.sees("ok") || h.sees("reason") }

// sees reports whether the handler reads a member of the reply.
func (h *handler) sees(member string) bool {
	if h.condition != nil && slices.ContainsFunc(h.condition.Paths(), func(p *reqproc.Path) bool {
		return p.Root() == "response" && (p.Name(1) == "" || p.Name(1) == member)
	}) {
		return true
	}
	return h.value != nil && h.value.Reads(member)
}

// seesAll reports whether the handler reads the reply as one value.
func (h *handler) seesAll() bool {
	if h.condition != nil && slices.ContainsFunc(h.condition.Paths(), func(p *reqproc.Path) bool {
		return p.Root() == "response" && p.Len() == 1
	}) {
		return true
	}
	return h.value != nil && h.value.ReadsAll()
}
