package oauth

import (
	"bytes"
	"cmp"
	"io"
)

// plain has the bytes that are not escaped: letters, digits and -._~ (RFC 5849, 3.6).
var plain = func() (table [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		table[c] = true
	}
	return table
}()

// percent escapes a text.
func percent(text string) string { return string(appendPercent(nil, []byte(text))) }

func appendPercent(out, data []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range data {
		if plain[c] {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return out
}

// percentWriter escapes what is written to it.
type percentWriter struct {
	to  io.Writer
	buf []byte
}

func (w *percentWriter) Write(p []byte) (int, error) {
	w.buf = appendPercent(w.buf[:0], p)
	if _, err := w.to.Write(w.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// compare orders two texts as they are ordered when they are escaped.
func compare(a, b []byte) int {
	shorter := min(len(a), len(b))
	if bytes.Equal(a[:shorter], b[:shorter]) {
		return cmp.Compare(len(a), len(b))
	}
	i := 0
	for a[i] == b[i] {
		i++
	}
	return cmp.Compare(rank(a[i]), rank(b[i]))
}

// rank is the place of a byte among the escaped ones. The percent sign, with which an
// escape begins, comes before all bytes that are not escaped.
func rank(c byte) int {
	if plain[c] {
		return 256 + int(c)
	}
	return int(c)
}
