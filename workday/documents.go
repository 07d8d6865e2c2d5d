package workday

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// Errors of the way to a service; match them with errors.Is.
var (
	// ErrConnect means that the tenant's host cannot be reached.
	ErrConnect = errors.New("cannot connect to Workday")
	// ErrNoAnswer means that the tenant's host took too long to send the WSDL.
	ErrNoAnswer = errors.New("Workday does not answer")
	// ErrNoService means that the tenant answers 404 or 410 for the WSDL: there is no
	// such service or version.
	ErrNoService = errors.New("the service is not found")
	// ErrServer means that the tenant answers with a server error for the WSDL: often
	// there is no such tenant.
	ErrServer = errors.New("the tenant answers with an internal error")
	// ErrWSDL means that what stands at the WSDL's address cannot be used.
	ErrWSDL = errors.New("the WSDL cannot be used")
	// ErrHost means that a WSDL leads to a host that the settings do not name.
	ErrHost = errors.New("the host is not that of the settings")
)

// Limits of a WSDL.
const (
	defaultLifetime = time.Hour
	wsdlTimeout     = 2 * time.Minute
	maxWSDL         = 32 << 20 // bytes of one document
)

// documents keeps WSDLs by their address. Exports that want the same one while it
// is fetched wait for that one fetch.
type documents struct {
	lifetime time.Duration
	dir      string        // where WSDLs are kept in files, "" for nowhere
	patience time.Duration // with the host
	mu       sync.Mutex
	entries  map[string]*entry
}

type entry struct {
	done    chan struct{}
	doc     *wsdl.Document
	err     error
	size    int
	origin  string // where it came from, for the report
	took    time.Duration
	expires time.Time
}

func newDocuments(lifetime time.Duration, dir string) *documents {
	if lifetime <= 0 {
		lifetime = defaultLifetime
	}
	return &documents{lifetime: lifetime, dir: dir, patience: wsdlTimeout, entries: make(map[string]*entry)}
}

// get returns the document at an address, and whether it had to be fetched.
func (d *documents) get(ctx context.Context, client *http.Client, w *WSDL, address string) (e *entry, fetched bool, err error) {
	d.mu.Lock()
	e = d.entries[address]
	if e == nil || e.over() {
		e = &entry{done: make(chan struct{})}
		d.entries[address] = e
		fetched = true
		// Others wait for this fetch, so it does not end with the export that began it.
		go d.fetch(context.WithoutCancel(ctx), client, w, address, e)
	}
	d.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, fetched, fmt.Errorf("waiting for the WSDL at %s: %w", address, ctx.Err())
	case <-e.done:
		return e, fetched, e.err
	}
}

// over reports whether the entry is no longer of use. The caller holds d.mu.
func (e *entry) over() bool {
	select {
	case <-e.done:
		return e.err != nil || time.Now().After(e.expires)
	default:
		return false
	}
}

func (d *documents) fetch(ctx context.Context, client *http.Client, w *WSDL, address string, e *entry) {
	defer close(e.done)
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	started := time.Now()
	if kept := d.load(address, started); kept != nil {
		e.doc, e.size, e.expires, e.took, e.origin = kept.doc, kept.size, kept.fetched.Add(d.lifetime), time.Since(started), "from the cache"
		return
	}
	calls := httpcall.New(httpcall.Options{HTTP: client, MaxReply: maxWSDL})
	data, err := fetchDocument(ctx, calls, address)
	if err != nil {
		if e.err = err; ctx.Err() != nil {
			e.err = fmt.Errorf("%w: the WSDL at %s did not come within %v", ErrNoAnswer, address, d.patience)
		}
		return
	}
	e.size = len(data)
	e.doc, err = wsdl.Parse(ctx, data, wsdl.Options{Fetch: func(location, from string) ([]byte, string, error) {
		return d.imported(ctx, calls, w, address, location, from)
	}})
	if err != nil {
		if e.err = fmt.Errorf("%w: %s: %w", ErrWSDL, address, err); ctx.Err() != nil {
			e.err = fmt.Errorf("%w: the WSDL at %s could not be read within %v", ErrNoAnswer, address, d.patience)
		}
		return
	}
	fetched := time.Now()
	e.took, e.expires, e.origin = fetched.Sub(started), fetched.Add(d.lifetime), "from the tenant"
	if err := d.keep(address, e.doc, fetched); err != nil {
		e.origin += fmt.Sprintf("; it cannot be kept in a file: %v", err)
	}
}

// imported fetches what a WSDL imports, from the same host only.
func (d *documents) imported(ctx context.Context, calls *httpcall.Client, w *WSDL, address, location, from string) ([]byte, string, error) {
	if from == "" {
		from = address
	}
	base, err := url.Parse(from)
	if err != nil {
		return nil, "", err
	}
	resolved, err := base.Parse(location)
	if err != nil {
		return nil, "", err
	}
	if err := w.checkHost(resolved); err != nil {
		return nil, "", err
	}
	data, err := fetchDocument(ctx, calls, resolved.String())
	return data, resolved.String(), err
}

// checkHost refuses addresses that lead elsewhere, or are less safe.
func (w *WSDL) checkHost(u *url.URL) error {
	protocol := w.Protocol
	if protocol == "" {
		protocol = "https"
	}
	if u.Scheme != protocol {
		return fmt.Errorf("%w: %s://%s is not %s", ErrHost, u.Scheme, u.Host, protocol)
	}
	if u.Host != w.Domain && !slices.Contains(w.Hosts, u.Host) {
		return fmt.Errorf("%w: %s is neither the domain %s nor one of wsdl.hosts", ErrHost, u.Host, w.Domain)
	}
	return nil
}

func fetchDocument(ctx context.Context, calls *httpcall.Client, address string) ([]byte, error) {
	reply, err := calls.Do(ctx, &httpcall.Call{Method: http.MethodGet, URL: address, Retry: httpcall.Always, MaxAttempts: 2, NoRedirect: true, Timeout: wsdlTimeout})
	switch {
	case errors.Is(err, httpcall.ErrTooLarge), errors.Is(err, httpcall.ErrRedirect):
		return nil, fmt.Errorf("%w: %w", ErrWSDL, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrConnect, err)
	case reply.Status == http.StatusNotFound, reply.Status == http.StatusGone:
		return nil, fmt.Errorf("%w: %s answers %d", ErrNoService, address, reply.Status)
	case reply.Status >= 500:
		return nil, fmt.Errorf("%w: %s answers %d", ErrServer, address, reply.Status)
	case reply.Status != http.StatusOK:
		return nil, fmt.Errorf("%w: %s answers %d", ErrWSDL, address, reply.Status)
	}
	return reply.Body, nil
}
