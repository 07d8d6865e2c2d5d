package requestprocessor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Limits of .@ in one export.
const (
	maxFetches   = 1000
	maxFetchKept = 64 << 20 // bytes that are kept for a second use
)

// fetch gets what stands behind an address of the hook's own Rossum, once in a run.
func (r *run) fetch(ctx context.Context, address string) (pyvalue.Value, error) {
	if f := r.fetched[address]; f != nil {
		return pyvalue.FromObject(f), nil
	}
	if r.fetches++; r.fetches > maxFetches {
		return pyvalue.Value{}, fmt.Errorf("more than %d addresses are fetched in one export", maxFetches)
	}
	f, err := r.get1(ctx, address)
	if err != nil {
		return pyvalue.Value{}, fmt.Errorf("fetching %s: %w", r.x.Redact(address), err)
	}
	if r.kept+len(f.Data) <= maxFetchKept {
		r.kept += len(f.Data)
		r.fetched[address] = f
	}
	return pyvalue.FromObject(f), nil
}

func (r *run) get1(ctx context.Context, address string) (*reqproc.Fetched, error) {
	if d := r.x.Payload.Document; d != nil && d.Content != "" && address == d.Content {
		return r.original(ctx, d)
	}
	client, err := r.clientFor(address)
	if err != nil {
		return nil, err
	}
	data, mediaType, err := client.Fetch(ctx, address)
	if err != nil {
		return nil, err
	}
	return &reqproc.Fetched{Data: data, Type: mediaType}, nil
}

// original is the annotated document, which a program may have given already.
func (r *run) original(ctx context.Context, d *rossum.Document) (*reqproc.Fetched, error) {
	data, err := r.x.ReadOriginal(ctx)
	if err != nil {
		return nil, err
	}
	return &reqproc.Fetched{Data: data, Type: d.MimeType}, nil
}

// clientFor returns a client for the host of an address, which must be one of the
// hook's own domain: the token goes there.
func (r *run) clientFor(address string) (*rossum.Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return nil, errors.New("this is not a plain URL")
	}
	if r.x.Rossum == nil {
		return nil, pipeline.ErrNoClient
	}
	base, err := url.Parse(r.x.Rossum.BaseURL())
	if err != nil {
		return nil, err
	}
	if u.Scheme == base.Scheme && strings.EqualFold(u.Host, base.Host) {
		return r.x.Rossum, nil
	}
	if u.Scheme != "https" || u.Port() != "" || !sameDomain(strings.ToLower(u.Hostname()), strings.ToLower(base.Hostname())) {
		return nil, fmt.Errorf("%w: %s is not of %s", reqproc.ErrForeign, u.Host, base.Host)
	}
	origin := "https://" + u.Host
	if c := r.clients[origin]; c != nil {
		return c, nil
	}
	c, err := rossum.NewClient(origin, r.x.Payload.Token, rossum.ClientOptions{HTTPClient: r.x.Transport()})
	if err == nil {
		r.clients[origin] = c
	}
	return c, err
}

// sameDomain reports whether a host may get the token of a hook on another: hosts of
// rossum.ai and of rossum.app among each other, and what stands below the hook's own
// host. The engine compares the last two labels, which below a domain such as co.uk
// would let anybody in.
func sameDomain(host, base string) bool {
	if _, err := netip.ParseAddr(base); err == nil {
		return false
	}
	if strings.HasSuffix(host, "."+base) {
		return true
	}
	for _, domain := range []string{"rossum.ai", "rossum.app"} {
		under := func(h string) bool { return h == domain || strings.HasSuffix(h, "."+domain) }
		if under(host) && under(base) {
			return true
		}
	}
	return false
}
