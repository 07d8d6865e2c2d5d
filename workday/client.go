package workday

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// defaultTimeout bounds a call, within its context. It is what Rossum's connector
// allows a call.
const defaultTimeout = 15 * time.Minute

// Errors of a call; match them with errors.Is.
var (
	// ErrOperation means that the service has no such operation.
	ErrOperation = errors.New("no such operation")
	// ErrMapping means that the body does not fit the schema; the text names each
	// fault with its path. Nothing was sent.
	ErrMapping = errors.New("the body does not fit the schema")
	// ErrReply means that Workday's answer cannot be read. The call may have been
	// carried out.
	ErrReply = errors.New("the answer cannot be read")
	// ErrMaybeDone means that the connection ended after the call had begun to be
	// sent: Workday may have carried it out.
	ErrMaybeDone = errors.New("the connection ended before the answer")
	// ErrRefused means that the call was turned down before anything was done: by a
	// status such as 401, 403, 404 or 429 without a SOAP fault, or by a redirect.
	ErrRefused = errors.New("Workday refused the call")
	// ErrFile means that a file of the body could not be read, so that the call was
	// not sent to its end and Workday cannot have carried it out.
	ErrFile = errors.New("a file to be sent cannot be read; the call was not completed")
)

// ClientOptions are the options of [NewClient]; the zero value works.
type ClientOptions struct {
	// HTTPClient is the client that calls go through. Its Transport is used, its Timeout
	// and CheckRedirect are not. nil means one of our own.
	HTTPClient *http.Client
	// Timeout bounds a call, within its context; 15 minutes if 0.
	Timeout time.Duration
	// WSDLLifetime is how long a WSDL is kept, an hour if 0.
	WSDLLifetime time.Duration
	// CacheDir is a directory for what is known of WSDLs; see [Step.CacheDir].
	CacheDir string
}

// Client calls operations of a Workday tenant from Go, such as the look-ups Get_….
// It may be used by several goroutines, which share what is known of a service.
type Client struct {
	wsdl        WSDL
	credentials credentials
	documents   *documents
	options     ClientOptions
	calls       *httpcall.Client
	redactor    *redact.Redactor
}

// NewClient returns a client. username is without the tenant. The error says what
// is wrong with the WSDL's coordinates or the credentials.
func NewClient(w WSDL, username, password string, o ClientOptions) (*Client, error) {
	var faults settings.Faults
	w.check(&faults, "")
	if err := faults.Err(); err != nil {
		return nil, err
	}
	c, _, err := newCredentials(username, password, w.Tenant)
	if err != nil {
		return nil, err
	}
	return &Client{
		wsdl: w, credentials: c, documents: newDocuments(o.WSDLLifetime, o.CacheDir), options: o,
		calls: httpcall.New(httpcall.Options{HTTP: o.HTTPClient}), redactor: redact.New(password),
	}, nil
}

// Call calls an operation of a service and returns the element that its answer
// has in the body. body is an [Object] or a map[string]any; its names are those of the
// service's schema, and "_value_1" is the text beside attributes. Values are what JSON
// knows, and
//
//   - []byte or a [pipeline.Content] for a file, which goes out in base64,
//   - [time.Time]: for an xsd:date its date in its own time zone, without the zone; for an
//     xsd:dateTime or xsd:time with microseconds, if it has any, and its zone,
//   - numbers of any kind of Go: integers as they are, floats with the fewest digits that
//     tell them apart (0.1 is 0.1), and no exponents where the schema has decimals,
//   - for amounts of money, which a float may not hold, a text such as "1234.50", a
//     [json.Number], [rossum.Decimal], *big.Rat, *big.Int, or whatever else implements
//     [encoding.TextMarshaler], such as the decimals of other modules: all digits go out.
//     A *big.Rat that is no decimal, such as 1/3, is an error.
//
// nil leaves its element out, as does a nil pointer.
//
// Errors are a [*Fault] for what Workday answers, and else wrap one of this
// package's errors. A call is made once: it is repeated only if nothing was sent.
func (c *Client) Call(ctx context.Context, service, operation string, body any) (*Object, error) {
	if c == nil {
		return nil, errors.New("calling Workday: the client is nil")
	}
	var faults settings.Faults
	checkName(&faults, "service", service)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	mapping, err := toTemplate(body, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMapping, err)
	}
	entry, _, err := c.documents.get(ctx, c.options.HTTPClient, &c.wsdl, c.wsdl.address(service))
	if err != nil {
		return nil, err
	}
	p, err := prepare(ctx, entry.doc, &c.wsdl, service, operation, mapping)
	if err != nil {
		return nil, err
	}
	call, closeFiles, err := p.call(ctx, c.credentials, c.options.Timeout)
	defer closeFiles()
	if err != nil {
		return nil, err
	}
	call.Redactor = c.redactor
	reply, err := c.calls.Do(ctx, call)
	if err != nil {
		return nil, sendError(err)
	}
	answer, err := p.read(ctx, reply)
	if err != nil {
		return nil, err
	}
	o, _ := fromTemplate(answer.Decode()).(*Object)
	if o == nil {
		o = &Object{}
	}
	return o, nil
}

// prepared is a call that is ready to be sent.
type prepared struct {
	operation *wsdl.Operation
	mapping   pyvalue.Value
	address   string
	message   *message.Message
}

// prepare finds the operation and makes the body.
func prepare(ctx context.Context, doc *wsdl.Document, w *WSDL, service, operation string, mapping pyvalue.Value) (*prepared, error) {
	op, err := doc.Operation(operation)
	if errors.Is(err, wsdl.ErrNoOperation) {
		meant := ""
		if best := settings.Nearest(operation, doc.Operations()); best != "" {
			meant = fmt.Sprintf(" (did you mean %s?)", best)
		}
		return nil, fmt.Errorf("service %s has %w: %s%s", service, ErrOperation, operation, meant)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWSDL, err)
	}
	p := &prepared{operation: op, mapping: mapping, address: op.Address}
	u, err := url.Parse(p.address)
	if err != nil || p.address == "" {
		return nil, fmt.Errorf("%w: it has no usable address for calls", ErrWSDL)
	}
	if err := w.checkHost(u); err != nil {
		return nil, fmt.Errorf("the WSDL sends calls elsewhere: %w", err)
	}
	p.message, err = message.Encode(ctx, op.Inputs, op.Headers, mapping)
	var faults *message.Faults
	switch {
	case errors.As(err, &faults):
		return nil, fmt.Errorf("%w: %w", ErrMapping, err)
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrWSDL, err)
	}
	return p, nil
}

// call makes the HTTP call, with its files opened. closeFiles is to be called in any
// case.
func (p *prepared) call(ctx context.Context, c credentials, timeout time.Duration) (call *httpcall.Call, closeFiles func(), err error) {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	header := make(http.Header)
	header.Set("Content-Type", "text/xml; charset=utf-8")
	header.Set("SOAPAction", `"`+p.operation.Action+`"`)
	body := envelope(p.message, c)
	if closeFiles, err = body.OpenFiles(ctx); err != nil {
		return nil, closeFiles, &fileError{err}
	}
	return &httpcall.Call{
		Method: http.MethodPost, URL: p.address, Header: header, NoRedirect: true, Timeout: timeout, Body: fileErrors{body},
	}, closeFiles, nil
}

// fileErrors marks the errors of reading a body: whoever gets half of an envelope
// cannot act on it.
type fileErrors struct{ *message.Body }

func (b fileErrors) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := b.Body.Open(ctx)
	return fileErrorReader{r}, err
}

// Parts are those of the message, each of whose files marks its errors.
func (b fileErrors) Parts() []httpcall.Body {
	list := b.Body.Parts()
	for i, one := range list {
		if file, ok := one.(*message.Body); ok {
			list[i] = fileErrors{file}
		}
	}
	return list
}

type fileErrorReader struct{ io.ReadCloser }

func (r fileErrorReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = &fileError{err}
	}
	return n, err
}

type fileError struct{ err error }

func (e *fileError) Error() string { return ErrFile.Error() + ": " + e.err.Error() }

func (e *fileError) Unwrap() []error { return []error{ErrFile, e.err} }

// sendError tells what a failed call means.
func sendError(err error) error {
	var unread *fileError
	var direct *httpcall.Error
	var failed *send.Error
	var cause error
	notSent := errors.Is(err, pipeline.ErrNotSent)
	switch {
	case errors.As(err, &unread):
		return unread
	case refusal(err) != nil:
		return refusal(err)
	case errors.As(err, &failed):
		cause = failed.Err
	case errors.As(err, &direct):
		cause = direct.Err
	default:
		return err
	}
	switch {
	case errors.Is(err, httpcall.ErrTooLarge), errors.Is(err, httpcall.ErrRedirect):
		return fmt.Errorf("%w: %w", ErrReply, cause)
	case notSent && errors.Is(err, context.Canceled), notSent && errors.Is(err, context.DeadlineExceeded):
		return err
	case notSent:
		return fmt.Errorf("%w: %w", ErrConnect, err)
	}
	return fmt.Errorf("%w: %w", ErrMaybeDone, cause)
}

// refusal returns what a redirect means, nil for other errors. A server that redirects a
// call has not carried it out, except with status 303.
func refusal(err error) error {
	var redirect *httpcall.RedirectError
	if !errors.As(err, &redirect) || redirect.Status == http.StatusSeeOther {
		return nil
	}
	to := "another address"
	if u, err := url.Parse(redirect.URL); err == nil && u.Host != "" {
		to = u.Host
	}
	return fmt.Errorf("%w: it redirects to %s (status %d), which is not followed; the tenant may be in maintenance, or have moved", ErrRefused, to, redirect.Status)
}

// refusals say what a status without a SOAP fault means.
var refusals = map[int]string{
	http.StatusUnauthorized:    "the user name or the password is not accepted; check the secrets workday_username and workday_password",
	http.StatusForbidden:       "the user may not call this service, or the tenant does not accept calls from this network",
	http.StatusNotFound:        "there is no service at the address that the WSDL names",
	http.StatusGone:            "there is no service at the address that the WSDL names",
	http.StatusTooManyRequests: "there were too many calls at once; export again later",
}

// read reads an answer. The error is a [*Fault], or wraps [ErrReply].
func (p *prepared) read(ctx context.Context, reply *httpcall.Reply) (answer message.Answer, err error) {
	body, err := openEnvelope(ctx, reply)
	if err == nil {
		if fault := body.Child("Fault"); fault.Exists() {
			return answer, newFault(reply.Status, fault, p.mapping)
		}
	}
	if why := refusals[reply.Status]; why != "" {
		return answer, fmt.Errorf("%w with status %d: %s", ErrRefused, reply.Status, why)
	}
	if err != nil {
		return answer, err
	}
	if reply.Status != http.StatusOK {
		return answer, fmt.Errorf("%w: status %d without a fault", ErrReply, reply.Status)
	}
	element := body.FirstChild()
	declared := p.operation.Output
	if element.Exists() && declared != nil && declared.Name != element.Name() {
		return answer, fmt.Errorf("%w: it holds the element %s, and %s is expected", ErrReply, element.Name().Local, declared.Name.Local)
	}
	return message.NewAnswer(declared, element), nil
}

// openEnvelope returns the body of a SOAP answer.
func openEnvelope(ctx context.Context, reply *httpcall.Reply) (message.Tree, error) {
	root, err := message.ParseTree(ctx, reply.Body)
	if err != nil {
		return message.Tree{}, fmt.Errorf("%w: status %d, content type %q: %w", ErrReply, reply.Status, reply.Header.Get("Content-Type"), err)
	}
	if root.Name().Local != "Envelope" || root.Name().Space != nsEnvelope {
		return message.Tree{}, fmt.Errorf("%w: status %d, its root element is %s and not a SOAP 1.1 envelope", ErrReply, reply.Status, root.Name().Local)
	}
	body := root.Child("Body")
	if !body.Exists() {
		return message.Tree{}, fmt.Errorf("%w: status %d, the envelope has no body", ErrReply, reply.Status)
	}
	return body, nil
}

// shortened is text for a message on the annotation. Secrets go before it is cut off.
func (r *run) shortened(text string) string {
	long := len(text) > maxRead
	text, cut := collapsed(text[:min(len(text), maxRead)], maxRedacted)
	cut = cut || long
	text = strings.Join(strings.Fields(r.x.Redact(text)), " ")
	if cut { // perhaps within a secret
		text = text[:max(0, len(text)-maxSecret)]
	}
	n := 0
	for at := range text {
		if n++; n > maxMessage {
			return text[:at] + "…"
		}
	}
	if cut {
		text = strings.ToValidUTF8(text, "") + "…"
	}
	return text
}

// Bytes of a reply that are read and redacted for a message, and of a secret at their end.
const (
	maxRead     = 1 << 20
	maxRedacted = 256 << 10
	maxSecret   = 64 << 10
)

// collapsed returns the words of a text with a blank between them, as far as they fit into
// n bytes, and whether there are more.
func collapsed(text string, n int) (out string, cut bool) {
	var b strings.Builder
	for word := range strings.FieldsSeq(text) {
		if b.Len()+len(word) >= n {
			b.WriteString(" " + word[:max(0, n-b.Len()-1)])
			return b.String(), true
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String(), false
}

// maxMessage is how many characters a message on the annotation has at most.
const maxMessage = 2000
