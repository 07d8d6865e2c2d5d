// Package redact cuts secrets out of what people and machines will read: log
// lines, error texts, reports, messages.
//
// A [Redactor] knows the secrets of one run: the hook's secrets, tokens,
// passwords. It finds each one as it is and in the forms it takes on its way:
// escaped for JSON, URLs and HTML, and in base64.
package redact

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Placeholder stands where a secret was.
const Placeholder = "[secret]"

// MinLength is the length in bytes below which a text is not treated as a
// secret: hiding every "1" or "de" would make reports unreadable and tell more
// than it hides.
const MinLength = 4

// Redactor replaces the secrets that it knows. It may be used by several
// goroutines, and secrets may be added while it is in use.
type Redactor struct {
	mu       sync.RWMutex
	secrets  map[string]bool
	replacer *strings.Replacer
	folded   map[string]bool // forms that may be broken into lines; see foldedForms
	starts   starts
}

// New returns a redactor that knows the given secrets.
func New(secrets ...string) *Redactor {
	r := &Redactor{secrets: make(map[string]bool), folded: make(map[string]bool)}
	r.Add(secrets...)
	return r
}

// Add makes more secrets known. Texts shorter than [MinLength] are passed over.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.secrets)
	for _, s := range secrets {
		for _, form := range forms(s) {
			r.secrets[form] = true
		}
		for _, form := range foldedForms(s) {
			r.folded[form] = true
		}
	}
	if len(r.secrets) == before {
		return
	}
	r.starts = startsOf(r.secrets, r.folded)
	all := make([]string, 0, len(r.secrets))
	for s := range r.secrets {
		all = append(all, s)
	}
	// Longest first: a secret that is part of another must not leave the rest of
	// it readable. strings.Replacer tries old strings in argument order.
	slices.SortFunc(all, func(a, b string) int {
		if d := len(b) - len(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	pairs := make([]string, 0, 2*len(all))
	for _, s := range all {
		pairs = append(pairs, s, Placeholder)
	}
	r.replacer = strings.NewReplacer(pairs...)
}

// String returns the text without secrets.
func (r *Redactor) String(text string) string {
	if r == nil {
		return text
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.replacer == nil {
		return text
	}
	found := append(r.plainSpans(text), r.layeredSpans(text, 0)...)
	if len(found) == 0 {
		return text
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	return cut(text, found)
}

// Bytes returns the text without secrets.
func (r *Redactor) Bytes(text []byte) []byte { return []byte(r.String(string(text))) }

// span is a part of a text, from its first byte to the one after its last.
type span struct{ from, to int }

// plainSpans finds the secrets that a text has in one of their [forms].
func (r *Redactor) plainSpans(text string) []span {
	if !r.starts.mayBeIn(text) {
		return nil
	}
	found := append(r.foldedSpans(text), r.cutSpans(text)...)
	if len(found) == 0 && r.replacer.Replace(text) == text {
		return nil
	}
	return append(found, r.spans(text)...)
}

// spans finds every secret, those that overlap as well: taken one by one, the
// second of two would keep what it does not share with the first.
func (r *Redactor) spans(text string) (found []span) {
	var shown []span // placeholders of an earlier pass
	for i := 0; ; {
		at := strings.Index(text[i:], Placeholder)
		if at < 0 {
			break
		}
		shown = append(shown, span{i + at, i + at + len(Placeholder)})
		i += at + len(Placeholder)
	}
	for form := range r.secrets {
		for i := 0; ; {
			at := strings.Index(text[i:], form)
			if at < 0 {
				break
			}
			s := span{i + at, i + at + len(form)}
			if !slices.ContainsFunc(shown, func(p span) bool { return s.from >= p.from && s.to <= p.to }) {
				found = append(found, s)
			}
			i = s.from + 1
		}
	}
	return found
}

// minCut is the length in bytes from which the beginning of a secret is hidden that
// somebody has cut off.
const minCut = 8

// ellipses are what is put where a text was cut off.
var ellipses = []string{"...", "…", "**", "[...]", "[…]"}

// cutSpans finds beginnings of secrets at the end of the text and before an ellipsis.
func (r *Redactor) cutSpans(text string) (found []span) {
	ends := []int{len(text)}
	for _, mark := range ellipses {
		for i := 0; ; {
			at := strings.Index(text[i:], mark)
			if at < 0 {
				break
			}
			ends = append(ends, i+at)
			i += at + len(mark)
		}
	}
	for _, end := range ends {
		for form := range r.secrets {
			if s, ok := cutAt(text[:end], form); ok {
				found = append(found, s)
			}
		}
	}
	return found
}

// cutAt finds the longest beginning of a form at the end of a text.
func cutAt(text, form string) (span, bool) {
	if len(form) <= minCut {
		return span{}, false
	}
	for i := max(0, len(text)-len(form)+1); ; i++ {
		at := strings.Index(text[i:], form[:minCut])
		if at < 0 {
			return span{}, false
		}
		if i += at; strings.HasPrefix(form, text[i:]) {
			return span{i, len(text)}, true
		}
	}
}

// foldedSpans finds secrets that are broken into lines or groups.
func (r *Redactor) foldedSpans(text string) (found []span) {
	if len(text) < minFolded || len(r.folded) == 0 || !strings.ContainsAny(text, " \t\n:\\") {
		return nil
	}
	squeezed, at := squeeze(text)
	for form := range r.folded {
		for i := 0; ; {
			k := strings.Index(squeezed[i:], form)
			if k < 0 {
				break
			}
			found = append(found, span{at[i+k], at[i+k+len(form)-1] + 1})
			i += k + 1
		}
	}
	return found
}

// cut puts one placeholder for each run of overlapping spans, which are sorted.
func cut(text string, spans []span) string {
	var out strings.Builder
	done := 0
	for i := 0; i < len(spans); {
		from, to := spans[i].from, spans[i].to
		for i++; i < len(spans) && spans[i].from < to; i++ {
			to = max(to, spans[i].to)
		}
		out.WriteString(text[done:from])
		out.WriteString(Placeholder)
		done = to
	}
	return out.String() + text[done:]
}

// sensitive are words in the names of headers and query parameters whose values
// are never shown.
var sensitive = []string{"authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "api_key", "signature", "subscription-key", "credential", "session"}

// SensitiveName reports whether a header or a query parameter of that name
// holds something that must not be shown, whatever its value.
func SensitiveName(name string) bool {
	name = strings.ToLower(name)
	for _, word := range sensitive {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "sig" || name == "key" || name == "code"
}

// Header returns a copy of h that may be shown.
func (r *Redactor) Header(h http.Header) http.Header {
	shown := make(http.Header, len(h))
	for name, values := range h {
		for _, v := range values {
			if SensitiveName(name) {
				v = Placeholder
			}
			shown[name] = append(shown[name], r.String(v))
		}
	}
	return shown
}

// URL returns an address that may be shown: without user and password, without
// the values of sensitive parameters, without secrets. What is no URL is only
// searched for secrets.
func (r *Redactor) URL(address string) string {
	if isBare(address) {
		return r.String(address)
	}
	return r.whole(address)
}

// whole does so for what may have any part of a URL.
func (r *Redactor) whole(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return r.String(unparsed(address))
	}
	if u.Fragment != "" && strings.Contains(u.Fragment, "=") {
		// OAuth's implicit flow has its token there.
		u.Fragment, u.RawFragment = Placeholder, Placeholder
	}
	if u.User != nil {
		u.User = url.User("…")
	}
	if u.RawQuery != "" {
		u.RawQuery = parameter.ReplaceAllStringFunc(u.RawQuery, func(part string) string {
			name, _, _ := strings.Cut(part, "=")
			if plain, err := url.QueryUnescape(name); err != nil || SensitiveName(plain) {
				return name + "=" + Placeholder
			}
			return part
		})
	}
	shown := strings.ReplaceAll(u.String(), "%E2%80%A6@", "…@")
	return r.String(shown)
}

// isBare reports a URL of scheme, host and path alone that is written as [url.URL] writes
// it.
func isBare(address string) bool {
	rest, ok := strings.CutPrefix(address, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(address, "http://"); !ok {
			return false
		}
	}
	for i := range len(rest) {
		switch c := rest[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && strings.IndexByte("-._/:", c) >= 0:
		default:
			return false
		}
	}
	return rest != ""
}

// parameter is one of a query, however these are separated.
var parameter = regexp.MustCompile(`[^&;]+`)

// unparsed shows of what is no URL only what cannot be a password: the end of
// its user part is unknown, and so is where its query begins.
func unparsed(address string) string {
	address, _, query := strings.Cut(address, "?")
	if scheme, rest, ok := strings.Cut(address, "//"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			address = scheme + "//…" + rest[at:]
		}
	}
	if query {
		address += "?…"
	}
	return address
}

// Handler returns a [slog.Handler] that passes records on to next without
// secrets, in messages as in attributes of any kind.
func (r *Redactor) Handler(next slog.Handler) slog.Handler { return &handler{r, next} }

type handler struct {
	redactor *Redactor
	next     slog.Handler
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, h.redactor.String(record.Message), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return &handler{h.redactor, h.next.WithAttrs(clean)}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.redactor, h.next.WithGroup(h.redactor.String(name))}
}

func (h *handler) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if SensitiveName(a.Key) && v.Kind() != slog.KindBool && !(v.Kind() == slog.KindAny && v.Any() == nil) {
		return slog.String(h.redactor.String(a.Key), Placeholder)
	}
	switch v.Kind() {
	case slog.KindString:
		v = slog.StringValue(h.redactor.String(v.String()))
	case slog.KindGroup:
		group := v.Group()
		clean := make([]slog.Attr, len(group))
		for i, member := range group {
			clean[i] = h.attr(member)
		}
		v = slog.GroupValue(clean...)
	case slog.KindAny:
		v = h.anyValue(v.Any())
	}
	return slog.Attr{Key: h.redactor.String(a.Key), Value: v}
}

// anyValue shows a value as text where the text has a secret, and leaves it as
// it is where it has none.
func (h *handler) anyValue(v any) slog.Value {
	switch v := v.(type) {
	case error:
		if _, own := v.(json.Marshaler); own { // its JSON is another text than Error's
			return slog.AnyValue(&cleanError{text: h.redactor.String(v.Error()), err: v})
		}
		return slog.AnyValue(h.redactor.Error(v))
	case http.Header:
		return slog.AnyValue(h.redactor.Header(v))
	case *url.URL:
		return slog.StringValue(h.redactor.URL(v.String()))
	}
	data, err := json.Marshal(v)
	if err == nil {
		var members any
		if (data[0] == '{' || data[0] == '[') && json.Unmarshal(data, &members) == nil && hide(members) {
			data, err = json.Marshal(members)
			if err == nil {
				return slog.StringValue(h.redactor.String(string(data)))
			}
		}
	}
	text := string(data)
	if err != nil {
		text = slog.AnyValue(v).String()
	}
	if clean := h.redactor.String(text); clean != text {
		return slog.StringValue(clean)
	}
	if plain := slog.AnyValue(v).String(); h.redactor.String(plain) != plain {
		return slog.StringValue(h.redactor.String(plain))
	}
	return slog.AnyValue(v)
}

// hide puts placeholders for the members with sensitive names and reports
// whether there were any.
func hide(v any) bool {
	found := false
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if SensitiveName(name) && member != nil {
				v[name], found = Placeholder, true
			} else if hide(member) {
				found = true
			}
		}
	case []any:
		for _, element := range v {
			found = hide(element) || found
		}
	}
	return found
}
