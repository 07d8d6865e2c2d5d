package rossum

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
)

// ErrNotContent means that an address is not that of a document's or annotation's
// content.
var ErrNotContent = errors.New("this is not the address of a document or of the content of a document or annotation, such as https://acme.rossum.app/api/v1/documents/1/content")

var contentPath = regexp.MustCompile(`^/api/v1/(documents/[0-9]+(?:/content)?|annotations/[0-9]+/content)/?$`)

// OpenContent streams the content of a document or annotation, whose address a document's
// text may have given: nothing else of the API is read so. The address of a document
// means its content. For one on another host the error wraps [ErrForeignURL], else
// [ErrNotContent].
func (c *Client) OpenContent(ctx context.Context, address string) (io.ReadCloser, int64, error) {
	path, err := c.contentPath(address)
	if err != nil {
		return nil, 0, err
	}
	return c.openURL(ctx, path)
}

// contentPath checks the address and returns it below /api/v1.
func (c *Client) contentPath(address string) (string, error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%w: %q", ErrNotContent, c.redact.String(address))
	}
	if _, err := c.address(address, nil); err != nil {
		return "", err
	}
	at := contentPath.FindStringSubmatch(u.EscapedPath())
	if at == nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%w: %q", ErrNotContent, c.redact.URL(address))
	}
	return strings.TrimSuffix(at[1], "/content") + "/content", nil
}
