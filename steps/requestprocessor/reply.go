package requestprocessor

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/charset"
	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// reply is an API's reply as handlers see it.
type reply struct {
	*send.Reply
	took      time.Duration
	mediaType string        // as the header spells it
	response  pyvalue.Value // after build
	badBody   error         // after build: the body is not what its media type says
}

// build makes the response object, for those who look at it.
func (r *reply) build() {
	d := pyvalue.NewDict()
	d.SetStr("status_code", pyvalue.Int(int64(r.Status)))
	headers, raw := headersOf(r.Reply)
	d.SetStr("headers", headers)
	d.SetStr("headers_raw", raw)
	text := r.text()
	if body, ok := r.body(text); ok {
		d.SetStr("body", body)
	}
	d.SetStr("text", text)
	d.SetStr("content", pyvalue.Bytes(slices.Clip(r.Body)))
	d.SetStr("url", pyvalue.Str(r.URL))
	d.SetStr("ok", pyvalue.Bool(r.Status < 400))
	d.SetStr("reason", pyvalue.Str(r.Reason))
	d.SetStr("elapsed", pyvalue.Float(r.took.Seconds()))
	d.SetStr("encoding", r.encoding())
	cookies := pyvalue.NewDict()
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		cookies.SetStr(c.Name, pyvalue.Str(c.Value))
	}
	d.SetStr("cookies", cookies.Value())
	r.response = d.Value()
}

// headersOf returns {lower_snake: value} and [(Name, value)…], in the order and spelling
// of the reply.
func headersOf(reply *send.Reply) (normalised, raw pyvalue.Value) {
	d, pairs := pyvalue.NewDict(), []pyvalue.Value{}
	for _, f := range reply.Joined() {
		d.SetStr(f[0], pyvalue.Str(f[1]))
	}
	for _, f := range reply.Fields() {
		pairs = append(pairs, pyvalue.NewTuple(pyvalue.Str(f[0]), pyvalue.Str(f[1])))
	}
	return d.Value(), pyvalue.NewList(pairs...)
}

// encoding is the charset of the header, or what a media type implies.
func (r *reply) encoding() pyvalue.Value {
	_, params, err := mime.ParseMediaType(r.mediaType)
	lower := strings.ToLower(r.mediaType)
	switch {
	case err == nil && params["charset"] != "":
		return pyvalue.Str(params["charset"])
	case strings.Contains(lower, "text"):
		return pyvalue.Str("ISO-8859-1")
	case strings.Contains(lower, "application/json"):
		return pyvalue.Str("utf-8")
	}
	return pyvalue.None()
}

// text is the body as a text, in the charset of the header where that names one, else in
// that of the XML declaration.
func (r *reply) text() pyvalue.Value {
	if charset.Declared(r.mediaType) == nil && strings.Contains(strings.ToLower(r.mediaType), "xml") {
		if text, err := xmldoc.Decode(r.Body); err == nil {
			return pyvalue.Str(text)
		}
	}
	return pyvalue.Str(charset.Text(r.Body, r.mediaType))
}

// body is the parsed body, if the media type is one that says what it is.
func (r *reply) body(text pyvalue.Value) (pyvalue.Value, bool) {
	lower := strings.ToLower(r.mediaType)
	switch {
	case lower == "" || strings.Contains(lower, "unknown"):
		return pyvalue.None(), false
	case strings.Contains(lower, "application/json"):
		if strings.TrimSpace(text.Text()) == "" {
			return pyvalue.None(), false
		}
		data := r.Body
		if charset.Declared(r.mediaType) != nil {
			data = []byte(text.Text())
		}
		v, err := pyvalue.FromReply(data, false)
		if err != nil {
			r.badBody = fmt.Errorf("the reply (status %d) says %s, but it is not JSON: %w; it begins with %q", r.Status, r.mediaType, err, excerpt(r.Body))
			return pyvalue.None(), false
		}
		return v, true
	case strings.Contains(lower, "xml"), strings.Contains(lower, "text"):
		return text, true
	}
	return pyvalue.Bytes(r.Body), true
}

// reads says why the handler cannot take its value out of the reply.
func (h *handler) reads(r *reply) error {
	if h.value == nil {
		return nil
	}
	if r.badBody != nil && (strings.HasPrefix(h.value.Context(), "response.body") || h.value.Context() == "response" && strings.Contains(h.value.String(), "body")) {
		return r.badBody
	}
	if h.value.NeedsXML() && !strings.Contains(strings.ToLower(r.mediaType), "xml") {
		return fmt.Errorf("%w; this one (status %d) has the Content-Type %q", reqproc.ErrNotXML, r.Status, r.mediaType)
	}
	return nil
}
