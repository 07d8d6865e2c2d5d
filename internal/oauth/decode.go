package oauth

import (
	"bufio"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"strings"

	"golang.org/x/text/encoding/unicode"
)

// valid replaces what is not UTF-8, as Python's decoder does.
func valid(text string) string {
	text, _ = unicode.UTF8.NewDecoder().String(text) // which replaces every fault
	return text
}

// beginning decodes as much of a value of which more follows as is certain.
func beginning(raw string) []byte {
	if i := strings.LastIndexByte(raw, '%'); i >= 0 && i > len(raw)-3 {
		raw = raw[:i]
	}
	text, err := url.QueryUnescape(raw)
	if err != nil {
		return nil // which is found out when the value is read
	}
	out := make([]byte, 3*len(text))
	n, _, _ := unicode.UTF8.NewDecoder().Transform(out, []byte(text), false)
	return out[:n]
}

// unquote is Python's urllib.parse.unquote, by which oauthlib decodes the values of fields
// that are called as the parameters of the protocol are.
func unquote(text string) string {
	var out []byte
	for i := 0; i < len(text); i++ {
		var decoded [1]byte
		if text[i] == '%' && i+2 < len(text) {
			if _, err := hex.Decode(decoded[:], []byte(text[i+1:i+3])); err == nil {
				out = append(out, decoded[0])
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return valid(string(out))
}

// unescaper decodes an urlencoded value while it is read.
type unescaper struct{ in *bufio.Reader }

// Read implements [io.Reader].
func (r unescaper) Read(p []byte) (n int, err error) {
	raw, err := r.in.Peek(3) // an escape, unless the value ends
	if len(raw) == 0 {
		return 0, err
	}
	atEnd := len(raw) < 3
	raw, _ = r.in.Peek(r.in.Buffered()) // which is there
	used := 0
	for n < len(p) && used < len(raw) {
		c, width := raw[used], 1
		switch c {
		case '+':
			c = ' '
		case '%':
			if used+3 > len(raw) {
				if atEnd {
					return n, tooEarly(err)
				}
				_, err = r.in.Discard(used)
				return n, err
			}
			var decoded [1]byte
			if _, err := hex.Decode(decoded[:], raw[used+1:used+3]); err != nil {
				return n, errEscape
			}
			c, width = decoded[0], 3
		}
		p[n] = c
		n, used = n+1, used+width
	}
	_, err = r.in.Discard(used)
	return n, err
}

// tooEarly is the error of an escape that ends too early.
func tooEarly(err error) error {
	if errors.Is(err, io.EOF) {
		return errEscape
	}
	return err
}
