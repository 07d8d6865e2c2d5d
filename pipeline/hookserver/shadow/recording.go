package shadow

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// Recording is what a hosted chain has sent for one annotation, in the order of sending,
// with what it was answered. It holds credentials, as the calls did: keep it as such.
//
// Its JSON is a list of objects with method, url, header ({"Name": ["value"]}), body, status,
// reply_header and reply_body; a body that is not text is body_base64 or reply_body_base64.
type Recording struct {
	Calls []RecordedCall
}

// RecordedCall is one call of a [Recording].
type RecordedCall struct {
	Method, URL string
	Header      http.Header
	Body        []byte
	// Status is that of the reply, 0 if that was not recorded.
	Status      int
	ReplyHeader http.Header
	ReplyBody   []byte
}

// maxRecording is how many bytes a recording may have.
const maxRecording = 256 << 20

// ReadRecording reads a recording from a HAR file, as proxies and gateways write it, or
// from the JSON of a [Recording]. An error names the entry that is at fault.
func ReadRecording(r io.Reader) (*Recording, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxRecording+1))
	if err != nil {
		return nil, fmt.Errorf("shadow: reading the recording: %w", err)
	}
	if len(data) > maxRecording {
		return nil, fmt.Errorf("shadow: the recording has more than %d bytes", maxRecording)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	recording := &Recording{}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		err = json.Unmarshal(data, recording)
	} else {
		err = recording.readHAR(data)
	}
	if err != nil {
		return nil, fmt.Errorf("shadow: %w", err)
	}
	return recording, nil
}

// entry is a call in a recording's own JSON.
type entry struct {
	Method          string      `json:"method"`
	URL             string      `json:"url"`
	Header          http.Header `json:"header,omitempty"`
	Body            string      `json:"body,omitempty"`
	BodyBase64      []byte      `json:"body_base64,omitempty"`
	Status          int         `json:"status,omitempty"`
	ReplyHeader     http.Header `json:"reply_header,omitempty"`
	ReplyBody       string      `json:"reply_body,omitempty"`
	ReplyBodyBase64 []byte      `json:"reply_body_base64,omitempty"`
}

// MarshalJSON writes what [ReadRecording] reads.
func (r *Recording) MarshalJSON() ([]byte, error) {
	entries := make([]entry, len(r.Calls))
	for i, c := range r.Calls {
		e := &entries[i]
		*e = entry{Method: c.Method, URL: c.URL, Header: c.Header, Status: c.Status, ReplyHeader: c.ReplyHeader}
		e.Body, e.BodyBase64 = textOrBytes(c.Body)
		e.ReplyBody, e.ReplyBodyBase64 = textOrBytes(c.ReplyBody)
	}
	return json.Marshal(entries)
}

func textOrBytes(body []byte) (string, []byte) {
	if utf8.Valid(body) {
		return string(body), nil
	}
	return "", body
}

// UnmarshalJSON reads what MarshalJSON writes, and refuses keys that it does not know.
func (r *Recording) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var entries []entry
	if err := d.Decode(&entries); err != nil {
		return fmt.Errorf("the recording is not a list of calls: %w", err)
	}
	calls := make([]RecordedCall, len(entries))
	for i, e := range entries {
		if len(e.BodyBase64) > 0 && e.Body != "" || len(e.ReplyBodyBase64) > 0 && e.ReplyBody != "" {
			return fmt.Errorf("call %d has a body twice, as text and in base64", i+1)
		}
		calls[i] = RecordedCall{
			Method: e.Method, URL: e.URL, Header: e.Header, Body: append(e.BodyBase64, e.Body...),
			Status: e.Status, ReplyHeader: e.ReplyHeader, ReplyBody: append(e.ReplyBodyBase64, e.ReplyBody...),
		}
		if err := calls[i].check(); err != nil {
			return fmt.Errorf("call %d: %w", i+1, err)
		}
	}
	r.Calls = calls
	return nil
}

func (c *RecordedCall) check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "":
		return errors.New("the url is not an address with a host")
	case c.Method == "":
		return errors.New("the method is missing")
	case c.Status != 0 && (c.Status < 100 || c.Status > 999):
		return fmt.Errorf("%d is not a valid status", c.Status)
	}
	return nil
}

// har is what is read of a HAR file, version 1.2.
type har struct {
	Log *struct {
		Entries []struct {
			Request struct {
				Method   string
				URL      string
				Headers  []harField
				BodySize int
				PostData *harBody
			}
			Response struct {
				Status  int
				Headers []harField
				Content harBody
			}
		}
	}
}

type harField struct{ Name, Value string }

type harBody struct {
	Text     string
	Encoding string // base64, or "" for text
	Params   []harField
}

func (r *Recording) readHAR(data []byte) error {
	var file har
	if err := json.Unmarshal(data, &file); err != nil {
		return fmt.Errorf("the recording is neither a HAR file nor a list of calls: %w", err)
	}
	if file.Log == nil {
		return errors.New("the recording is neither a HAR file, which has a log, nor a list of calls")
	}
	for i, e := range file.Log.Entries {
		c := RecordedCall{
			Method: e.Request.Method, URL: e.Request.URL, Header: harHeader(e.Request.Headers),
			Status: e.Response.Status, ReplyHeader: harHeader(e.Response.Headers),
		}
		c.URL, _, _ = strings.Cut(c.URL, "#")
		var err error
		if e.Request.PostData != nil {
			c.Body, err = e.Request.PostData.bytes()
		}
		switch size := e.Request.BodySize; {
		case err != nil:
		case size > 0 && size != len(c.Body):
			err = fmt.Errorf("the body had %d bytes when it was sent and has %d in the file, so that it is not what left", size, len(c.Body))
		default:
			c.ReplyBody, err = e.Response.Content.bytes()
		}
		if err == nil {
			err = c.check()
		}
		if err != nil {
			return fmt.Errorf("entry %d of the HAR file: %w", i+1, err)
		}
		for _, name := range []string{"Content-Encoding", "Content-Length", "Transfer-Encoding"} {
			c.ReplyHeader.Del(name) // the content is there as it was before
		}
		r.Calls = append(r.Calls, c)
	}
	return nil
}

func harHeader(fields []harField) http.Header {
	h := make(http.Header, len(fields))
	for _, f := range fields {
		if !strings.HasPrefix(f.Name, ":") { // of HTTP/2
			h.Add(f.Name, f.Value)
		}
	}
	return h
}

func (b *harBody) bytes() ([]byte, error) {
	switch {
	case b.Encoding == "base64":
		return base64.StdEncoding.DecodeString(b.Text)
	case b.Encoding != "":
		return nil, fmt.Errorf("the encoding %q of a body is not known", b.Encoding)
	case b.Text != "" || len(b.Params) == 0:
		return []byte(b.Text), nil
	}
	var pairs []string
	for _, p := range b.Params {
		pairs = append(pairs, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	return []byte(strings.Join(pairs, "&")), nil
}

// Record returns a handler that notes each call on its way to next, such as a
// [net/http/httputil.ReverseProxy] to the ERP that the hosted hooks call instead of it. got
// gets the call when it is answered; it may be called by several goroutines. The address
// is that by which the call has come, with https unless X-Forwarded-Proto says otherwise.
// A call with more than 128 MiB is refused with status 413.
func Record(next http.Handler, got func(RecordedCall)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := httpcall.ReadAll(http.MaxBytesReader(w, r.Body, hookcall.DefaultLimit), min(r.ContentLength, hookcall.DefaultLimit))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		scheme := r.Header.Get("X-Forwarded-Proto")
		if scheme != "http" {
			scheme = "https"
		}
		c := RecordedCall{Method: r.Method, URL: scheme + "://" + r.Host + r.URL.RequestURI(), Header: r.Header.Clone(), Body: body}
		noted := &notedReply{ResponseWriter: w}
		next.ServeHTTP(noted, r)
		c.Status, c.ReplyHeader, c.ReplyBody = noted.status, noted.header, noted.body.Bytes()
		if c.Status == 0 {
			c.Status, c.ReplyHeader = http.StatusOK, w.Header().Clone()
		}
		got(c)
	})
}

// notedReply notes a reply on its way back.
type notedReply struct {
	http.ResponseWriter
	status int
	header http.Header
	body   bytes.Buffer
}

// WriteHeader notes the status, unless it is one that only informs.
func (n *notedReply) WriteHeader(status int) {
	if n.status == 0 && status >= 200 {
		n.status, n.header = status, n.Header().Clone()
	}
	n.ResponseWriter.WriteHeader(status)
}

// Write notes a part of the body.
func (n *notedReply) Write(p []byte) (int, error) {
	if n.status == 0 {
		n.WriteHeader(http.StatusOK)
	}
	n.body.Write(p)
	return n.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] find the writer below.
func (n *notedReply) Unwrap() http.ResponseWriter { return n.ResponseWriter }
