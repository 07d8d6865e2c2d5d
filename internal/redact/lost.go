package redact

import (
	"strings"
	"unicode/utf8"
)

// A system that reads a text in another charset than it was written in makes other letters of
// those beyond ASCII, question marks, or nothing, and shows the rest of the secret; one that
// takes UTF-16 for a charset of single bytes shows a NUL beside each letter; and what breaks
// long words puts characters into it that nobody sees. So secrets and texts are compared
// without all of these.

// isLost reports whether a byte is left out of both.
func isLost(c byte) bool { return c >= utf8.RuneSelf || c == '?' || c == 0 }

// kept returns what a secret is compared by, "" for one that has too little of it: that would
// hide dates and words, and tells little of the secret.
func kept(secret string) string {
	left := leftOf(secret)
	if len(left) < MinLength || 2*len(left) < utf8.RuneCountInString(secret) {
		return ""
	}
	return left
}

// leftOf returns a text without what may be lost.
func leftOf(text string) string {
	left := make([]byte, 0, len(text))
	for _, c := range []byte(text) {
		if !isLost(c) {
			left = append(left, c)
		}
	}
	return string(left)
}

// lostForms are those of a secret without what may be lost.
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

// mayBeLeftOf reports whether a form may be in what is left of a text of which something is
// lost.
func (s starts) mayBeLeftOf(text string) bool {
	if s == nil {
		return false
	}
	first := 0
	for first < len(text) && !isLost(text[first]) {
		first++
	}
	if first == len(text) {
		return false // the forms are among those that are looked for in it as it is
	}
	var four uint32
	n := 0
	for i := range len(text) {
		c := text[i]
		if isLost(c) {
			continue
		}
		four = four<<8 | uint32(c)
		if n++; n >= MinLength && s.has(four) {
			return true
		}
	}
	return false
}

// lostSpans finds secrets where letters beyond ASCII are others in a text, or marks, or not
// there, and where something unseen is between letters.
func (r *Redactor) lostSpans(text string) []span {
	if !r.starts.mayBeLeftOf(text) {
		return nil
	}
	left := leftOf(text)
	return withLost(text, r.lost.find(r.starts, &search{text: left, ends: []int{len(left)}}))
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
