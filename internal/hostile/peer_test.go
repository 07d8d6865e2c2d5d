package hostile

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
)

// peer is the other side of a component, with a fault.
type peer struct {
	f       fault
	address string // host and port
	// well answers what must go well before the fault has its turn, and reports whether it
	// was that.
	well    func(c *conn, r *http.Request) bool
	body    string // that the component would understand
	kind    string // its media type
	changes atomic.Int32
	written atomic.Int64
}

// listen starts a peer, and returns what ends it.
func listen(p *peer) (end func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // no row can be played without a peer
	}
	p.address = l.Addr().String()
	if p.f.host != "" {
		p.address = p.f.host
	}
	var conns sync.Map
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Store(c, true)
			group.Go(func() {
				defer c.Close()
				p.serve(c)
			})
		}
	})
	return func() {
		_ = l.Close()
		conns.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		group.Wait()
	}
}

// scheme is that of the peer's addresses.
func (p *peer) scheme() string {
	if p.f.secure || p.f.tls != nil {
		return "https"
	}
	return "http"
}

// nobody is the certificate of a server that no authority knows.
var nobody = sync.OnceValue(func() tls.Certificate {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	return s.TLS.Certificates[0]
})

func (p *peer) serve(c net.Conn) {
	if p.f.dial != nil {
		p.f.dial(c)
		return
	}
	if p.f.secure {
		c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{nobody()}})
	}
	if p.f.tls != nil {
		under, config := &spied{Conn: c}, p.f.tls.Clone()
		config.KeyLogWriter = &under.keys
		c = tls.Server(under, config)
	}
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	answer := &conn{c, p, p.body, p.kind}
	if p.well != nil && p.well(answer, r) {
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, "PRI": // the last is how HTTP/2 begins, before any call
	default:
		p.changes.Add(1)
	}
	p.f.does(answer, r)
}
