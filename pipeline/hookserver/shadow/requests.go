package shadow

import (
	"bytes"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// matching finds the recorded call for each call that would leave.
type matching struct {
	recorded []RecordedCall

	mu    sync.Mutex
	taken []bool
	made  []madeCall
}

type madeCall struct {
	pipeline.DryCall
	with int // the recorded one, -1 for none
}

func newMatching(r *Recording) *matching {
	m := &matching{}
	if r != nil {
		m.recorded = r.Calls
	}
	m.taken = make([]bool, len(m.recorded))
	return m
}

// answer takes a call, and returns the answer that the recorded one has got.
func (m *matching) answer(c pipeline.DryCall) (pipeline.DryReply, bool) {
	if !isHTTP(c.URL) {
		return pipeline.DryReply{}, false // files for servers are compared as files
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.best(c)
	m.made = append(m.made, madeCall{c, at})
	if at < 0 {
		return pipeline.DryReply{}, false
	}
	m.taken[at] = true
	r := m.recorded[at]
	return pipeline.DryReply{Status: r.Status, Header: r.ReplyHeader.Clone(), Body: bytes.Clone(r.ReplyBody)}, r.Status != 0
}

func isHTTP(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

// best is the first free call that is the same, or goes to the same address, or differs
// in the query only; -1 if there is none.
func (m *matching) best(c pipeline.DryCall) int {
	for _, fits := range []func(RecordedCall) bool{
		func(r RecordedCall) bool { return r.URL == c.URL && bytes.Equal(r.Body, c.Body) },
		func(r RecordedCall) bool { return r.URL == c.URL },
		func(r RecordedCall) bool { return withoutQuery(r.URL) == withoutQuery(c.URL) },
	} {
		for i, r := range m.recorded {
			if !m.taken[i] && strings.EqualFold(r.Method, c.Method) && fits(r) {
				return i
			}
		}
	}
	return -1
}

func withoutQuery(address string) string {
	before, _, _ := strings.Cut(address, "?")
	return before
}

// differences compares all calls, and counts those that had a recorded one.
func (m *matching) differences(clean func([]byte) (string, bool)) (all []RequestDifference, compared int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pairRest()
	for _, c := range m.made {
		one := RequestDifference{Step: c.Step, Method: c.Method, URL: shownURL(c.URL, clean)}
		switch {
		case c.with >= 0:
			compared++
			all = append(all, partsOf(one, m.recorded[c.with], c.DryCall, clean)...)
		case !asksForToken(c.Body):
			one.Difference = Difference{Hosted: -1, Here: len(c.Body)}
			all = append(all, one)
		}
	}
	for i, r := range m.recorded {
		if !m.taken[i] && !asksForToken(r.Body) {
			only := Difference{Hosted: len(r.Body), Here: -1}
			all = append(all, RequestDifference{Method: r.Method, URL: shownURL(r.URL, clean), Difference: only})
		}
	}
	return all, compared
}

// pairRest pairs, in their order, calls to one host that have found none: their paths
// differ, which is better said as a difference than as two calls too many.
func (m *matching) pairRest() {
	for i := range m.made {
		c := &m.made[i]
		if c.with >= 0 || asksForToken(c.Body) {
			continue
		}
		for j, r := range m.recorded {
			if !m.taken[j] && hostOf(r.URL) == hostOf(c.URL) && !asksForToken(r.Body) {
				c.with, m.taken[j] = j, true
				break
			}
		}
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// asksForToken reports that a body is that of an OAuth token request. The hosted chain may
// have had a token that this one had not, and the other way round.
func asksForToken(body []byte) bool {
	return len(body) < 1<<16 && bytes.Contains(body, []byte("grant_type"))
}

// shownURL is an address without secrets.
func shownURL(address string, clean func([]byte) (string, bool)) string {
	if u, err := url.Parse(address); err == nil && u.User != nil {
		u.User = nil
		address = u.String()
	}
	if text, ok := clean([]byte(address)); ok {
		return text
	}
	return withoutQuery(address)
}

// partsOf compares a call that would leave with one that has left.
func partsOf(
	one RequestDifference, recorded RecordedCall, made pipeline.DryCall, clean func([]byte) (string, bool),
) (all []RequestDifference) {
	add := func(part string, hosted, here []byte, clean func([]byte) (string, bool)) {
		if d, differs := difference(hosted, here, clean); differs {
			one.Part, one.Difference = part, d
			all = append(all, one)
		}
	}
	add("method", []byte(strings.ToUpper(recorded.Method)), []byte(made.Method), clean)
	if !sameButToken(recorded.URL, made.URL) {
		add("URL", []byte(recorded.URL), []byte(made.URL), clean)
	}
	hostedBody, hereBody := withoutBoundary(recorded.Header, recorded.Body), withoutBoundary(made.Header, made.Body)
	for _, name := range headerNames(recorded.Header, made.Header) {
		hosted, here := valuesOf(recorded.Header, name), valuesOf(made.Header, name)
		if d, differs := headerDifference(name, hosted, here, clean); differs {
			one.Part, one.Difference = "header "+name, d
			all = append(all, one)
		}
	}
	if !sameButToken(string(hostedBody), string(hereBody)) {
		if asksForToken(hostedBody) || asksForToken(hereBody) {
			clean = nothing
		}
		add("body", hostedBody, hereBody, clean)
	}
	return all
}

// nothing is shown of what holds credentials.
func nothing([]byte) (string, bool) { return "", false }

// sameButToken reports that two texts are equal, but for a token that a dry run has made up.
func sameButToken(hosted, here string) bool {
	before, after, made := strings.Cut(here, pipeline.DryToken)
	if !made {
		return hosted == here
	}
	return len(hosted) >= len(before)+len(after) && strings.HasPrefix(hosted, before) && strings.HasSuffix(hosted, after)
}

// ofTheWay are headers that the client, the connection or a proxy sets, not the settings.
var ofTheWay = []string{
	"Accept-Encoding", "Baggage", "Connection", "Content-Length", "Date", "Expect", "Forwarded", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Traceparent", "Tracestate", "Upgrade", "User-Agent", "Via", "X-Amzn-Trace-Id", "X-Real-Ip", "X-Request-Id",
}

// headerNames are the names of the headers that count, in order.
func headerNames(headers ...http.Header) (names []string) {
	for _, h := range headers {
		for name := range h {
			name = textproto.CanonicalMIMEHeaderKey(name)
			if !strings.HasPrefix(name, ":") && !strings.HasPrefix(name, "X-Forwarded-") && !slices.Contains(ofTheWay, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// valuesOf are the values of a header in one text, and nil without it.
func valuesOf(h http.Header, name string) []byte {
	var values []string
	for spelt, all := range h {
		if textproto.CanonicalMIMEHeaderKey(spelt) == name {
			values = append(values, all...)
		}
	}
	if values == nil {
		return nil
	}
	text := strings.Join(values, ", ")
	switch name {
	case "Content-Type":
		text = replaceBoundary(text)
	case "Authorization":
		text = everyCall.ReplaceAllString(text, `$1="…"`)
	}
	return []byte(text)
}

// everyCall are the parameters of OAuth 1.0a that are others in every call.
var everyCall = regexp.MustCompile(`(oauth_nonce|oauth_timestamp|oauth_signature)="[^"]*"`)

// headerDifference compares a header. A call without Accept takes everything.
func headerDifference(name string, hosted, here []byte, clean func([]byte) (string, bool)) (Difference, bool) {
	if name == "Accept" {
		hosted, here = orAll(hosted), orAll(here)
	}
	if hosted != nil && sameButToken(string(hosted), string(here)) {
		return Difference{}, false
	}
	if sensitive.MatchString(name) {
		clean = nothing
	}
	d, differs := difference(hosted, here, clean)
	switch { // one of them has none; an empty one is something else
	case hosted == nil:
		d.Hosted, differs = -1, true
	case here == nil:
		d.Here, differs = -1, true
	}
	return d, differs
}

func orAll(value []byte) []byte {
	if value == nil {
		return []byte("*/*")
	}
	return value
}

// sensitive are names of headers whose values are not shown.
var sensitive = regexp.MustCompile(`(?i)auth|cookie|token|secret|password|key|signature|credential|session`)

// boundaryOf is the boundary of a form, which is another one in every call; "" without one.
func boundaryOf(contentType string) string {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return ""
	}
	return parameters["boundary"]
}

// sameBoundary stands for the boundaries of forms.
const sameBoundary = "BOUNDARY"

func replaceBoundary(contentType string) string {
	if boundaryOf(contentType) == "" {
		return contentType
	}
	kind, parameters, _ := mime.ParseMediaType(contentType) // as above
	parameters["boundary"] = sameBoundary
	return mime.FormatMediaType(kind, parameters)
}

// withoutBoundary is a body with one boundary for all forms.
func withoutBoundary(h http.Header, body []byte) []byte {
	for name, values := range h {
		if textproto.CanonicalMIMEHeaderKey(name) != "Content-Type" || len(values) == 0 {
			continue
		}
		if boundary := boundaryOf(values[0]); boundary != "" {
			return bytes.ReplaceAll(body, []byte("--"+boundary), []byte("--"+sameBoundary))
		}
	}
	return body
}
