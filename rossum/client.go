package rossum

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// Limits of Rossum's API.
const (
	pageSize = 100
	// MaxDocumentSize is the largest document in bytes that Rossum takes.
	MaxDocumentSize = 40 << 20
)

// apiTimeout bounds one attempt of a call that carries no document.
const apiTimeout = 30 * time.Second

// Client calls Rossum's API with the token of a hook call. All clients of an organisation
// in this process keep to its limit together, 600 requests in any minute (20 of them may
// follow each other at once after a pause), and wait together where the platform asks one
// of them to (429, Retry-After). A client repeats what is safe to repeat, and never takes
// the token to another host. It is safe for concurrent use.
type Client struct {
	origin string // https://organisation.rossum.app
	token  Secret
	calls  *httpcall.Client
	redact *redact.Redactor

	announcer Announcer // nil: calls are made as they come
}

// ClientOptions are the options of [NewClient]; the zero value works.
type ClientOptions struct {
	// HTTPClient is the client that calls go through, for proxies and tests; nil means
	// the default. Its Timeout and CheckRedirect are not used.
	HTTPClient *http.Client
}

// NewClient makes a client for a base URL such as https://acme.rossum.app and a
// token. The URL must be https, or http on a loopback address for tests; a path
// such as /api/v1 is accepted and passed over.
func NewClient(baseURL string, token Secret, o ClientOptions) (*Client, error) {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return nil, errors.New("base URL of Rossum: not a URL")
	case u.Hostname() == "":
		return nil, fmt.Errorf("base URL of Rossum: %q has no host", baseURL)
	case u.User != nil:
		return nil, errors.New("base URL of Rossum: it must not carry a user")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, fmt.Errorf("base URL of Rossum: %q does not begin with https://", baseURL)
	}
	return &Client{
		origin: u.Scheme + "://" + u.Host, token: token, redact: redact.New(string(token)),
		calls: httpcall.New(httpcall.Options{HTTP: o.HTTPClient}),
	}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// BaseURL returns scheme and host of the API.
func (c *Client) BaseURL() string { return c.origin }

// APIError is an answer of Rossum's API whose status is an error.
type APIError struct {
	Status int
	Method string
	URL    string
	Detail string // what the platform says, shortened
}

func (e *APIError) Error() string {
	text := fmt.Sprintf("Rossum API: %s %s: status %d", e.Method, e.URL, e.Status)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Categories of [APIError]; match them with errors.Is.
var (
	ErrUnauthorized = errors.New("the token is not valid") // 401
	ErrDenied       = errors.New("not permitted")          // 403
	ErrNotFound     = errors.New("not found")              // 404, 410
	ErrConflict     = errors.New("conflict")               // 409
	ErrRateLimited  = errors.New("too many requests")      // 429
	ErrForeignURL   = errors.New("the address is on another host; the token is not sent there")
)

// Is makes errors.Is find the category.
func (e *APIError) Is(target error) bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return target == ErrUnauthorized
	case http.StatusForbidden:
		return target == ErrDenied
	case http.StatusNotFound, http.StatusGone:
		return target == ErrNotFound
	case http.StatusConflict:
		return target == ErrConflict
	case http.StatusTooManyRequests:
		return target == ErrRateLimited
	}
	return false
}

// address makes the URL of a path below /api/v1, or checks that a whole URL
// belongs to this organisation.
func (c *Client) address(pathOrURL string, query url.Values) (string, error) {
	address := pathOrURL
	if strings.Contains(pathOrURL, "//") {
		u, err := url.Parse(pathOrURL)
		if err != nil || u.Scheme+"://"+u.Host != c.origin || u.User != nil {
			return "", fmt.Errorf("%w: %s", ErrForeignURL, c.redact.URL(pathOrURL))
		}
	} else {
		address = c.origin + "/api/v1/" + strings.TrimPrefix(pathOrURL, "/")
	}
	if len(query) > 0 {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + query.Encode()
	}
	return address, nil
}

// request is a call of the API.
type request struct {
	method, path string
	query        url.Values
	body         httpcall.Body
	contentType  string
	accept       string // */* for a stream, else JSON
	stream       bool
	timeout      time.Duration
}

func (c *Client) do(ctx context.Context, r request) (*httpcall.Reply, error) {
	if c == nil {
		return nil, errors.New("Rossum API: the client is nil")
	}
	address, err := c.address(r.path, r.query)
	if err != nil {
		return nil, err
	}
	call := &httpcall.Call{
		Method: r.method, URL: address, Body: r.body, Timeout: r.timeout, Stream: r.stream, Redactor: c.redact,
		Header: http.Header{"Authorization": {"Bearer " + string(c.token)}, "Accept": {"application/json"}},
		Retry:  httpcall.IfRefused,
		Rossum: true,
	}
	if r.stream {
		call.Header.Set("Accept", "*/*")
	}
	if r.accept != "" {
		call.Header.Set("Accept", r.accept)
	}
	if call.Timeout == 0 {
		call.Timeout = apiTimeout
	}
	if r.contentType != "" {
		call.Header.Set("Content-Type", r.contentType)
	}
	switch r.method {
	case http.MethodGet, http.MethodDelete, http.MethodPatch:
		call.Retry = httpcall.Always // PATCH sets values, so that a second one changes nothing
	}
	reply, err := c.call(ctx, call)
	if err != nil {
		return nil, err
	}
	if reply.Status >= 200 && reply.Status < 300 {
		return reply, nil
	}
	return nil, c.apiError(call, reply)
}

// maxDetail is how much of an error's body is kept, maxDetailRead how much is looked at.
const (
	maxDetail     = 500
	maxDetailRead = 16 << 10
)

func (c *Client) apiError(call *httpcall.Call, reply *httpcall.Reply) error {
	body := reply.Body
	if reply.Stream != nil {
		body, _ = io.ReadAll(io.LimitReader(reply.Stream, maxDetailRead)) // what can't be read is left out
		_ = reply.Stream.Close()
	}
	detail := strings.ToValidUTF8(string(body[:min(len(body), maxDetailRead)]), "")
	var parsed struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &parsed) == nil && parsed.Detail != "" {
		detail = parsed.Detail
	}
	return &APIError{
		Status: reply.Status, Method: call.Method, URL: c.redact.URL(call.URL),
		Detail: c.detail(detail),
	}
}

// detail is a text of the platform for an error: without secrets, and then cut off.
func (c *Client) detail(text string) string {
	text = strings.Join(strings.Fields(c.redact.String(text)), " ")
	return strings.ToValidUTF8(text[:min(len(text), maxDetail)], "")
}

// getJSON reads one object.
func (c *Client) getJSON(ctx context.Context, path string, query url.Values, into any) error {
	reply, err := c.do(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	return decode(reply.Body, path, into)
}

// send writes one object and reads the answer, if into is not nil.
func (c *Client) send(ctx context.Context, method, path string, body, into any) error {
	r := request{method: method, path: path}
	if body != nil {
		r.body, r.contentType = httpcall.Bytes(encode(body)), "application/json"
	}
	reply, err := c.do(ctx, r)
	if err != nil || into == nil {
		return err
	}
	return decode(reply.Body, path, into)
}

func decode(body []byte, path string, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the API of Rossum: reading the answer of %s: %w", path, err)
	}
	return nil
}

// list yields the objects of all pages. It stops at the first error.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		query := cloneQuery(query)
		query.Set("page_size", strconv.Itoa(pageSize))
		next := path
		for seen := map[string]bool{}; next != ""; {
			if seen[next] {
				yield(none, fmt.Errorf("the API of Rossum: the pages of %s go round in a circle", path))
				return
			}
			seen[next] = true
			var page struct {
				Pagination struct {
					Next *string `json:"next"`
				} `json:"pagination"`
				Results []json.RawMessage `json:"results"`
			}
			if err := c.getJSON(ctx, next, query, &page); err != nil {
				yield(none, err)
				return
			}
			for _, raw := range page.Results {
				item := new(T)
				err := decode(raw, path, item)
				if err == nil && string(raw) == "null" {
					err = fmt.Errorf("the API of Rossum: an entry of %s is null", path)
				}
				if err != nil {
					yield(none, err)
					return
				}
				if !yield(*item, nil) {
					return
				}
			}
			if next, query = "", nil; page.Pagination.Next != nil {
				next = *page.Pagination.Next
			}
		}
	}
}

func cloneQuery(q url.Values) url.Values {
	copied := make(url.Values, len(q)+1)
	for k, v := range q {
		copied[k] = v
	}
	return copied
}

// collect gathers what a list yields.
func collect[T any](items iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// FetchContent loads the content tree of an annotation whose payload carries
// only its address. An annotation that has its content is left as it is.
func (c *Client) FetchContent(ctx context.Context, a *Annotation) error {
	if a == nil {
		return errors.New("fetching the content of an annotation: it is nil")
	}
	if a.Content != nil {
		return nil
	}
	path := a.ContentURL
	if path == "" {
		path = fmt.Sprintf("annotations/%d/content", a.ID)
	}
	reply, err := c.do(ctx, request{method: http.MethodGet, path: path})
	if err != nil {
		return fmt.Errorf("fetching the content of annotation %d: %w", a.ID, err)
	}
	content, err := ParseContent(bytes.Clone(reply.Body))
	if err != nil {
		return fmt.Errorf("fetching the content of annotation %d: %w", a.ID, err)
	}
	content.childOf = a.childOf
	a.Content = content
	return nil
}
