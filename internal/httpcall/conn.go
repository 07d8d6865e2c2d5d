package httpcall

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/egress"
)

// conn is a connection of our own transports: it counts what net/http writes, so that it
// is known whether anything of a request has left, and records the header of replies. It
// is above TLS, but for what goes through a proxy.
type conn struct {
	net.Conn
	out    atomic.Int64
	failed chan error               // has the first error of Read; nil where nobody asks
	record atomic.Pointer[recorder] // of the request that has the connection, nil before the first
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.record.Load().add(p[:n])
	if err != nil && c.failed != nil {
		select {
		case c.failed <- err:
		default:
		}
	}
	return n, err
}

// begin returns the record of a request that gets the connection, and of its reply. Readable says
// whether the reply's header can be read here. A record of which nothing has moved is the same request's: where a transport
// of [Once] is above another, both are told of the connection.
func (c *conn) begin(readable bool) *recorder {
	if r := c.record.Load(); r != nil && r.fresh() {
		return r
	}
	r := &recorder{on: readable}
	c.record.Store(r)
	return r
}

func (c *conn) written() int64 { return c.out.Load() }

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	c.record.Load().send()
	n, err := c.Conn.Write(p)
	c.out.Add(int64(n))
	if err != nil {
		err = c.why(err)
	}
	return n, err
}

// alertTimeout is how long a write that failed waits for the reason.
const alertTimeout = 100 * time.Millisecond

// why finds the alert of TLS by which a server refuses this program: in TLS 1.3 it comes after
// the handshake, while a request is written to a connection that the server has closed.
func (c *conn) why(err error) error {
	if c.failed == nil {
		return err
	}
	timer := time.NewTimer(alertTimeout)
	defer timer.Stop()
	select {
	case reason := <-c.failed:
		var alert *net.OpError
		if errors.As(reason, &alert) && alert.Op == remoteError {
			return fmt.Errorf("%w: %w", reason, err)
		}
	case <-timer.C:
	}
	return err
}

// counted finds the counting connection below what a transport reports.
func counted(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	counting, _ := c.(*conn)
	return counting
}

// Times of our own transports.
const (
	handshakeTimeout = 15 * time.Second
)

func newTransport() *http.Transport { return NewTransport(nil) }

// NewTransport makes a transport of our own, with the given settings of TLS; nil means
// the defaults. It speaks HTTP/1.1 alone, as the hosted extensions do.
func NewTransport(config *tls.Config) *http.Transport {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := egress.Dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &conn{Conn: c}, nil
		},
		MaxIdleConns:          100,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   handshakeTimeout,
		ExpectContinueTimeout: time.Second,
		TLSClientConfig:       config,
		// A reply with a megabyte of headers is an attack.
		MaxResponseHeaderBytes: 1 << 20,
	}
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := egress.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return handshake(ctx, c, config, address)
	}
	return t
}

// handshake puts TLS on a connection, and the counting on top of it.
func handshake(ctx context.Context, c net.Conn, config *tls.Config, address string) (net.Conn, error) {
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			_ = c.Close()
			return nil, err
		}
		config.ServerName = host
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	secured := tls.Client(c, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return &conn{Conn: secured, failed: make(chan error, 1)}, nil
}
