package address

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/exportpipeline/exportpipeline/internal/jsontext"
)

// quoted returns the parts with their values escaped for the literal that they are in: the
// quotes of a filter of OData, or a string of JSON. A value that would end the literal of a
// query in another language is an error, since each escapes in its own way.
func quoted(parts []Part) ([]Part, error) {
	parts = append([]Part(nil), parts...)
	u := unit{literals: []string{""}}
	for i, p := range parts {
		if p.Value != "" {
			u.places, u.literals = append(u.places, i), append(u.literals, "")
			continue
		}
		for text := p.Text; ; {
			end := strings.IndexAny(text, "/?&#")
			if end < 0 {
				u.literals[len(u.literals)-1] += text
				break
			}
			u.literals[len(u.literals)-1] += text[:end]
			if err := u.escape(parts); err != nil {
				return nil, err
			}
			u = unit{literals: []string{""}, query: text[end] == '?' || text[end] == '&' || u.query && text[end] == '/'}
			text = text[end+1:]
		}
	}
	return parts, u.escape(parts)
}

// unit is a segment of a path or a parameter of a query.
type unit struct {
	literals []string
	places   []int // of the values between them
	query    bool
}

func (u *unit) escape(parts []Part) error {
	if len(u.places) == 0 {
		return nil
	}
	for i, l := range u.literals {
		u.literals[i] = unescape(l)
	}
	name, value, isParameter := strings.Cut(u.literals[0], "=")
	if u.query && isParameter {
		literals := append([]string{value}, u.literals[1:]...)
		if depths := jsontext.Depths(literals); depths != nil {
			for k, i := range u.places {
				text := parts[i].plain()
				if escaped, made := jsontext.Escape([]byte(text), depths[k], nil); made == jsontext.Escaped {
					parts[i].Text, parts[i].all = string(escaped), true
				} else if strings.ContainsAny(text, `"\`) {
					parts[i].Text, parts[i].all = text, true
				}
			}
			return nil
		}
	}
	odata := u.query && strings.HasPrefix(name, "$") || !u.query && strings.Contains(u.literals[0], "(")
	filter := odata || u.query && isParameter && hasWord(value)
	if !filter {
		return nil
	}
	for k, i := range u.places {
		if !u.isQuoted(k) || parts[i].Raw || parts[i].Rest {
			continue
		}
		switch text := parts[i].plain(); {
		case odata:
			if strings.Contains(text, "'") {
				parts[i].Text, parts[i].all = DoubleQuotes(text), true
			}
		case endsLiteral(text):
			return fmt.Errorf("the value of %s would end the quotes that it is in; escape it in a formula as this API wants it, such as by '' or \\'", parts[i].Value)
		}
	}
	return nil
}

// isQuoted reports whether a place has an open quote before it that is closed after it.
func (u *unit) isQuoted(k int) bool {
	before, after := strings.Join(u.literals[:k+1], ""), strings.Join(u.literals[k+1:], "")
	return strings.Count(before, "'")%2 == 1 && strings.Contains(after, "'")
}

// hasWord reports whether there is more than a quote before the first value.
func hasWord(text string) bool {
	text, _, _ = strings.Cut(text, "'")
	return strings.ContainsFunc(text, unicode.IsLetter)
}

// DoubleQuotes doubles the single quotes of a value, as OData and SQL want them within a
// literal, unless they are all doubled already.
func DoubleQuotes(value string) string {
	if !strings.Contains(strings.ReplaceAll(value, "''", ""), "'") {
		return value
	}
	return strings.ReplaceAll(value, "'", "''")
}

// endsLiteral reports whether a value ends a literal in single quotes in any language: its
// quotes are neither all doubled nor all escaped by backslashes.
func endsLiteral(value string) bool {
	if trailing := len(value) - len(strings.TrimRight(value, `\`)); trailing%2 == 1 {
		return true
	}
	unescaped := strings.NewReplacer(`\\`, "", `\'`, "").Replace(value)
	return strings.Contains(strings.ReplaceAll(unescaped, "''", ""), "'")
}

// plain is the value without the escapes that encode would keep.
func (p Part) plain() string {
	if isEscaped(p.Text) {
		return unescape(p.Text)
	}
	return p.Text
}
