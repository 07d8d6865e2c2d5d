package redact

import (
	"fmt"
	"unicode/utf8"
)

// MaxSaid is how many bytes people are shown of one text: of a message, an error, a decision
// or an attribute of a log. Most such texts quote what a document or another system says, of
// which there may be megabytes; looking for secrets in all of that would take longer than an
// export may.
const MaxSaid = 64 << 10

// Beyond is how many bytes after what is shown are looked at, so that a secret which begins in
// what is shown is found whole. It is longer than any secret.
const Beyond = 16 << 10

// Said is [Redactor.String] of a text that people read: of a text longer than [MaxSaid] it is
// the beginning, and how long the text is.
func (r *Redactor) Said(text string) string {
	if !isLong(text) {
		return r.String(text)
	}
	start, _ := Beginning(text, MaxSaid, r.String)
	return fmt.Sprintf("%s… (%d bytes in all)", start, len(text))
}

// isLong reports whether a text is cut. One that was cut before, and that something was put in
// front of since, is not cut again, so that it still says how long it was.
func isLong(text string) bool { return len(text) > MaxSaid+4<<10 }

// Beginning returns what show makes of the beginning of a text, at most limit bytes, and
// whether that is less than all. It is cut after it was shown, since the half of a secret is
// not recognised.
func Beginning(text string, limit int, show func(string) string) (shown string, cut bool) {
	end := limit
	window := Window(text, limit)
	shown = show(window)
	if len(window) < len(text) {
		end, cut = min(limit, max(0, len(shown)-Beyond+utf8.UTFMax)), true // what is beyond may end within a secret
	}
	if len(shown) <= end {
		return shown, cut
	}
	for end > 0 && !utf8.RuneStart(shown[end]) {
		end--
	}
	return shown[:end], true
}

// Window is what [Beginning] looks at of a text: whole characters, if it is UTF-8.
func Window(text string, limit int) string {
	if len(text) <= limit+Beyond {
		return text
	}
	text = text[:limit+Beyond]
	for range utf8.UTFMax - 1 {
		if r, size := utf8.DecodeLastRuneInString(text); r != utf8.RuneError || size > 1 {
			break
		}
		text = text[:len(text)-1]
	}
	return text
}
