package requestprocessor

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/exportpipeline/exportpipeline/internal/charset"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/internal/textenc"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// reply is an API's reply as handlers see it.
type reply struct {
	*send.Reply
	excerpt   func() string // of the body
	took      time.Duration
	mediaType string // as the header spells it

	// After build.
	response pyvalue.Value
	document *xmldoc.Document
	badXML   error
	badBody  error    // the body is not what its media type says
	empty    bool     // it says that it is JSON, and has no body
	notes    []string // how the engine reads this reply otherwise, or to anybody's surprise
}

// is reports whether the media type has a word in it, spelled as the engine looks for
// it: case counts.
func (r *reply) is(word string) bool { return strings.Contains(r.mediaType, word) }

func (r *reply) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// build makes the response object, of those members that somebody wants, and of the text
// and the body, by which the engine judges every reply. JSON that handlers do nothing but
// search is not made into values as a whole.
func (r *reply) build(ctx context.Context, wants []string, all bool) {
	if lower := strings.ToLower(r.mediaType); lower != r.mediaType && (strings.Contains(lower, "application/json") && !r.is("application/json") || strings.Contains(lower, "xml") && !r.is("xml")) {
		r.note("the Content-Type %s is not spelled in lower case, so the engine does not recognise it, and the body counts as bytes", r.mediaType)
	}
	d := pyvalue.NewDictSize(len(wants) + 2)
	for _, member := range reqproc.ResponseKeys {
		switch {
		case member == "text":
			d.SetStr(member, r.text(ctx))
		case member == "body":
			text, _ := d.GetStr("text")
			if body, ok := r.body(ctx, text, all); ok {
				d.SetStr(member, body)
			}
		case slices.Contains(wants, member):
			d.SetStr(member, r.member(member))
		}
	}
	r.response = d.Value()
}

// member is one of the members that do not come from the body's text.
func (r *reply) member(name string) pyvalue.Value {
	switch name {
	case "status_code":
		return pyvalue.Int(int64(r.Status))
	case "headers":
		headers, _ := headersOf(r.Reply)
		return headers
	case "headers_raw":
		_, raw := headersOf(r.Reply)
		return raw
	case "content":
		return pyvalue.Bytes(slices.Clip(r.Body))
	case "url":
		return pyvalue.Str(r.URL)
	case "reason":
		return pyvalue.Str(r.Reason)
	case "elapsed":
		return pyvalue.Float(r.took.Seconds())
	case "ok":
		return pyvalue.Bool(r.Status < 400)
	case "encoding":
		return r.encoding()
	}
	cookies := pyvalue.NewDict()
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		cookies.SetStr(c.Name, pyvalue.Str(c.Value))
	}
	return cookies.Value()
}

// headersOf returns {lower_snake: value} and [(Name, value)…], in the order and spelling
// of the reply. The values of a name that comes several times are joined, as Python's
// requests joins them.
func headersOf(reply *send.Reply) (normalised, raw pyvalue.Value) {
	var joined [][2]string
	at := make(map[string]int)
	for _, f := range reply.Fields() {
		key := strings.ToLower(f[0])
		if i, seen := at[key]; seen {
			joined[i][1] += ", " + f[1]
			continue
		}
		at[key] = len(joined)
		joined = append(joined, f)
	}
	d, pairs := pyvalue.NewDict(), make([]pyvalue.Value, len(joined))
	for i, f := range joined {
		d.SetStr(strings.ToLower(strings.ReplaceAll(f[0], "-", "_")), pyvalue.Str(f[1]))
		pairs[i] = pyvalue.NewTuple(pyvalue.Str(f[0]), pyvalue.Str(f[1]))
	}
	return d.Value(), pyvalue.NewList(pairs...)
}

// encoding is the charset of the header, or what a media type implies.
func (r *reply) encoding() pyvalue.Value {
	if r.namesCharset() {
		if _, params, err := mime.ParseMediaType(r.mediaType); err == nil && params["charset"] != "" {
			return pyvalue.Str(params["charset"])
		}
	}
	switch {
	case r.is("text"):
		return pyvalue.Str("ISO-8859-1")
	case r.is("application/json"):
		return pyvalue.Str("utf-8")
	}
	return pyvalue.None()
}

// namesCharset reports whether the media type names a charset, which most do not.
func (r *reply) namesCharset() bool {
	return strings.Contains(r.mediaType, "charset") || strings.Contains(strings.ToLower(r.mediaType), "charset")
}

// text is the body as a text, in the charset of the header where that names one, else in
// that of the XML declaration.
func (r *reply) text(ctx context.Context) pyvalue.Value {
	if r.is("application/json") && !r.namesCharset() && utf8.Valid(r.Body) && !bytes.HasPrefix(r.Body, []byte("\ufeff")) {
		return pyvalue.Str(unsafe.String(unsafe.SliceData(r.Body), len(r.Body))) // which nobody changes
	}
	if r.is("text") && !r.namesCharset() && utf8.Valid(r.Body) && !isASCII(r.Body) {
		r.note("the Content-Type %s names no charset, and the text is UTF-8; the engine would read it as ISO-8859-1", r.mediaType)
	}
	text := r.decoded(ctx)
	if r.namesCharset() {
		r.noteCharset(text)
	}
	return pyvalue.Str(text)
}

func (r *reply) decoded(ctx context.Context) string {
	if charset.Declared(r.mediaType) == nil && strings.Contains(strings.ToLower(r.mediaType), "xml") {
		if text, err := xmldoc.Decode(ctx, r.Body); err == nil {
			return text
		}
	}
	text, _ := charset.Text(ctx, r.Body, r.mediaType) // the error is that of ctx, which ends the run
	return text
}

// noteCharset tells of a reply that the engine would read as another text than ours. It puts
// U+FFFD in place of what is not in the charset that the header names, keeps a byte order
// mark, and reads UTF-8 where Python has no charset of the name.
func (r *reply) noteCharset(text string) {
	name := charset.Name(r.mediaType)
	switch declared := charset.Declared(r.mediaType); {
	case !charset.Known(r.mediaType):
		r.note("the charset that %s names is not known, and the text is read as UTF-8 or ISO-8859-1", r.mediaType)
	case charset.Marked(r.Body) && declared == nil:
		r.note("the text begins with a byte order mark, which decides over the charset of %s and is left out; the engine would keep it", r.mediaType)
	case declared == nil && !utf8.Valid(r.Body):
		r.note("the text is not in the charset that %s names, and is read as ISO-8859-1; the engine would put U+FFFD in place of what it cannot read", r.mediaType)
	case !textenc.IsPythons(name):
		if !isASCII(r.Body) {
			r.note("the engine does not know the charset that %s names, and would read the text as UTF-8", r.mediaType)
		}
	case !readsAs(name, r.Body, text):
		r.note("not all of the text is in the charset that %s names; the engine would put U+FFFD in place of what it cannot read", r.mediaType)
	}
}

// readsAs reports whether Python reads a body in a charset of its own as that text. Bodies may
// be large, and most are in UTF-8 or ASCII: those are compared where they are.
func readsAs(name string, body []byte, text string) bool {
	if text == string(body) && isASCII(body) {
		return true // a charset that reads ASCII otherwise has made another text of it
	}
	codec, err := textenc.Lookup(name)
	if err != nil || codec == textenc.UTF8 {
		return text == string(body)
	}
	pythons, _ := codec.Decode(body, func(textenc.Fault) (string, error) { return "\ufffd", nil }) // which replaces all faults
	return text == pythons
}

// body is the parsed body, if the media type is one that says what it is.
func (r *reply) body(ctx context.Context, text pyvalue.Value, all bool) (pyvalue.Value, bool) {
	_, typed := r.Header["Content-Type"]
	switch {
	case r.is("application/json"):
		if strings.TrimSpace(text.Text()) == "" {
			r.empty = true
			return pyvalue.None(), false
		}
		data := r.Body
		if r.namesCharset() && charset.Declared(r.mediaType) != nil {
			data = []byte(text.Text())
		}
		read := pyvalue.IndexReply
		if all {
			read = pyvalue.FromReply
		}
		v, err := read(ctx, data, false)
		if ctx.Err() != nil { // which says nothing about the reply
			r.badBody = context.Cause(ctx)
			return pyvalue.None(), false
		}
		if err != nil {
			r.badBody = fmt.Errorf("the reply (status %d) says %s, but cannot be read as JSON: %w; it begins with %q", r.Status, r.mediaType, err, r.excerpt())
			return pyvalue.None(), false
		}
		if bytes.HasPrefix(r.Body, []byte("\ufeff")) {
			r.note("the JSON begins with a byte order mark, on which the engine fails")
		}
		return v, true
	case r.is("xml"), r.is("text"):
		return text, true
	case !typed || r.is("unknown"):
		return pyvalue.None(), false
	}
	return pyvalue.Bytes(r.Body), true
}

// isText reports whether the media type is one that the engine reads as a text.
func (r *reply) isText() bool {
	lower := strings.ToLower(r.mediaType)
	return strings.Contains(lower, "json") || strings.Contains(lower, "xml") || strings.Contains(lower, "text")
}

func isASCII(data []byte) bool {
	return !slices.ContainsFunc(data, func(b byte) bool { return b >= utf8.RuneSelf })
}

// broken says why the engine would fail on the reply, whatever a handler asks of it:
// it parses each whole. Here those handlers work that have no need of the body.
func (r *reply) broken(ctx context.Context) error {
	if r.empty {
		return fmt.Errorf("the reply (status %d) says %s, but is empty", r.Status, r.mediaType)
	}
	if r.badBody == nil && r.is("xml") && !r.is("application/json") {
		text, _ := r.response.Dict().GetStr("text")
		_, err := r.xml(ctx, text.Text())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("the reply (status %d) says %s, but cannot be read as XML: %w", r.Status, r.mediaType, err)
		}
	}
	return r.badBody
}

// xml parses the text of the reply, once.
func (r *reply) xml(ctx context.Context, text string) (*xmldoc.Document, error) {
	if r.document == nil && r.badXML == nil {
		r.document, r.badXML = xmldoc.ParseText(ctx, text)
	}
	return r.document, r.badXML
}

// reads says why the handler cannot take its value out of the reply.
func (h *handler) reads(r *reply) error {
	if h.value == nil {
		return nil
	}
	if r.badBody != nil && (strings.HasPrefix(h.value.Context(), "response.body") || h.value.Context() == "response" && strings.Contains(h.value.String(), "body")) {
		return r.badBody
	}
	if h.value.NeedsXML() && (!r.is("xml") || r.is("application/json")) {
		return fmt.Errorf("%w; this one (status %d) has the Content-Type %q", reqproc.ErrNotXML, r.Status, r.mediaType)
	}
	return nil
}
