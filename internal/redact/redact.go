// Package redact cuts secrets out of what people and machines will read: log
// lines, error texts, reports, messages.
//
// A [Redactor] knows the secrets of one run: the hook's secrets, tokens,
// passwords. It finds each one as it is and in the forms it takes on its way:
// escaped for JSON, URLs and HTML, in base64, and with letters that another
// charset has made of those beyond ASCII.
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
// goroutines, and secrets may be added while it is in use. What it does with a
// text takes a time that grows with the text, whatever is in it.
type Redactor struct {
	mu     sync.RWMutex
	known  map[string]bool
	plain  index
	folded index  // of forms that may be broken into lines; see foldedForms
	lost   index  // of forms without letters beyond ASCII; see lostForms
	starts starts // of all
}

// New returns a redactor that knows the given secrets.
func New(secrets ...string) *Redactor {
	r := &Redactor{}
	r.Add(secrets...)
	return r
}

// Add makes more secrets known. Texts shorter than [MinLength] are passed over.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		if r.known[s] { // its forms take time
			continue
		}
		if r.known == nil {
			r.known = make(map[string]bool)
		}
		r.known[s] = true
		for _, form := range forms(s) {
			r.plain.add(form)
			r.starts.add(form)
		}
		for _, form := range foldedForms(s) {
			r.folded.add(form)
			r.starts.add(form)
		}
		for _, form := range lostForms(s) {
			if !isASCII(s) {
				r.plain.add(form) // for texts where the letters are not there
			}
			r.lost.add(form)
			r.starts.add(form)
		}
	}
}

// AddHook adds the secrets of a hook, by their names. That called type is not one: it says
// what kind of secrets the others are, as in "sftp".
func (r *Redactor) AddHook(secrets map[string]string) {
	for name, secret := range secrets {
		if name != "type" {
			r.Add(secret)
		}
	}
}

// String returns the text without secrets, and without values that are some by their names or
// their place in an address.
func (r *Redactor) String(text string) string {
	if r == nil {
		return text
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	found := merged(r.plainSpans(text), r.layeredSpans(text, 0))
	if len(found) == 0 {
		return text
	}
	return cut(text, found)
}

// Bytes returns the text without secrets.
func (r *Redactor) Bytes(text []byte) []byte { return []byte(r.String(string(text))) }

// span is a part of a text, from its first byte to the one after its last.
type span struct{ from, to int }

// merged returns lists of spans as one, in their order and without overlaps.
func merged(lists ...[]span) []span {
	all := slices.Concat(lists...)
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b span) int { return a.from - b.from })
	list := all[:0]
	for _, s := range all {
		list = appendSpan(list, s)
	}
	return list
}

// plainSpans finds the secrets that a text has in one of their [forms], and beginnings of
// them at its end or before an ellipsis.
func (r *Redactor) plainSpans(text string) []span {
	named := merged(namedSpans(text), addressSpans(text), r.lostSpans(text))
	if !r.starts.mayBeIn(text) {
		return named
	}
	in := &search{text: text, ends: []int{len(text)}}
	for _, mark := range ellipses {
		in.ends = append(in.ends, places(text, mark)...)
	}
	slices.Sort(in.ends)
	for _, at := range places(text, Placeholder) { // of an earlier pass
		in.hidden = append(in.hidden, span{at, at + len(Placeholder)})
	}
	return merged(named, r.plain.find(r.starts, in), r.foldedSpans(text))
}

// minCut is the length in bytes from which the beginning of a secret is hidden that
// somebody has cut off.
const minCut = 8

// ellipses are what is put where a text was cut off.
var ellipses = []string{"...", "…", "**", "[...]", "[…]"}

// foldedSpans finds secrets that are broken into lines or groups.
func (r *Redactor) foldedSpans(text string) []span {
	if len(text) < minFolded || !strings.ContainsAny(text, " \t\n:\\") {
		return nil
	}
	found := r.folded.find(r.starts, &search{text: squeeze(text)})
	return unsqueezed(text, found)
}

// cut puts one placeholder for each span; they are in their order.
func cut(text string, spans []span) string {
	var out strings.Builder
	done := 0
	for _, s := range spans {
		out.WriteString(text[done:s.from])
		out.WriteString(Placeholder)
		done = s.to
	}
	out.WriteString(text[done:])
	return out.String()
}

// sensitive are words in the names of headers and query parameters whose values
// are never shown.
var sensitive = []string{
	"authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "api_key", "signature", "subscription-key", "credential", "session",
	"passwd", "pwd", "passphrase", "passcode", "assertion", "saml", "jwt", "csrf", "xsrf", "verifier", "bearer",
	"access-key", "access_key", "accesskey", "auth-key", "auth_key", "authkey", "functions-key", "private-key", "private_key", "privatekey",
}

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
			shown[name] = append(shown[name], r.String(withoutParameters(v)))
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
	if err != nil || strings.Contains(u.Opaque, "//") { // which has a user where no URL has one
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
		u.RawQuery = parameter.ReplaceAllStringFunc(u.RawQuery, withoutValue)
	}
	shown := strings.ReplaceAll(u.String(), "%E2%80%A6@", "…@")
	return r.String(shown)
}

// Address returns a method and an address as they may be shown where no secret is known, for
// what prints itself; "" for no method.
func Address(method, address string) string {
	return strings.TrimSpace(method + " " + (*Redactor)(nil).URL(address))
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

// withoutValue hides the value of a parameter with a sensitive name, with the question marks
// that are in it. A sensitive name may also follow a question mark within the value of another
// parameter, as in an address that was joined from two with a query each.
func withoutValue(part string) string {
	name, _, _ := strings.Cut(part, "=")
	for at := 0; ; {
		if plain, err := url.QueryUnescape(name); err != nil || SensitiveName(plain) {
			return part[:at] + name + "=" + Placeholder
		}
		next := strings.IndexByte(part[at:], '?')
		if next < 0 {
			return part
		}
		at += next + 1
		piece, _, _ := strings.Cut(part[at:], "?")
		name, _, _ = strings.Cut(piece, "=")
	}
}

// withoutParameters hides those of the addresses that a text has, such as the value of a
// header: the signature of a presigned one, a code, a token.
func withoutParameters(text string) string {
	if !strings.Contains(text, "=") || !strings.ContainsAny(text, "?#") {
		return text
	}
	return addressed.ReplaceAllStringFunc(text, func(part string) string { return part[:1] + withoutValue(part[1:]) })
}

// addressed is a parameter of an address that is a part of a text.
var addressed = regexp.MustCompile(`[?&;#][^\s?&;#=<>"']+=[^\s&;#<>"']+`)

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
// secrets, in messages as in attributes of any kind, and with the beginning of what is long
// ([Redactor.Said]).
func (r *Redactor) Handler(next slog.Handler) slog.Handler { return &handler{r, next} }

type handler struct {
	redactor *Redactor
	next     slog.Handler
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, h.redactor.Said(record.Message), record.PC)
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
		v = slog.StringValue(h.redactor.Said(v.String()))
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
			return slog.AnyValue(&cleanError{text: h.redactor.Said(v.Error()), err: v})
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
				return slog.StringValue(h.redactor.Said(string(data)))
			}
		}
	}
	text := string(data)
	if err != nil {
		text = slog.AnyValue(v).String()
	}
	if clean := h.redactor.Said(text); clean != text {
		return slog.StringValue(clean)
	}
	plain := slog.AnyValue(v).String()
	if clean := h.redactor.Said(plain); clean != plain {
		return slog.StringValue(clean)
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
