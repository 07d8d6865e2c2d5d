package pyvalue

import (
	"encoding/base64"
	"strings"
)

// Base64 returns the base64 of data as a text, which is made in one piece of memory.
func Base64(data []byte) Value {
	var text strings.Builder
	text.Grow(base64.StdEncoding.EncodedLen(len(data)))
	WriteBase64(&text, data)
	return Str(text.String())
}

// WriteBase64 adds the base64 of data to a text.
func WriteBase64(text *strings.Builder, data []byte) {
	w := base64.NewEncoder(base64.StdEncoding, text)
	_, _ = w.Write(data) // memory cannot fail
	_ = w.Close()
}
