package redact

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// minLiteral is the length in bytes from which a credential that settings have literally
// is hidden: shorter ones, such as "none", are too often words.
const minLiteral = 8

// Literals returns the credentials that settings have literally, instead of in the hook's
// secrets: values of headers, parameters and form fields whose names say that they are
// some ([SensitiveName]), passwords and keys of logins, private keys wherever they stand, and
// those within URLs and within what is sent as JSON, XML, GraphQL or a form. What has a
// placeholder in it is not one. settings is JSON; of other text nothing is returned.
func Literals(settings []byte) []string {
	var v any
	if json.Unmarshal(settings, &v) != nil {
		return nil
	}
	var l literals
	l.walk(v, "", false)
	return l.found
}

type literals struct{ found []string }

// logins are settings that are credentials wherever they stand.
var logins = map[string]bool{
	"password": true, "consumer_secret": true, "token_secret": true, "client_secret": true, "private_certificate": true, "secret_access_key": true, "passphrase": true,
}

// named are settings whose members have names of the other system.
var named = map[string]bool{"headers": true, "params": true, "data": true, "request_data": true, "content": true}

func (l *literals) walk(v any, name string, foreign bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			l.walk(member, key, foreign || named[name])
		}
	case []any:
		for _, element := range v {
			l.walk(element, name, foreign)
		}
	case string:
		if logins[strings.ToLower(name)] || foreign && SensitiveName(name) {
			l.credential(v)
		}
		if isPrivateKey(v) {
			l.add(v)
		}
		l.url(v)
		if foreign || named[name] {
			l.body(v)
		}
	}
}

// body adds what a text has that is sent as JSON or as a form.
func (l *literals) body(text string) {
	var members any
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &members) == nil {
		l.walk(members, "", true)
		return
	}
	if form, err := url.ParseQuery(text); err == nil && !strings.ContainsAny(text, " {<:") {
		for name, values := range form {
			for _, v := range values {
				if SensitiveName(name) {
					l.credential(v)
				}
			}
		}
		return
	}
	for _, shape := range []*regexp.Regexp{member, element, field} {
		for _, found := range shape.FindAllStringSubmatch(text, -1) {
			if SensitiveName(found[1]) {
				l.escaped(found[2])
				l.add(html.UnescapeString(found[2]))
			}
		}
	}
}

// Credentials within a text that is no JSON, for its placeholders or since it is another
// language: a member of JSON or an argument of GraphQL, an element or attribute of XML, and a
// field of a form.
var (
	member  = regexp.MustCompile(`([A-Za-z_][\w-]*)\\?["']?\s*[:=]\s*\\?["']([^"'\\]+)`)
	element = regexp.MustCompile(`<(?:[\w-]+:)?([\w-]+)(?:\s[^<>]*)?>([^<]+)</`)
	field   = regexp.MustCompile(`(?:^|[?&])([^=&\s<>"]+)=([^=&\s<>"]+)`)
)

// isPrivateKey reports a private key in PEM or of PuTTY, or what was meant to be one.
func isPrivateKey(text string) bool {
	return strings.Contains(text, "PRIVATE KEY-----") || strings.Contains(text, "PuTTY-User-Key-File-")
}

// placeholder is one of a template; braces alone are a fault of the settings.
var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// credential adds a value, and what stands after the word of a scheme such as Bearer.
func (l *literals) credential(value string) {
	if placeholder.MatchString(value) {
		return
	}
	for part := range strings.FieldsFuncSeq(value, func(c rune) bool { return strings.ContainsRune("{}@#\x00", c) }) {
		l.word(part)
	}
	l.word(value)
}

func (l *literals) word(value string) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(value), " ")
	l.add(strings.TrimSpace(value))
	for _, found := range pair.FindAllStringSubmatch(value, -1) {
		if name := strings.ToLower(found[1]); !public[name] {
			l.add(strings.Trim(found[2], `"`))
		}
	}
	if !ok {
		return
	}
	l.add(rest)
	l.password(scheme, rest)
}

// password adds that of Basic.
func (l *literals) password(scheme, rest string) {
	if decoded, err := base64.StdEncoding.DecodeString(rest); err == nil && strings.EqualFold(scheme, "basic") {
		_, password, _ := strings.Cut(string(decoded), ":")
		l.add(password)
	}
}

// pair is one of a header's value: of a cookie, or of a scheme with parameters, such as
// Digest, OAuth, AWS4-HMAC-SHA256 and sha256=….
var pair = regexp.MustCompile(`([\w.-]+)\s*=\s*("[^"]*"|[^\s,;"]+)`)

// public are parameters of such schemes that say who and how, not by what.
var public = map[string]bool{
	"realm": true, "uri": true, "username": true, "algorithm": true, "qop": true, "nc": true, "opaque": true, "headers": true, "signedheaders": true,
	"keyid": true, "path": true, "domain": true, "expires": true, "max-age": true, "samesite": true, "credential": true, "version": true, "scope": true,
	"oauth_version": true, "oauth_signature_method": true, "oauth_timestamp": true, "oauth_consumer_key": true, "oauth_callback": true,
}

// Parts of what is a URL, or was meant to be one: the user's password, and a parameter.
var (
	userInfo   = regexp.MustCompile(`(?://|^)([^/?#\s"<]*)@`)
	parameters = regexp.MustCompile(`[?&;]([^=&;?#\s]+)=([^&;#\s\x00]*)`)
)

// url adds what a URL has of its user and of sensitive parameters, also where it is broken.
func (l *literals) url(value string) {
	if strings.Contains(value, "\n") || !strings.ContainsAny(value, "@?") {
		return // a text, or a URL without any
	}
	for _, found := range userInfo.FindAllStringSubmatch(value, -1) {
		if user, password, ok := strings.Cut(found[1], ":"); ok {
			l.escaped(password)
		} else if strings.Contains(value, "://") {
			l.escaped(user) // a token alone
		}
	}
	for _, found := range parameters.FindAllStringSubmatch(value, -1) {
		name, err := url.QueryUnescape(found[1])
		if err != nil || SensitiveName(name) {
			l.escaped(found[2])
		}
	}
}

// escaped adds a part of a URL as it is and as it is meant.
func (l *literals) escaped(part string) {
	if strings.ContainsAny(part, "{}") {
		return
	}
	l.add(part)
	if plain, err := url.QueryUnescape(part); err == nil && plain != part {
		l.add(plain)
	}
	if plain, err := url.PathUnescape(part); err == nil && plain != part {
		l.add(plain)
	}
}

func (l *literals) add(secret string) {
	if len(secret) >= minLiteral && !slices.Contains(l.found, secret) {
		l.found = append(l.found, secret)
	}
}
