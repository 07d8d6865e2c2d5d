package rossum

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// ErrNotContent means that an address is not that of a document's or annotation's
// content.
var ErrNotContent = errors.New("this is not the address of a document or of the content of a document or annotation, such as https://acme.rossum.app/api/v1/documents/1/content")

var contentPath = regexp.MustCompile(`^/api/v1/(documents/[0-9]+(?:/content)?|annotations/[0-9]+/content)/?$`)

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

// Remote is the content of a document or annotation on the platform, which is read when it
// is opened, and as often as it is opened. [Client.DocumentContent] and [Client.ContentAt]
// make one. It is safe for concurrent use.
type Remote struct {
	source string
	open   func(context.Context) (io.ReadCloser, int64, error)
}

// DocumentContent is the content of the document with the id.
func (c *Client) DocumentContent(id int64) Remote {
	return c.remote("document "+strconv.FormatInt(id, 10), documentPath(id)+"/content", nil)
}

// ContentAt is the content of a document or annotation at an address, which a document's
// text may have given: nothing else of the API is read so. The address of a document
// means its content. Opening one on another host gives an error that wraps
// [ErrForeignURL], any other address one that wraps [ErrNotContent].
func (c *Client) ContentAt(address string) Remote {
	path, err := c.contentPath(address)
	if err != nil {
		return c.remote("an address that cannot be read", "", err)
	}
	return c.remote(strings.Replace(strings.TrimSuffix(path, "/content"), "s/", " ", 1), path, nil) // documents/7: document 7
}

// remote is what a path of the API holds, or an error that opening it gives.
func (c *Client) remote(source, path string, err error) Remote {
	return Remote{source, func(ctx context.Context) (io.ReadCloser, int64, error) {
		if err != nil {
			return nil, 0, err
		}
		return c.openURL(ctx, path)
	}}
}

// Open begins to read the content. The caller closes the reader.
func (r Remote) Open(ctx context.Context) (io.ReadCloser, error) {
	body, _, err := r.open(ctx)
	return body, err
}

// OpenSized is Open that also says how many bytes there are, -1 if the platform does not
// say.
func (r Remote) OpenSized(ctx context.Context) (io.ReadCloser, int64, error) { return r.open(ctx) }

// Size is -1: it is not known before the content is opened.
func (r Remote) Size() int64 { return -1 }

// Source says what is read, such as document 7.
func (r Remote) Source() string { return r.source }
