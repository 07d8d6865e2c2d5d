// Package canary finds secrets in what a program shows, in whatever form they are shown, for
// tests that put made-up secrets into it.
package canary

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// prefix begins every secret that New makes.
const prefix = "c4nary"

// New makes a secret that is another one in each run.
func New(name string) string { return prefix + name + rand.Text()[:8] }

// Set has secrets by what they are called in a test's words.
type Set map[string]string

// forms are the ways in which a secret may be shown.
func forms(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	all := map[string]string{
		"plain": secret, "JSON": string(quoted[1 : len(quoted)-1]), "query": url.QueryEscape(secret), "path": url.PathEscape(secret),
		"hex": hex.EncodeToString([]byte(secret)), "bytes": strings.Trim(fmt.Sprint([]byte(secret)), "[]"), "half": secret[:len(secret)*2/3],
		"Go's bytes": strings.Trim(fmt.Sprintf("%#v", []byte(secret)), "[]byte{}"),
	}
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte("xy"[:min(shift, 2)] + secret))
		all[fmt.Sprint("base64 after ", shift)] = text[2 : len(text)-2]
	}
	if last := strings.LastIndexFunc(secret, func(c rune) bool { return c >= utf8.RuneSelf }); last >= 0 {
		_, size := utf8.DecodeRuneInString(secret[last:])
		all["what is after its letters"] = secret[last+size:] // whatever a charset makes of them
	}
	return all
}

// Needles are the forms of all secrets, in lower case, by the secret's name and the form's.
func (s Set) Needles() map[string]string {
	all := make(map[string]string)
	for name, secret := range s {
		for form, spelled := range forms(secret) {
			all[name+" as "+form] = strings.ToLower(spelled)
		}
	}
	return all
}

// Search returns a function that says which secret a text shows, in which form, and where; ""
// if it shows none.
func (s Set) Search() func(text string) string {
	needles := s.Needles()
	return func(text string) string {
		lower := strings.ToLower(text)
		for found, needle := range needles {
			if at := strings.Index(lower, needle); at >= 0 {
				return fmt.Sprintf("%s: %q", found, lower[max(0, at-120):min(len(lower), at+120)])
			}
		}
		return ""
	}
}

// Blind names a form that a search does not find, "" if it finds all: without that no test that
// uses it could fail.
func (s Set) Blind() string {
	search := s.Search()
	for what, needle := range s.Needles() {
		for _, text := range []string{needle, strings.ToUpper(needle), "x " + needle + `" y`} {
			if search(text) == "" {
				return what
			}
		}
	}
	if found := search("the " + prefix + " is dead"); found != "" {
		return "what is not there is found: " + found
	}
	return ""
}

// Output is something that a program shows.
type Output struct{ Name, Text string }

// Errors are the texts of an error and of all that it wraps, by every verb.
func Errors(err error) (all []Output) {
	var unwrap func(depth int, err error)
	unwrap = func(depth int, err error) {
		if err == nil || depth > 30 {
			return
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			all = append(all, Output{fmt.Sprintf("error at depth %d by %s", depth, verb), fmt.Sprintf(verb, err)})
		}
		switch w := err.(type) { //nolint:errorlint // this walks through what an error wraps
		case interface{ Unwrap() error }:
			unwrap(depth+1, w.Unwrap())
		case interface{ Unwrap() []error }:
			for _, e := range w.Unwrap() {
				unwrap(depth+1, e)
			}
		}
	}
	unwrap(0, err)
	return all
}
