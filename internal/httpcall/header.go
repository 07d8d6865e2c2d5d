package httpcall

import (
	"net/http"
	"slices"
	"strings"
)

// userAgent is what a call says it comes from whose settings don't say it.
const userAgent = "exportpipeline"

// canonicalOnly are the headers that net/http looks for under their canonical names:
// in another spelling it would send its own beside them.
var canonicalOnly = []string{
	"Accept-Encoding", "Authorization", "Connection", "Content-Length", "Cookie", "Expect", "Host", "Range", "Trailer", "Transfer-Encoding",
	"User-Agent",
}

// setHeader puts the headers of a call into a request, in the spelling of the settings:
// some servers look for SOAPAction or X-APIKEY. A name without values is not sent, although
// it would be by default.
func (c *Call) setHeader(req *http.Request) {
	for name, values := range c.Header {
		key := http.CanonicalHeaderKey(name)
		if key == "Host" {
			if len(values) > 0 {
				req.Host = values[len(values)-1]
			}
			continue
		}
		if key == "Content-Length" && req.ContentLength == 0 && len(values) == 1 && values[0] == "0" {
			req.Body, req.TransferEncoding = http.NoBody, []string{"identity"} // or net/http sends it with some methods only
			continue
		}
		if spelled := c.Spelling[key]; spelled != "" && http.CanonicalHeaderKey(spelled) == key && !slices.Contains(canonicalOnly, key) {
			key = spelled
		}
		req.Header[key] = append(req.Header[key], values...)
	}
	values := make([]string, 0, len(defaults)) // of one slice, which is not to grow
	for _, byDefault := range defaults {
		name, value := byDefault[0], byDefault[1]
		_, given := req.Header[name]
		_, spelled := req.Header[c.Spelling[name]]
		if !given && !spelled {
			values = append(values, value)
			req.Header[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
}

// defaults are the headers of calls whose settings don't have them.
var defaults = [][2]string{{"User-Agent", userAgent}, {"Accept", "*/*"}, {"Accept-Encoding", acceptEncoding}}

// Latin1 returns the value of a header as Python's http.client sends it, in Latin-1. What has
// letters that Latin-1 lacks stays as it is, and is not ok.
func Latin1(text string) (sent string, ok bool) {
	latin := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return text, false
		}
		latin = append(latin, byte(r))
	}
	return string(latin), true
}

// Fields returns names and values of the reply's header as they came, in their order
// and spelling. Over HTTP/2, and through a transport that is not ours, they are not
// known; they are sorted then, with canonical names.
func (r *Reply) Fields() [][2]string {
	if r.fields != nil {
		return r.fields
	}
	names, n := make([]string, 0, len(r.Header)), 0
	for name, values := range r.Header {
		names, n = append(names, name), n+len(values)
	}
	slices.Sort(names)
	all := make([][2]string, 0, n)
	for _, name := range names {
		for _, v := range r.Header[name] {
			all = append(all, [2]string{name, v})
		}
	}
	return all
}

// AsTheyCame returns names and values of the reply's header in their order and spelling,
// nil if these are not known.
func (r *Reply) AsTheyCame() [][2]string { return r.fields }

// Restore sets what [Reply.Fields] returns, for a reply that was kept.
func (r *Reply) Restore(fields [][2]string) { r.fields = fields }

// Joined returns the header as {lower_snake: value}, in the order of first appearance;
// values of a repeated name are joined with ", ".
func (r *Reply) Joined() [][2]string {
	fields := r.Fields()
	all := make([][2]string, 0, len(fields))
	find := func(key string) int { return slices.IndexFunc(all, func(f [2]string) bool { return f[0] == key }) }
	if len(fields) > 50 { // which to look through for each takes long
		at := make(map[string]int)
		find = func(key string) int {
			i, seen := at[key]
			if !seen {
				i, at[key] = -1, len(all)
			}
			return i
		}
	}
	for _, f := range fields {
		key := strings.ReplaceAll(strings.ToLower(f[0]), "-", "_")
		if i := find(key); i >= 0 {
			all[i][1] += ", " + f[1]
			continue
		}
		all = append(all, [2]string{key, f[1]})
	}
	return all
}
