package hookcall

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// isJSON reports whether a Content-Type names JSON. Its parameters say nothing about
// JSON, which is UTF-8, so that a broken one does no harm either (RFC 8259, 11).
func isJSON(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	kind, name, ok := strings.Cut(mediaType, "/")
	return mediaType == "application/json" || ok && kind != "" && strings.HasSuffix(name, "+json") && !strings.ContainsAny(name, "/, ")
}

// compressed reports whether a body is compressed; only gzip is understood.
func compressed(h http.Header) (bool, error) {
	switch encoding := strings.ToLower(strings.TrimSpace(strings.Join(h.Values("Content-Encoding"), ","))); encoding {
	case "", "identity":
		return false, nil
	case "gzip", "x-gzip":
		return true, nil
	default:
		return false, &Refusal{Status: http.StatusUnsupportedMediaType, Text: "the Content-Encoding is " + strconv.Quote(encoding) + "; a hook call may be compressed with gzip only"}
	}
}

// open checks the signature of a body and returns it as it was before it was
// compressed. What is signed is the body as it was sent or, when a proxy on the way
// has compressed it, as it was before that.
func (c *Reader) open(h http.Header, body []byte, isCompressed bool) ([]byte, error) {
	if !isCompressed {
		return body, c.verify(h, body)
	}
	asSent := c.verify(h, body)
	whole, err := c.gunzip(body)
	if err != nil || asSent == nil {
		return whole, err
	}
	return whole, c.verify(h, whole)
}

func (c *Reader) gunzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err == nil {
		var whole []byte
		if whole, err = io.ReadAll(io.LimitReader(z, c.limit+1)); err == nil && int64(len(whole)) <= c.limit {
			return whole, nil
		}
	}
	if err == nil {
		return nil, c.tooLarge()
	}
	return nil, &Refusal{Status: http.StatusBadRequest, Text: "the body cannot be decompressed with gzip: " + err.Error()}
}

func (c *Reader) tooLarge() error {
	return &Refusal{Status: http.StatusRequestEntityTooLarge, Text: "the body is larger than " + strconv.FormatInt(c.limit, 10) + " bytes"}
}
