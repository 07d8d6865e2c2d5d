package redact

import (
	"strings"
	"unicode/utf8"
)

// A system that reads a text in another charset than it was written in makes other letters of
// those beyond ASCII, question marks, or nothing, and shows the rest of the secret. So both
// are compared without all of these.

// isLost reports whether a byte is left out of both.
func isLost(c byte) bool { return c >= utf8.RuneSelf || c == '?' }

// kept returns what a secret is compared by, "" for one that has only ASCII, and for one that
// has too little of it: that would hide dates and words, and tells little of the secret.
func kept(secret string) string {
	ascii := strings.Map(func(c rune) rune {
		if c >= utf8.RuneSelf || c == '?' {
			return -1
		}
		return c
	}, secret)
	letters := utf8.RuneCountInString(secret)
	if len(ascii) < MinLength || 2*len(ascii) < letters || !strings.ContainsFunc(secret, func(c rune) bool { return c >= utf8.RuneSelf }) {
		return ""
	}
	return ascii
}

// lostForms are those of a secret whose letters beyond ASCII are left out.
func lostForms(s string) []string {
	if len(s) > maxFormed {
		return nil
	}
	form := kept(s)
	switch {
	case form == "":
		return nil
	case len(form) < minCased:
		return []string{form}
	}
	return []string{form, strings.ToUpper(form), strings.ToLower(form)}
}

// lostSpans finds secrets whose letters beyond ASCII are others in a text, or marks, or not
// there.
func (r *Redactor) lostSpans(text string) []span {
	if !r.loses {
		return nil
	}
	first := 0
	for first < len(text) && !isLost(text[first]) {
		first++
	}
	if first == len(text) {
		return nil // the forms are among those that are looked for in it as it is
	}
	rest := make([]byte, first, len(text))
	copy(rest, text)
	for _, c := range []byte(text[first:]) {
		if !isLost(c) {
			rest = append(rest, c)
		}
	}
	in := &search{text: string(rest), ends: []int{len(rest)}}
	if !r.starts.mayBeIn(in.text) {
		return nil
	}
	return withLost(text, r.lost.find(r.starts, in))
}

// withLost returns which parts of a text the spans are of what is left of it.
func withLost(text string, spans []span) []span {
	sources := make([]span, 0, len(spans))
	at, from := 0, 0 // in what is left; where the current span begins
	for i := 0; len(sources) < len(spans); i++ {
		if isLost(text[i]) {
			continue
		}
		s := spans[len(sources)]
		if at == s.from {
			from = i
		}
		if at++; at == s.to {
			sources = append(sources, span{from, i + 1})
		}
	}
	return sources
}
