package httpcall

import (
	"net/url"
	"testing"
)

func TestEveryByteIsEscapedAsQueryEscapeDoes(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		data := []byte{'a', byte(c), byte(c)}
		if got, want := string(appendEscaped(nil, data)), url.QueryEscape(string(data)); got != want {
			t.Errorf("byte %#x: %q, expected %q", c, got, want)
		}
	}
}
