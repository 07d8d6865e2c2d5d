package httpcall

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
)

// Cookies are those that the replies to a call and to what followed it have set, kept as a
// session of Python's requests keeps them. The zero value has none. It is not safe for
// concurrent use.
type Cookies struct{ jar *cookiejar.Jar }

// Add takes the cookies of a reply from an address.
func (c *Cookies) Add(from *url.URL, header http.Header) {
	if c.jar == nil {
		c.jar, _ = cookiejar.New(nil) // which never fails
	}
	set := (&http.Response{Header: header}).Cookies()
	if from.Scheme != "https" { // the jar would let this host have them if it is the local one
		set = slices.DeleteFunc(set, func(c *http.Cookie) bool { return c.Secure })
	}
	c.jar.SetCookies(from, set)
}

// Header returns the Cookie header of a request to an address, "" for none.
func (c *Cookies) Header(to *url.URL) string {
	if c.jar == nil {
		return ""
	}
	var pairs []string
	for _, cookie := range c.jar.Cookies(to) {
		value := cookie.Value
		if cookie.Quoted {
			value = `"` + value + `"`
		}
		pairs = append(pairs, cookie.Name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

// carryCookies makes a request that follows a redirect carry what a session of Python's
// requests has it carry: the cookies that the redirects before it have set, and those
// alone, since a Cookie header of the settings belongs to the first request. It names no
// referrer either, unless the settings do.
func (r *running) carryCookies(req *http.Request, via []*http.Request) {
	if via[0].Header.Get("Referer") == "" {
		req.Header.Del("Referer") // which net/http adds, with the query of the address before
	}
	r.cookies.Add(via[len(via)-1].URL, req.Response.Header)
	req.Header.Del("Cookie")
	if value := r.cookies.Header(req.URL); value != "" {
		req.Header.Set("Cookie", value)
	}
}
