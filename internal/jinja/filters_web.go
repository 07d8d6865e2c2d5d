package jinja

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

func unescapeHTML(s string) string { return html.UnescapeString(s) }

var (
	urlHead = regexp.MustCompile(`^(?:[(<]|&lt;)+`)
	urlTail = regexp.MustCompile(`(?:[)>.,\n]|&gt;)+$`)
	webURL  = regexp.MustCompile(`(?i)^(?:(?:https?://|www\.)(?:(?:[\pL\pN_%-]+\.)+)?(?:[a-z]{2,63}|xn--[\pL\pN_%]{2,59})|(?:[\pL\pN_%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)|(?:https?://)(?:\d{1,3}(?:\.\d{1,3}){3}|\[(?:[\da-f]{0,4}:){2}(?:[\da-f]{0,4}:?){1,6}\]))(?::\d{1,5})?(?:[/?#]\S*)?$`)
	email   = regexp.MustCompile(`^\S+@[\pL\pN_][\pL\pN_.-]*\.[\pL\pN_]+$`)
	scheme  = regexp.MustCompile(`^[\pL\pN_.+-]{2,}:(?:/){0,2}$`)
)

func filterUrlize(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_urlize", 1, "value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"); err != nil {
		return value{}, err
	}
	limit := -1
	if v := argument(c, 1, "trim_url_limit", value{}); !v.IsNone() {
		var err error
		if limit, err = intArgument(c, 1, "trim_url_limit", -1); err != nil {
			return value{}, err
		}
	}
	var schemes []string
	if v := argument(c, 5, "extra_schemes", value{}); !v.IsNone() {
		items, err := pyvalue.Collect(f.meter, v)
		if err != nil {
			return value{}, err
		}
		for _, s := range items {
			if !scheme.MatchString(s.Text()) {
				return value{}, pyvalue.Raise("FilterArgumentError", "%s is not a valid URI scheme prefix.", quote(s.Text()))
			}
			schemes = append(schemes, s.Text())
		}
	}
	escaped, err := pyvalue.Escape(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	u := urlizer{limit: limit, attrs: urlizeAttrs(c), schemes: schemes}
	if err := f.meter.Grow(4 * int64(len(escaped.Text()))); err != nil {
		return value{}, err
	}
	out, err := u.words(f.meter, escaped.Text())
	if f.escape {
		return pyvalue.Markup(out), err
	}
	return pyvalue.Str(out), err
}

func urlizeAttrs(c *pyvalue.Call) string {
	rel := strings.Fields(argument(c, 4, "rel", pyvalue.Str("")).Text())
	if pyvalue.Truth(argument(c, 2, "nofollow", pyvalue.Bool(false))) {
		rel = append(rel, "nofollow")
	}
	rel = append(rel, "noopener")
	slices.Sort(rel)
	attrs := ` rel="` + pyvalue.EscapeText(strings.Join(slices.Compact(rel), " ")) + `"`
	if target := argument(c, 3, "target", value{}); pyvalue.Truth(target) {
		attrs += ` target="` + pyvalue.EscapeText(target.Text()) + `"`
	}
	return attrs
}

type urlizer struct {
	limit   int
	attrs   string
	schemes []string
}

// words changes the words of a text that are addresses.
func (u urlizer) words(m *pyvalue.Meter, text string) (string, error) {
	var out strings.Builder
	for looked := len(text); text != ""; {
		if looked-len(text) >= maxURL { // which takes some milliseconds
			if err := m.Look(looked - len(text)); err != nil {
				return "", err
			}
			looked = len(text)
		}
		end := strings.IndexFunc(text, ucd.IsSpace)
		if end == 0 { // to the next word
			end = len(text) - len(strings.TrimLeftFunc(text, ucd.IsSpace))
			out.WriteString(text[:end])
			text = text[end:]
			continue
		}
		if end < 0 {
			end = len(text)
		}
		word := u.word(text[:end])
		if err := m.Step(1 + int64(len(u.schemes))); err != nil {
			return "", err
		}
		if err := m.Fits(int64(out.Len() + len(word))); err != nil {
			return "", err
		}
		out.WriteString(word)
		text = text[end:]
	}
	return out.String(), nil
}

// maxURL is the longest word that may be an address, in bytes: browsers know none that are longer.
const maxURL = 64 << 10

func (u urlizer) word(word string) string {
	if len(word) > maxURL {
		return word
	}
	head := urlHead.FindString(word)
	middle := word[len(head):]
	tail := urlTail.FindString(middle)
	middle = middle[:len(middle)-len(tail)]
	for _, pair := range [][2]string{{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}} {
		opened := strings.Count(middle, pair[0])
		if opened <= strings.Count(middle, pair[1]) {
			continue
		}
		moved := 0
		for range min(opened, strings.Count(tail, pair[1])) {
			moved += strings.Index(tail[moved:], pair[1]) + len(pair[1])
		}
		middle, tail = middle+tail[:moved], tail[moved:]
	}
	return head + u.link(middle) + tail
}

func (u urlizer) link(text string) string {
	switch {
	case webURL.MatchString(text):
		href := text
		if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
			href = "https://" + text
		}
		shown := text
		if u.limit >= 0 && utf8.RuneCountInString(text) > u.limit {
			shown = string([]rune(text)[:u.limit]) + "..."
		}
		return `<a href="` + href + `"` + u.attrs + ">" + shown + "</a>"
	case strings.HasPrefix(text, "mailto:") && email.MatchString(text[7:]):
		return `<a href="` + text + `">` + text[7:] + "</a>"
	case strings.Contains(text, "@") && !strings.HasPrefix(text, "www.") && !strings.Contains(text, ":") && email.MatchString(text):
		return `<a href="mailto:` + text + `">` + text + "</a>"
	}
	for _, s := range u.schemes {
		if text != s && strings.HasPrefix(text, s) {
			return `<a href="` + text + `"` + u.attrs + ">" + text + "</a>"
		}
	}
	return text
}
