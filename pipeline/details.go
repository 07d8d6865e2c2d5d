package pipeline

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// defaultBodyLimit is how many bytes of a body or a file a detailed report shows.
const defaultBodyLimit = 64 << 10

const maxBodyLimit = 1 << 30

// Details say what a report has beyond the outline of a run: header and body of each
// call and its answer, the beginning of each file, what became of the fields, and the
// messages of the answer. They are data of the document. Secrets are cut out of them: those
// that the run knows, and what stands under a name such as password or Authorization; of a
// token request neither body is shown.
type Details struct {
	// BodyLimit is how many bytes of each body, file and value of a field are shown, 64 KiB if
	// 0, and 1 GiB at most.
	BodyLimit int
}

func (d Details) on() bool { return d.BodyLimit > 0 }

// WithDetails makes reports detailed, for pages and tools: see package runpage. Without
// it, a report holds no data of the document but what URLs, messages and errors quote.
func WithDetails(d Details) Option {
	if d.BodyLimit <= 0 {
		d.BodyLimit = defaultBodyLimit
	}
	d.BodyLimit = min(d.BodyLimit, maxBodyLimit)
	return func(c *config) { c.details = d }
}

// MessageReport is a request or an answer as it may be shown.
type MessageReport struct {
	Header http.Header `json:"header,omitempty"`
	// Body is the body as text; what is not text in it is replaced by its size.
	Body string `json:"body,omitempty"`
	Size int64  `json:"size"` // of the whole body in bytes, -1 if it is not known
	// Cut says that Body is the beginning only, and Hidden why it is empty although
	// there was a body.
	Cut    bool   `json:"cut,omitempty"`
	Hidden string `json:"hidden,omitempty"`
}

// FieldReport is a field that a run has changed.
type FieldReport struct {
	ID       int64  `json:"id,omitempty"`
	SchemaID string `json:"schema_id"`
	Before   string `json:"before"`
	After    string `json:"after"`
}

// shown makes a report of a request or an answer, nil if the run wants none.
func (x *Export) shown(header http.Header, body []byte, size int64) *MessageReport {
	limit := x.run.config.details.BodyLimit
	if limit <= 0 {
		return nil
	}
	m := &MessageReport{Header: x.run.redactor.Header(header), Size: size}
	m.Body, m.Cut = redact.Beginning(string(body[:min(len(body), limit+redact.Beyond+1)]), limit, x.shownText)
	return m
}

// shownText is text without secrets, in which other bytes are replaced by their count.
func (x *Export) shownText(data string) string {
	var b strings.Builder
	hidden := 0
	flush := func() {
		if hidden > 0 {
			fmt.Fprintf(&b, "[%d bytes that are not text]", hidden)
			hidden = 0
		}
	}
	for line := range strings.Lines(data) {
		if isText(line) {
			flush()
			b.WriteString(line)
			continue
		}
		hidden += len(line)
	}
	flush()
	return x.cleanText(b.String())
}

// cleanText cuts secrets out of the text of a body or a file.
func (x *Export) cleanText(text string) string {
	text = x.Redact(text)
	text = namedValue.ReplaceAllString(text, "${1}"+redact.Placeholder+"${2}")
	text = namedElement.ReplaceAllString(text, "${1}"+redact.Placeholder+"${2}")
	return namedForm.ReplaceAllString(text, "${1}"+redact.Placeholder)
}

// What stands under these names is not shown, whatever it is: in JSON, XML and forms.
const sensitiveNames = `[\w.:-]*(?:password|passwd|secret|token|api_?key|authorization|signature|credential|assertion)[\w.-]*`

var (
	namedValue   = regexp.MustCompile(`(?i)("` + sensitiveNames + `"\s*:\s*")(?:[^"\\]|\\.)*("|$)`)
	namedElement = regexp.MustCompile(`(?i)(<` + sensitiveNames + `(?:\s[^<>]*)?>)[^<>]+(</|$)`)
	namedForm    = regexp.MustCompile(`(?i)((?:^|[&?\s])` + sensitiveNames + `=)[^&\s]+`)
)

// isText reports that a line can be shown.
func isText(line string) bool {
	if !utf8.ValidString(line) {
		return false
	}
	return strings.IndexFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }) < 0
}

// ShowRequest makes what the report shows of a request, for steps that send by
// themselves; nil if the report has no [Details].
func (x *Export) ShowRequest(ctx context.Context, header http.Header, body Content) *MessageReport {
	limit := x.run.config.details.BodyLimit
	switch {
	case limit <= 0:
		return nil
	case body == nil:
		return x.shown(header, nil, 0)
	case slices.ContainsFunc(partsOf(body), isStream):
		m := x.shown(header, nil, body.Size())
		m.Hidden = "it was sent as a stream"
		return m
	}
	r, err := body.Open(ctx)
	if err != nil {
		return x.shown(header, nil, body.Size())
	}
	defer r.Close()
	data, _ := io.ReadAll(io.LimitReader(r, int64(limit)+redact.Beyond+1)) // memory cannot fail
	return x.shown(header, data, body.Size())
}

// ShowReply makes what the report shows of an answer; nil if the report has no [Details].
func (x *Export) ShowReply(header http.Header, body []byte) *MessageReport {
	return x.shown(header, body, int64(len(body)))
}

// Hide takes the body away, if there is one, and says why.
func (m *MessageReport) Hide(why string) {
	if m != nil && m.Size != 0 {
		m.Body, m.Cut, m.Hidden = "", false, why
	}
}

// maxBinary is how many bytes of a file that is not text a report shows.
const maxBinary = 256

// detailed adds the beginning of a file to its report, if the run wants it.
func (x *Export) detailed(r FileReport, f *File) FileReport {
	limit := x.run.config.details.BodyLimit
	if limit <= 0 {
		return r
	}
	r.ContentType = f.ContentType
	window := string(f.Data[:min(len(f.Data), limit+redact.Beyond+1)])
	if isText(redact.Window(window, limit)) {
		r.Text, r.Cut = redact.Beginning(window, limit, x.cleanText)
		return r
	}
	data := f.Data[:min(len(f.Data), limit)]
	r.Cut = len(data) < len(f.Data)
	// Texts of other encodings may hold a secret that is not found as it stands there.
	plain := strings.ReplaceAll(string(data), "\x00", "")
	if x.cleanText(plain) != plain {
		return r
	}
	if len(data) > maxBinary {
		data, r.Cut = data[:maxBinary], true
	}
	r.Binary = base64.StdEncoding.EncodeToString(data)
	return r
}

// fieldsBefore keeps the values of all fields, for what becomes of them.
func (x *Export) fieldsBefore() map[int64]string {
	if !x.run.config.details.on() || x.Annotation.Content == nil {
		return nil
	}
	values := make(map[int64]string)
	walkFields(x.Annotation.Content.Sections(), func(n *rossum.Node) { values[n.ID()] = n.Value() })
	return values
}

// fieldsAfter lists the fields that have changed.
func (x *Export) fieldsAfter(before map[int64]string) (changed []FieldReport) {
	if before == nil || x.Annotation.Content == nil {
		return nil
	}
	walkFields(x.Annotation.Content.Sections(), func(n *rossum.Node) {
		if was := before[n.ID()]; was != n.Value() {
			changed = append(changed, FieldReport{n.ID(), n.SchemaID(), x.shownValue(was), x.shownValue(n.Value())})
		}
	})
	return changed
}

// shownValue is what is shown of the value of a field, which may be as long as a file.
func (x *Export) shownValue(value string) string {
	text, cut := redact.Beginning(value, x.run.config.details.BodyLimit, x.cleanText)
	if cut {
		text += "…"
	}
	return text
}

func walkFields(nodes []*rossum.Node, do func(*rossum.Node)) {
	for _, n := range nodes {
		if n.Category() == rossum.CategoryDatapoint {
			do(n)
		}
		walkFields(n.Children(), do)
	}
}
