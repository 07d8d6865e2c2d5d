package address

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Known are the hosts that calls may go to although a value chooses them: origins
// such as https://erp.example:8443, and hosts such as erp.example (any scheme and
// port) or erp.example:8443.
type Known []string

// Allows reports whether a URL is on a known host. An origin with http also stands for
// https, but not the other way round.
func (k Known) Allows(u *url.URL) bool {
	host, port := strings.ToLower(u.Hostname()), portOf(u)
	return slices.ContainsFunc(k, func(entry string) bool {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if strings.Contains(entry, "://") {
			o, err := url.Parse(entry)
			return err == nil && o.Hostname() == host && (o.Scheme == u.Scheme && portOf(o) == port || o.Scheme == "http" && u.Scheme == "https" && o.Port() == u.Port())
		}
		if h, p, err := net.SplitHostPort(entry); err == nil {
			return h == host && p == port
		}
		return strings.Trim(entry, "[]") == host && host != ""
	})
}

// IsHost reports whether a call can match an entry: a host, a host with a port, or an origin.
func IsHost(entry string) bool {
	entry = strings.TrimSpace(entry)
	if strings.Contains(entry, "://") {
		o, err := url.Parse(entry)
		return err == nil && o.User == nil && (o.Path == "" || o.Path == "/") && o.RawQuery == "" && o.Fragment == "" && isName(o.Hostname())
	}
	if h, p, err := net.SplitHostPort(entry); err == nil {
		_, err := strconv.ParseUint(p, 10, 16)
		return err == nil && isName(h)
	}
	return isName(strings.Trim(entry, "[]"))
}

// isName reports whether a text can be the host of a URL.
func isName(host string) bool {
	if strings.Contains(host, ":") {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	return host != "" && !strings.ContainsAny(host, " \t\r\n*?#/@\\[]%")
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	case u.Scheme == "sftp":
		return "22"
	}
	return "443"
}

var literalOrigin = regexp.MustCompile(`(?i)\bhttps?://(?:[^\s/?#@'"{}\\]*@)?([a-z0-9.-]+(?::[0-9]+)?|\[[0-9a-f:.]+\](?::[0-9]+)?)`)

// Literals returns the origins of the URLs that a text, such as a formula or settings,
// has literally. One whose host the text only begins, as in f"https://erp.{x}", is not
// among them.
func Literals(text string) Known {
	var all Known
	for _, at := range literalOrigin.FindAllStringSubmatchIndex(text, -1) {
		if end := at[1]; end < len(text) && strings.IndexByte("/?#'\"\\ \t\r\n),;<>]", text[end]) < 0 {
			continue
		}
		scheme, _, _ := strings.Cut(text[at[0]:at[1]], "://")
		origin := strings.ToLower(scheme + "://" + text[at[2]:at[3]])
		if !slices.Contains(all, origin) {
			all = append(all, origin)
		}
	}
	return all
}
