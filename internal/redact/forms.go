package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf16"
)

// forms returns the shapes in which a secret may appear in a text.
func forms(s string) []string {
	if len(s) < MinLength {
		return nil
	}
	list := append([]string{s}, jsonForms(s)...)
	list = append(list, markupForms(s)...)
	list = append(list, urlForms(s)...)
	if trimmed := strings.TrimSpace(s); len(trimmed) >= MinLength {
		list = append(list, trimmed)
	}
	list = append(list, base64Forms(s)...)
	list = append(list, hexForms(s)...)
	list = append(list, twice(s)...)
	list = append(list, lines(s)...)
	if len(s) >= minCased {
		// Systems that echo a key or a header may change its case.
		list = append(list, strings.ToUpper(s), strings.ToLower(s), strings.ToUpper(url.QueryEscape(s)), strings.ToLower(url.QueryEscape(s)))
	}
	kept := list[:0]
	for _, form := range list {
		if len(form) >= MinLength {
			kept = append(kept, form)
		}
	}
	return kept
}

// minCased is the length from which a secret is also hidden in upper and lower case:
// a short one, such as Test, is too often a word.
const minCased = 8

// hexForms are the bytes in hexadecimal digits, and as Go prints a slice of them.
func hexForms(s string) []string {
	list := []string{hex.EncodeToString([]byte(s)), fmt.Sprintf("% x", s), strings.Trim(fmt.Sprint([]byte(s)), "[]")}
	return append(list, strings.ToUpper(list[0]), strings.ToUpper(list[1]))
}

// twice are the forms of a secret that was escaped twice: in JSON within JSON, and in a
// URL that is a parameter of another.
func twice(s string) []string {
	list := []string{url.QueryEscape(url.QueryEscape(s)), url.PathEscape(url.PathEscape(s)), url.QueryEscape(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"))}
	for _, form := range jsonForms(s) {
		list = append(list, jsonForms(form)...)
	}
	return list
}

// jsonForms are those of encoding/json with and without its HTML escapes, of
// Python, which writes ASCII, and of writers that escape slashes; and with
// quotes escaped alone.
func jsonForms(s string) []string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	list := []string{strings.Trim(strings.ReplaceAll(s, `"`, `\"`), "\n")}
	if err := e.Encode(s); err != nil {
		return list
	}
	plain := strings.TrimSuffix(out.String(), "\n")
	plain = plain[1 : len(plain)-1]
	var ascii strings.Builder
	for _, c := range plain {
		if c < 0x80 {
			ascii.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&ascii, `\u%04x`, unit)
		}
	}
	list = append(list, plain, ascii.String(), strings.ReplaceAll(plain, "/", `\/`), strings.ReplaceAll(ascii.String(), "/", `\/`))
	if quoted, err := json.Marshal(s); err == nil {
		list = append(list, string(quoted[1:len(quoted)-1]))
	}
	return list
}

// markupForms are those of Go's and Python's HTML and XML writers, in a text and
// in an attribute.
func markupForms(s string) []string {
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
	list := []string{text, html.EscapeString(s), strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(s)}
	for _, double := range []string{`"`, "&quot;", "&#34;"} {
		for _, single := range []string{"'", "&#39;", "&#x27;", "&apos;"} {
			list = append(list, strings.NewReplacer(`"`, double, "'", single).Replace(text))
		}
	}
	var out bytes.Buffer
	if err := xml.EscapeText(&out, []byte(s)); err == nil {
		list = append(list, out.String())
	}
	return list
}

var escape = regexp.MustCompile("%[0-9A-F]{2}")

// urlForms are those of Go, of Python's quote and of JavaScript, with hexadecimal
// digits of either case.
func urlForms(s string) []string {
	query := url.QueryEscape(s)
	percent := strings.ReplaceAll(query, "+", "%20")
	list := []string{
		query, percent, url.PathEscape(s), url.UserPassword("", s).String()[1:],
		strings.ReplaceAll(percent, "%2F", "/"), strings.ReplaceAll(query, "%2F", "/"),
		strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(percent),
	}
	for _, form := range list {
		list = append(list, escape.ReplaceAllStringFunc(form, strings.ToLower))
	}
	return list
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

// lines are those of a secret of several, but for the marks around a key.
func lines(s string) []string {
	if !strings.Contains(strings.TrimSpace(s), "\n") {
		return nil
	}
	var list []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); len(line) >= minLine && !strings.HasPrefix(line, "-----") {
			list = append(list, line, url.QueryEscape(line), strings.ReplaceAll(line, "/", `\/`))
		}
	}
	return list
}

// minFolded is the length in bytes from which a form is found although it is broken into
// lines or groups.
const minFolded = 10

// foldedForms are those that writers break into lines or groups, without the breaks:
// base64, hexadecimal digits, keys in PEM, and long texts.
func foldedForms(s string) []string {
	if len(s) < MinLength {
		return nil
	}
	hexed := hex.EncodeToString([]byte(s))
	list := append(base64Forms(s), hexed, strings.ToUpper(hexed))
	for _, text := range []string{s, withoutMarks(s)} {
		if squeezed, _ := squeeze(text); len(squeezed) >= minLine {
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
	_, body, _ := strings.Cut(s, "\n")
	body, _, _ = strings.Cut(body, "-----END")
	return body
}

// squeeze leaves out what stands between lines and groups, also where it is escaped, and
// returns where each byte was.
func squeeze(text string) (squeezed string, at []int) {
	var out strings.Builder
	for i := 0; i < len(text); {
		if n := breakAt(text, i); n > 0 {
			i += n
			continue
		}
		out.WriteByte(text[i])
		at = append(at, i)
		i++
	}
	return out.String(), at
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
