package httpcall

import (
	"fmt"
	"net/http"
)

// What a call may have besides its body, in bytes. Most servers take 8 to 64 KiB of each, Go's
// 1 MiB of both; what is longer is the text of a document where a name or number belongs.
const (
	MaxURL    = 256 << 10
	MaxHeader = 1 << 20 // names and values together
)

// Fits returns what keeps a call with a URL or header that is too long from being made.
func Fits(address string, header http.Header) error {
	if len(address) > MaxURL {
		return fmt.Errorf("%w: it has %d bytes, and may have %d KiB; most servers take far fewer", ErrURL, len(address), MaxURL>>10)
	}
	size := 0
	for name, values := range header {
		for _, v := range values {
			if size += len(name) + len(v); size > MaxHeader {
				return fmt.Errorf("%w: with %q it has more than %d KiB; most servers take far fewer", ErrHeader, name, MaxHeader>>10)
			}
		}
	}
	return nil
}
