package redact

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// minLiteral is the length in bytes from which a credential that settings have literally
// is hidden: shorter ones, such as "none", are too often words.
const minLiteral = 8

// Literals returns the credentials that settings have literally, instead of in the hook's
// secrets: values of headers, parameters and form fields whose names say that they are
// some ([SensitiveName]), passwords and keys of logins, and those within URLs. What has a
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
		l.url(v)
	}
}

// credential adds a value, and what stands after the word of a scheme such as Bearer.
func (l *literals) credential(value string) {
	if strings.ContainsAny(value, "{}") {
		return
	}
	scheme, rest, ok := strings.Cut(strings.TrimSpace(value), " ")
	l.add(strings.TrimSpace(value))
	if !ok {
		return
	}
	l.add(rest)
	if decoded, err := base64.StdEncoding.DecodeString(rest); err == nil && strings.EqualFold(scheme, "basic") {
		_, password, _ := strings.Cut(string(decoded), ":")
		l.add(password)
	}
}

// url adds what a URL has of its user and of sensitive parameters.
func (l *literals) url(value string) {
	if !strings.Contains(value, "://") {
		return
	}
	u, err := url.Parse(value)
	if err != nil {
		return
	}
	if password, ok := u.User.Password(); ok && !strings.ContainsAny(password, "{}") {
		l.add(password)
	}
	for name, values := range u.Query() {
		for _, v := range values {
			if SensitiveName(name) && !strings.ContainsAny(v, "{}") {
				l.add(v)
			}
		}
	}
}

func (l *literals) add(secret string) {
	if len(secret) >= minLiteral {
		l.found = append(l.found, secret)
	}
}
