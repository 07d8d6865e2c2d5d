package redact

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// forms returns the shapes in which a secret may appear in a text, but for those that
// [layers] reads: escapes, and one encoding within another.
func forms(s string) []string {
	if len(s) < MinLength {
		return nil
	}
	if len(s) > maxFormed {
		return append(lines(s), s)
	}
	spaced := strings.ReplaceAll(s, " ", "+") // as forms write blanks
	list := []string{s, strings.TrimSpace(s), spaced}
	list = append(list, base64Forms(s)...)
	list = append(list, hexForms(s)...)
	list = append(list, byteForms(s)...)
	list = append(list, latinForms(s)...)
	list = append(list, lines(s)...)
	if len(s) >= minCased {
		// Systems that echo a key or a header may change its case.
		list = append(list,
			strings.ToUpper(s), strings.ToLower(s), strings.ToUpper(spaced), strings.ToLower(spaced), inASCII(s, strings.ToUpper), inASCII(s, strings.ToLower))
	}
	kept := list[:0]
	for _, form := range list {
		if len(form) >= MinLength {
			kept = append(kept, form)
		}
	}
	return kept
}

// maxFormed is the length in bytes up to which a secret is known in all of its forms,
// which take about fifty times its length. A longer one is known as it is, whole and by
// its lines, and so is found under the encodings that [layers] takes off.
const maxFormed = 64 << 10

// inASCII changes the case of what is in ASCII alone, as where the rest was escaped then.
func inASCII(s string, change func(string) string) string {
	return strings.Map(func(c rune) rune {
		if c >= utf8.RuneSelf {
			return c
		}
		return rune(change(string(c))[0])
	}, s)
}

// minCased is the length from which a secret is also hidden in upper and lower case:
// a short one, such as Test, is too often a word.
const minCased = 8

// hexForms are the bytes in hexadecimal digits.
func hexForms(s string) []string {
	apart := fmt.Sprintf("% x", s)
	list := []string{hex.EncodeToString([]byte(s)), apart, strings.ReplaceAll(apart, " ", "-")}
	for _, form := range list {
		list = append(list, strings.ToUpper(form))
	}
	return list
}

// byteForms are the bytes as Go prints a slice of them, and as JSON and Python write a list.
func byteForms(s string) []string {
	all := strings.Trim(fmt.Sprint([]byte(s)), "[]")
	typed := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(s)), "[]byte{"), "}")
	return []string{all, strings.ReplaceAll(all, " ", ","), strings.ReplaceAll(all, " ", ", "), typed}
}

// latinForms are those of a system that takes Latin-1 for UTF-8, or the other way round.
func latinForms(s string) []string {
	if !utf8.ValidString(s) || isASCII(s) {
		return nil
	}
	var narrow []byte
	var wide []rune
	for _, c := range s {
		if c > 0xff {
			narrow = nil
			break
		}
		narrow = append(narrow, byte(c))
	}
	for _, c := range []byte(s) {
		wide = append(wide, rune(c))
	}
	return []string{string(narrow), string(wide)}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c >= utf8.RuneSelf })
}

// base64Forms are three: base64 shifts with what stands before the secret. They
// leave out the characters that a neighbour has a part in.
func base64Forms(s string) []string {
	var list []string
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			padded := append(make([]byte, shift), s...)
			encoded := enc.EncodeToString(padded)
			list = append(list, encoded[(shift*8+5)/6:len(padded)*8/6])
		}
	}
	return list
}

// minLine is the length in bytes from which a line of a secret, such as one of a key in
// PEM, is one by itself.
const minLine = 16

// lines are those of a secret of several, but for the marks around a key. A key may also
// be on one line, with blanks or escapes where its lines end.
func lines(s string) []string {
	if strings.HasPrefix(strings.TrimSpace(s), "-----BEGIN") {
		begin, body, _ := strings.Cut(strings.TrimSpace(s)[len("-----"):], "-----")
		body, _, _ = strings.Cut(body, "-----END")
		s = begin + "\n" + keyBreaks.Replace(body)
	}
	if !strings.Contains(strings.TrimSpace(s), "\n") {
		return nil
	}
	var list []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); len(line) >= minLine && !strings.HasPrefix(line, "-----") {
			list = append(list, line)
		}
	}
	return list
}

var keyBreaks = strings.NewReplacer(" ", "\n", `\r`, "\n", `\n`, "\n")

// minFolded is the length in bytes from which a form is found although it is broken into
// lines or groups.
const minFolded = 10

// foldedForms are those that writers break into lines or groups, without the breaks:
// base64, hexadecimal digits, keys in PEM, and long texts.
func foldedForms(s string) []string {
	if len(s) < MinLength {
		return nil
	}
	if len(s) > maxFormed {
		return []string{squeeze(s)}
	}
	hexed := hex.EncodeToString([]byte(s))
	list := append(base64Forms(s), hexed, strings.ToUpper(hexed))
	for _, text := range []string{s, withoutMarks(s)} {
		if squeezed := squeeze(text); len(squeezed) >= minLine {
			list = append(list, squeezed)
		}
	}
	kept := list[:0]
	for _, form := range list {
		if len(form) >= minFolded {
			kept = append(kept, form)
		}
	}
	return kept
}

// withoutMarks is a key in PEM without its first and last line.
func withoutMarks(s string) string {
	if !strings.HasPrefix(s, "-----BEGIN") {
		return s
	}
	_, body, _ := strings.Cut(s[len("-----"):], "-----")
	body, _, _ = strings.Cut(body, "-----END")
	return body
}

// squeeze leaves out what stands between lines and groups, also where it is escaped.
func squeeze(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		if n := breakAt(text, i); n > 0 {
			i += n
			continue
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}

// unsqueezed returns which parts of a text the spans are of what squeeze makes of it.
func unsqueezed(text string, spans []span) []span {
	sources := make([]span, 0, len(spans))
	at, from := 0, 0 // in the squeezed text; where the current span begins
	for i := 0; len(sources) < len(spans); {
		if n := breakAt(text, i); n > 0 {
			i += n
			continue
		}
		s := spans[len(sources)]
		if at == s.from {
			from = i
		}
		i++
		if at++; at == s.to {
			sources = append(sources, span{from, i})
		}
	}
	return sources
}

// breakAt returns the length of what separates lines or groups at i, 0 if nothing does.
func breakAt(text string, i int) int {
	switch c := text[i]; {
	case c == ' ', c == '\t', c == '\r', c == '\n', c == ':':
		return 1
	case c == '\\' && i+1 < len(text) && strings.IndexByte("nrt", text[i+1]) >= 0:
		return 2
	}
	return 0
}
