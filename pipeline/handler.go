package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Defaults of a [Handler].
const (
	DefaultBodyLimit = 128 << 20        // bytes of a hook call
	DefaultTimeout   = 30 * time.Second // Rossum's own default of a hook's timeout_s
)

// answerTime is kept free at the end of the hook's time-out: an answer that
// comes late makes the platform call again.
const answerTime = time.Second

// HandlerOption sets how a [Handler] serves. Every [Option] is one, too.
type HandlerOption interface{ applyTo(h *handler) }

func (o Option) applyTo(h *handler) { h.options = append(h.options, o) }

type handlerOption func(*handler)

func (o handlerOption) applyTo(h *handler) { o(h) }

// WithSecret has calls checked against the hook's secret, which must not be empty.
// Several secrets are for the days in which one replaces the other.
func WithSecret(secrets ...string) HandlerOption {
	return handlerOption(func(h *handler) { h.secrets = append(h.secrets, secrets...) })
}

// WithoutSignature has calls accepted as they come, for a hook without a secret
// behind a door of its own.
func WithoutSignature() HandlerOption { return handlerOption(func(h *handler) { h.unsigned = true }) }

// WithBodyLimit sets how many bytes a hook call may have.
func WithBodyLimit(bytes int64) HandlerOption {
	return handlerOption(func(h *handler) { h.limit = bytes })
}

type handler struct {
	chain    *Chain
	options  []Option
	secrets  []string
	unsigned bool
	limit    int64
	log      *slog.Logger
	timeout  time.Duration
	runs     runs
	async    *Async
	large    chan struct{}                                                // turns of large bodies
	choose   func(path string, p *rossum.Payload) (*Chain, func(), error) // nil for one chain
}

// Handler serves a chain as a Rossum hook: mount it at the path of the hook's
// URL. It answers
//
//   - 200 with messages and operations once the chain has run, also when the
//     export failed: with any other status the platform would ignore the operations;
//   - 400 for a body that is no hook call, 413 for one over the limit, 415 for a
//     content type that is not JSON, 422 for an event that is no export;
//   - 401 for a call whose signature is missing, before its body is read, or wrong,
//     before the body is read as JSON; 408 for a body that takes longer than 30
//     seconds, and 503 when it would have to wait longer than that for its turn,
//     since only four bodies of more than a megabyte are read at a time;
//   - 200 to GET and HEAD, for health checks; 405 to other methods.
//
// The run is bounded by the hook's time-out (see [WithTimeout]) less a second, so
// that the answer is in time, and it does not end when the caller hangs up:
// what was begun is finished. A call that comes again, because the platform did
// not see the answer, does not run the chain again: it gets the answer of the
// first. For this the handler remembers answers for 15 minutes. For exports that
// take longer than the hook's time-out there is [WithAsync].
//
// Events other than an export are for steps that clean up: with status events of
// the annotation (purged, deleted) the chain runs, too.
//
// The error says that the hook's secret is empty, or that there is none and
// [WithoutSignature] does not say that this is wanted.
func Handler(chain *Chain, options ...HandlerOption) (http.Handler, error) {
	h, err := newHandler(chain, options)
	if err != nil {
		return nil, err
	}
	return h, nil
}

func newHandler(chain *Chain, options []HandlerOption) (*handler, error) {
	h := &handler{chain: chain, limit: DefaultBodyLimit, large: make(chan struct{}, largeBodies)}
	for _, o := range options {
		if o != nil {
			o.applyTo(h)
		}
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	h.chain = chain.With(h.options...)
	h.timeout = h.chain.config.timeout
	if h.timeout == 0 {
		h.timeout = DefaultTimeout
	}
	if len(h.secrets) > 0 {
		h.chain = h.chain.With(func(c *config) { c.signed = true })
	}
	h.chain = h.chain.With(WithTimeout(h.timeout - min(answerTime, h.timeout/10)))
	if h.log = h.chain.config.log; h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	return h, nil
}

// refusal is an answer to a call that is not carried out.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if token := r.URL.Query().Get(pollKey); h.async != nil && token != "" {
			h.async.poll(w, r, token)
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		refuse(w, &refusal{http.StatusMethodNotAllowed, "a hook is called with POST"})
		return
	}
	p, err := h.read(w, r)
	if err != nil {
		h.log.WarnContext(r.Context(), "hook call refused", "error", err)
		refuse(w, err)
		return
	}
	if h.async != nil {
		h.serveAsync(w, r, p)
		return
	}
	response, err := h.runs.once(r.Context(), runKey(p), func() *rossum.Response {
		return h.export(context.WithoutCancel(r.Context()), h.chain, r.URL.Path, p)
	})
	if err != nil {
		return // the caller has hung up; whoever calls again gets the answer
	}
	writeJSON(w, http.StatusOK, response)
}

// export runs the chain. A panic outside of the steps must not take the
// answer with it.
func (h *handler) export(ctx context.Context, chain *Chain, path string, p *rossum.Payload) (response *rossum.Response) {
	defer func() {
		if v := recover(); v != nil {
			h.log.ErrorContext(ctx, "export panicked", "panic", fmt.Sprint(v))
			response = &rossum.Response{Messages: []rossum.Message{{Type: rossum.ErrorMessage, Content: "Export failed: internal error; see the log of the export service."}}}
		}
	}()
	if h.choose != nil {
		return h.chosen(ctx, chain, path, p)
	}
	response, _ = chain.Export(ctx, p) // an error has become a message, and is in the log
	return response
}

// read takes a call in and checks it.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (*rossum.Payload, error) {
	if !h.unsigned {
		if err := rossum.CheckSignatureHeader(r.Header); err != nil { // before anything is read
			return nil, &refusal{http.StatusUnauthorized, err.Error()}
		}
	}
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil ||
		mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
		return nil, &refusal{http.StatusUnsupportedMediaType, "the Content-Type is not application/json"}
	}
	body, err := h.takeBody(w, r)
	if err != nil {
		return nil, err
	}
	p, err := rossum.ParsePayload(body)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	return p, accepts(p)
}

func accepts(p *rossum.Payload) error {
	switch {
	case p.Annotation == nil:
		return &refusal{http.StatusBadRequest, rossum.ErrPayload.Error() + `: key "annotation" is missing`}
	case p.Event == rossum.EventAnnotationContent && p.Action == rossum.ActionExport,
		p.Event == rossum.EventAnnotationStatus && p.Action == rossum.ActionChanged:
		return nil
	}
	return &refusal{http.StatusUnprocessableEntity, fmt.Sprintf("the hook was called for %q; this one serves annotation_content.export and annotation_status.changed", p.Event+"."+p.Action)}
}

// readBody reads a body of a known length into a buffer of just that size.
func readBody(r io.Reader, length, limit int64) ([]byte, error) {
	if length <= 0 || length > limit {
		return io.ReadAll(r)
	}
	// Grow with what arrives: the length is only what the caller says.
	body := make([]byte, 0, min(length, 1<<20))
	for {
		if len(body) == cap(body) {
			grown := make([]byte, len(body), min(max(length, int64(len(body))+1), 4*int64(cap(body))))
			copy(grown, body)
			body = grown
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		case int64(len(body)) == length:
			return body, nil
		}
	}
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var r *refusal
	if errors.As(err, &r) {
		status = r.status
	}
	writeJSON(w, status, &rossum.Response{Messages: []rossum.Message{{Type: rossum.ErrorMessage, Content: "Export failed: " + err.Error()}}})
}

// encodeJSON leaves <, > and & as they are: messages may hold HTML.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := encodeJSON(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"messages":[{"type":"error","content":"Export failed: internal error."}]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the platform will call again if it did not get the answer
}
