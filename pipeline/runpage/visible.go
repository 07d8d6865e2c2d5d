package runpage

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"unicode"
)

// execute writes a page on which characters that nobody sees, such as those that turn the
// direction of a text, are shown by their number instead of having an effect.
func execute(w io.Writer, t *template.Template, data any) error {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return err
	}
	_, err := w.Write(visible(b.Bytes()))
	return err
}

func visible(page []byte) []byte {
	if bytes.IndexFunc(page, isInvisible) < 0 {
		return page
	}
	var b bytes.Buffer
	for _, c := range string(page) {
		if isInvisible(c) {
			_, _ = fmt.Fprintf(&b, "[U+%04X]", c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.Bytes()
}

// isInvisible leaves out those that words of some languages need: the joiners.
func isInvisible(c rune) bool {
	switch c {
	case '\n', '\r', '\t', '\u200c', '\u200d':
		return false
	case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0', '\u2028', '\u2029': // blank, and no spaces
		return true
	}
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Co)
}
