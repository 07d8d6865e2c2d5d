package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Option sets how the exports of a chain run. Give it to [Chain.Export], to
// the server of package hookserver, or to [NewExport]. Options are functions here and structs
// elsewhere, since server, program and test each add theirs to one list, and several have a
// nil or an empty list that means something: WithRossum(nil), WithOnlyHosts(). An option that
// was given what it cannot work with, such as a negative time, is an error of all that takes
// it, before anything runs.
type Option func(*config)

// config is what the options set. The zero value works.
type config struct {
	network
	faults []error // of the options themselves

	log         *slog.Logger
	tracer      trace.Tracer
	instruments *instruments // nil for those of the global provider
	client      *rossum.Client
	noClient    bool
	httpClient  *http.Client
	now         func() time.Time
	store       Store
	original    Content
	report      func(context.Context, *Report)
	journal     *Journal
	keep        KeepOptions
	idempotency Idempotency
	probes      map[string]probing
	stopIfSent  bool
	middleware  []Middleware
	timeout     time.Duration
	limiter     Limiter
	turns       Limiter
	turnOf      func(*Export) Turn
	treeLimit   int64 // bytes, 0 for the default
	formulas    Formulas
	schema      *schemaFacts           // of formulas.Schema
	schemas     map[int64]*schemaFacts // of formulas.Queues
	secrets     SecretsOf
	dry         *DryRun
	details     Details
	alone       bool // this run is one hook of several, which cannot see what the others decided
}

func newConfig(options []Option) config {
	c := config{}
	c.apply(options)
	return c
}

// init lets servers say what is wrong with options before the first run; unlike [wire] it
// brings nothing else into a program.
func init() {
	pipelinerun.OptionFaults = func(options any) error {
		c := newConfig(options.([]Option))
		return errors.Join(c.faults...)
	}
}

// fault notes that an option was given what it cannot work with.
func (c *config) fault(option, format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("pipeline."+option+": "+format, args...))
}

func (c *config) apply(options []Option) {
	for _, o := range options {
		if o != nil {
			o(c)
		}
	}
}

// WithLogger sets the logger of the runs; nil logs nothing. Without it that is
// [slog.Default]. It gets a line at Info for each run, one at Error for each step that
// failed, and what steps log, which is at Debug when all is well. Secrets are cut out.
func WithLogger(l *slog.Logger) Option {
	if l == nil {
		l = slog.New(slog.DiscardHandler)
	}
	return func(c *config) { c.log = l }
}

// WithRossum sets the API client. Without it, a client is made for each export
// from the payload's base URL and token; nil means that there is to be none.
func WithRossum(client *rossum.Client) Option {
	return func(c *config) { c.client, c.noClient = client, client == nil }
}

// WithHTTPClient sets the client that calls go through, to the ERP as well as to
// Rossum: for proxies, client certificates, or tests. Its Timeout and
// CheckRedirect are not used, since steps have rules of their own. Without it, and
// with [WithTLS], calls also know the bytes that were written and the spelling and
// order of a reply's headers, which net/http's own transports don't tell.
//
// Its Transport must not make a request again by itself, as libraries for retries do.
// A second time is refused where it goes through a transport of net/http with the
// request's context; one that leaves with another context cannot be noticed.
func WithHTTPClient(h *http.Client) Option { return func(c *config) { c.httpClient = h } }

// WithClock sets where steps take the time from. Without it that is time.Now.
func WithClock(now func() time.Time) Option { return func(c *config) { c.now = now } }

// WithStore sets where files are kept beyond the run; see [InRossum]. Without
// it they live in memory, as long as the run does.
func WithStore(s Store) Option { return func(c *config) { c.store = s } }

// WithOriginal sets the bytes of the annotated document. Without it they are
// fetched from Rossum when a step asks for them.
func WithOriginal(content Content) Option { return func(c *config) { c.original = content } }

// WithOneHookOfSeveral says that the chain is one hook of several, which cannot see what the
// others have decided: a file that is not in the store counts as that of a call which
// was not due.
func WithOneHookOfSeveral() Option { return func(c *config) { c.alone = true } }

// WithReport has f called with the report of each export after its last step.
// It must be safe for concurrent use.
func WithReport(f func(context.Context, *Report)) Option { return func(c *config) { c.report = f } }

// WithTreeLimit bounds the memory, in bytes, that the tree of one reply may cost beside the
// reply itself, whatever component reads it as JSON, XML or SOAP: of JSON that is only
// searched 8 bytes for each value and key, of XML 24 bytes for each node. A reply beyond it
// fails the step that reads it. Without it, or with 0, that is 256 MiB.
func WithTreeLimit(bytes int64) Option {
	return func(c *config) {
		c.treeLimit = bytes
		if bytes < 0 {
			c.fault("WithTreeLimit", "%d is negative", bytes)
		}
	}
}

// WithTimeout bounds an export's time. Without it, or with 0, the bound is that of the hooks
// that the chain was made from; see [Chain.Timeout]. A chain that was not made from hooks has
// none beyond the context's: [Chain.Export] should be given one with a deadline, as the servers
// of package hookserver do. An export that takes longer ends with an error that wraps
// [context.DeadlineExceeded]; what was sent until then is in its answer and its report.
func WithTimeout(d time.Duration) Option {
	return func(c *config) {
		c.timeout = d
		if d < 0 {
			c.fault("WithTimeout", "%v is negative", d)
		}
	}
}
