package redact

import (
	"net/http"
	"net/url"
	"strings"
)

// Credentials returns what a request's address and header identify its sender by: the
// password of the address, what its sensitive parameters have, and the values of headers
// such as Authorization and Cookie.
func Credentials(address string, h http.Header) []string {
	var l literals
	for _, s := range addressSpans(address) {
		if plain, err := url.QueryUnescape(address[s.from:s.to]); err == nil {
			l.add(plain)
		}
	}
	for name, values := range h {
		if !SensitiveName(name) {
			continue
		}
		for _, v := range values {
			if strings.EqualFold(name, "Cookie") {
				l.cookies(v)
				continue
			}
			l.header(v)
		}
	}
	return l.found
}

// Sessions returns what a reply's header gives its receiver to identify itself by:
// cookies, and tokens such as those against forged requests.
func Sessions(h http.Header) []string {
	var l literals
	for name, values := range h {
		for _, v := range values {
			switch name = strings.ToLower(name); {
			case name == "set-cookie":
				pair, _, _ := strings.Cut(v, ";")
				l.cookies(pair)
			case name == "authorization", strings.HasSuffix(name, "-token"):
				l.header(v)
			}
		}
	}
	return l.found
}

// header adds a header's value, or what is after the word of its scheme.
func (l *literals) header(value string) {
	value = strings.TrimSpace(value)
	if scheme, rest, ok := strings.Cut(value, " "); ok {
		l.password(scheme, rest)
		value = rest
	}
	if !isWord(value) {
		l.add(value)
	}
}

// cookies adds those values that look random: others, such as a language, are words, and a
// time has two letters.
func (l *literals) cookies(pairs string) {
	for pair := range strings.SplitSeq(pairs, ";") {
		_, value, _ := strings.Cut(pair, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		letters := len(value) - len(strings.Map(func(c rune) rune {
			if isLetter(c) {
				return -1
			}
			return c
		}, value))
		if len(value) >= minSession && letters > 2 && strings.ContainsAny(value, "0123456789") {
			l.add(value)
		}
	}
}

// minSession is the length in bytes from which a cookie may identify a session.
const minSession = 16

// isWord reports a value such as "Required", which SAP answers where a token is missing.
func isWord(value string) bool {
	return len(value) < minSession && !strings.ContainsFunc(value, func(c rune) bool { return !isLetter(c) })
}

func isLetter(c rune) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// minValue is the length in bytes from which a parameter of an address in a text is hidden.
const minValue = 8

// addressSpans finds what addresses in a text have that lets others in: passwords, and
// parameters such as the signature of an address of S3's, whoever has made it.
func addressSpans(text string) (found []span) {
	for i := 0; ; {
		at := strings.Index(text[i:], "://")
		if at < 0 {
			return found
		}
		i += at + len("://")
		end := i + addressLength(text[i:])
		authority := text[i : i+strings.IndexAny(text[i:end]+"/", "/?#")]
		if user := strings.LastIndexByte(authority, '@'); user > 0 {
			if colon := strings.IndexByte(authority[:user], ':'); colon >= 0 && colon+1 < user {
				found = append(found, span{i + colon + 1, i + user})
			}
		}
		query := strings.IndexByte(text[i:end], '?')
		if query >= 0 {
			found = append(found, parameterSpans(text, i+query+1, end)...)
		}
		i = end
	}
}

// addressLength is where an address in a text ends.
func addressLength(text string) int {
	end := strings.IndexFunc(text, func(c rune) bool { return c <= ' ' || strings.ContainsRune("\"'<>`\\", c) })
	if end < 0 {
		return len(text)
	}
	return end
}

func parameterSpans(text string, from, end int) (found []span) {
	for _, at := range parameter.FindAllStringIndex(text[from:end], -1) {
		part := text[from+at[0] : from+at[1]]
		name, value, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if len(value) >= minValue && value != Placeholder && identifies(name) {
			found = append(found, span{from + at[1] - len(value), from + at[1]})
		}
	}
	return found
}

// identifies reports a parameter's name that is sensitive whatever the address is for. The
// address that a message shows to a person may have a key or a code of something else.
func identifies(name string) bool {
	name = strings.ToLower(name)
	return SensitiveName(name) && name != "key" && name != "code" && !strings.Contains(name, "session") && !strings.Contains(name, "credential")
}
