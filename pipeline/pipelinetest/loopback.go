package pipelinetest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// errNotLoopback is wrapped by the error of a call that would leave this machine.
var errNotLoopback = errors.New("a test must not leave this machine")

// loopbackOnly returns the options of a run whose HTTP calls reach nothing but
// this machine, unless one of the given options is [pipeline.WithHTTPClient]. The
// function that it returns closes the connections that the runs have left open.
func loopbackOnly(options []pipeline.Option) ([]pipeline.Option, func()) {
	base := httpcall.NewTransport(nil)
	base.Proxy = nil
	client := &http.Client{Transport: loopbackTransport{base}}
	return append([]pipeline.Option{pipeline.WithHTTPClient(client)}, options...), base.CloseIdleConnections
}

// loopbackTransport fails at once, before a name is looked up, for every host
// that is not loopback by its name.
type loopbackTransport struct{ base *http.Transport }

func (t loopbackTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if host := r.URL.Hostname(); !isLoopback(host) {
		if r.Body != nil {
			_ = r.Body.Close() // as a RoundTripper must; nothing was read
		}
		return nil, pipeline.NotSent(fmt.Errorf("%w, and %s is another one: use an httptest.Server, rossumtest.On with a rossumtest.Server, or pipeline.WithHTTPClient",
			errNotLoopback, host))
	}
	return t.base.RoundTrip(r)
}

func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
