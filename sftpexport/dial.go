package sftpexport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/internal/egress"
)

// Bounds of what a server may take its time for.
const (
	dialTimeout      = 30 * time.Second // connecting and greeting
	keepAliveEvery   = 30 * time.Second
	keepAliveTimeout = 15 * time.Second
	idleTimeout      = 5 * time.Minute // then an unused connection is closed
)

// inFlight is how many writes of a file are under way at once. Fewer halve the
// throughput; see BenchmarkLargeFile.
const inFlight = 64

// dialer knows how to connect to a server as a user.
type dialer struct {
	address  string // host:port as in the settings
	user     string
	auth     func() *offer
	hostKeys *hostKeys
	algorithms
	// connect makes the connection below; nil for TCP.
	connect func(ctx context.Context, network, address string) (net.Conn, error)
}

// dial connects, checks the server's key, logs in and starts SFTP. note is told what
// a person should know.
func (d *dialer) dial(ctx context.Context, note noteFunc) (*connection, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("%w: %s did not answer within %v", ErrConnection, d.address, dialTimeout))
	defer cancel()
	client, err := d.handshakes(ctx, note)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	c, err := startSFTP(client)
	if err != nil {
		_ = client.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: starting SFTP: %w", ErrConnection, err)
	}
	return c, nil
}

// noteFunc takes what a person should know.
type noteFunc func(format string, args ...any)

// startSFTP does what [sftp.NewClient] does, with a wire that takes requests of our
// own. What the server answers to it will be the same the next time.
func startSFTP(client *ssh.Client) (*connection, error) {
	channel, requests, err := client.OpenChannel("session", nil)
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) {
		return nil, &permanentError{err}
	}
	if err != nil {
		return nil, err
	}
	ended := make(chan uint32, 1)
	go watchSession(requests, ended) // ends with the connection
	noise := &heard{most: 400, ended: make(chan struct{})}
	go func() {
		_, _ = io.Copy(noise, channel.Stderr())
		close(noise.ended)
	}()
	started, err := channel.SendRequest("subsystem", true, ssh.Marshal(struct{ Name string }{"sftp"}))
	if err != nil {
		return nil, err
	}
	if !started {
		return nil, &permanentError{errors.New("the server has no SFTP for this user")}
	}
	w := newWire(channel, halfClosing{channel})
	s, err := sftp.NewClientPipe(w, w, sftp.UseConcurrentWrites(true), sftp.MaxConcurrentRequestsPerFile(inFlight))
	if err != nil {
		return nil, whyNotStarted(err, ended, noise)
	}
	return &connection{Client: s, wire: w, ssh: client, closed: make(chan struct{})}, nil
}

// halfClosing ends what is sent; what comes goes on.
type halfClosing struct{ ssh.Channel }

func (h halfClosing) Close() error { return h.CloseWrite() }

// watchSession takes the server's requests, of which the status of its program's end
// counts. ended is closed without one when the connection is lost.
func watchSession(requests <-chan *ssh.Request, ended chan<- uint32) {
	defer close(ended)
	for r := range requests {
		if r.Type == "exit-status" && len(r.Payload) >= 4 {
			ended <- binary.BigEndian.Uint32(r.Payload)
			break
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
	go ssh.DiscardRequests(requests)
}

// whyNotStarted tells a server that has no SFTP from a connection that broke.
func whyNotStarted(err error, ended <-chan uint32, noise *heard) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, sftp.ErrSSHFxConnectionLost) {
		select {
		case status, ok := <-ended:
			if !ok {
				return err
			}
			err = fmt.Errorf("the server's SFTP ended at once, with status %d", status)
			select {
			case <-noise.ended:
			case <-time.After(time.Second):
			}
		case <-time.After(time.Second):
			return err
		}
	}
	if text := noise.text(); text != "" {
		err = fmt.Errorf("%w (the server says %q)", err, text)
	}
	return &permanentError{err}
}

// heard keeps the beginning of what is written to it.
type heard struct {
	most  int
	ended chan struct{} // closed when there is no more; nil if nobody waits for that
	mu    sync.Mutex
	kept  []byte
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = append(h.kept, p[:min(len(p), h.most-len(h.kept))]...)
	return len(p), nil
}

func (h *heard) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := strings.TrimSpace(strings.ToValidUTF8(string(h.kept), "?"))
	if len(h.kept) == h.most {
		text += "…" // it may be cut, also within a secret
	}
	return text
}

// listening is a connection whose first words are kept. It ends where they are those of
// another protocol: an FTP server greets and then waits, as the client does.
type listening struct {
	net.Conn
	first *heard
}

func (l listening) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	_, _ = l.first.Write(p[:n])
	if err == nil && n > 0 && p[n-1] == '\n' && isOther(l.first.text()) {
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// isOther reports whether a server's first words are those of FTP, HTTP or mail.
func isOther(text string) bool {
	return strings.HasPrefix(text, "220") || strings.HasPrefix(text, "HTTP/") || strings.HasPrefix(text, "+OK") || strings.HasPrefix(text, "* OK")
}

// handshakes connects with each kind of host key that may be known until one
// fits: a fingerprint does not tell the kind, and a server shows but one.
func (d *dialer) handshakes(ctx context.Context, note noteFunc) (*ssh.Client, error) {
	client, err := d.handshake(ctx, d.hostKeys.algorithms(d.address), note)
	if len(d.hostKeys.fingerprints) == 0 {
		return client, err
	}
	for _, kind := range []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA} {
		if !errors.Is(err, ErrHostKey) {
			return client, err
		}
		other, otherErr := d.handshake(ctx, algorithmsOf(kind), note)
		if otherErr == nil {
			return other, nil
		}
	}
	return nil, err
}

func (d *dialer) handshake(ctx context.Context, pinned []string, note noteFunc) (*ssh.Client, error) {
	connect := d.connect
	if connect == nil {
		connect = egress.Dial
	}
	if err := egress.Of(ctx).CheckURL(&url.URL{Scheme: "sftp", Host: d.address}); err != nil {
		return nil, &permanentError{err}
	}
	conn, err := connect(ctx, "tcp", d.address)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		err = fmt.Errorf("%w: %w", ErrConnection, err)
		var name *net.DNSError
		if errors.As(err, &name) && name.IsNotFound || errors.Is(err, egress.ErrForbidden) {
			err = &permanentError{err}
		}
		return nil, err
	}
	first := &heard{most: 255}
	conn = listening{conn, first}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var checked bool
	var hostKeyErr error
	hostKeyAlgorithms := pinned
	if pinned == nil {
		hostKeyAlgorithms = d.algorithms.hostKeys
	}
	offer := d.auth()
	config := &ssh.ClientConfig{
		Config: ssh.Config{KeyExchanges: d.exchanges, Ciphers: d.ciphers, MACs: d.macs},
		User:   d.user, Auth: offer.methods, HostKeyAlgorithms: hostKeyAlgorithms, ClientVersion: "SSH-2.0-exportpipeline",
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			checked, hostKeyErr = true, d.hostKeys.check(host, remote, key, note)
			return hostKeyErr
		},
	}
	c, channels, requests, err := ssh.NewClientConn(conn, d.address, config)
	if err == nil {
		return ssh.NewClient(c, channels, requests), nil
	}
	_ = conn.Close()
	var negotiation *ssh.AlgorithmNegotiationError
	var network net.Error
	switch {
	case hostKeyErr != nil:
		return nil, hostKeyErr
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &negotiation) && pinned != nil && negotiation.What == "host key":
		return nil, fmt.Errorf("%w: it has keys for %s, and the known one is for %s", ErrHostKey,
			strings.Join(negotiation.RequestedAlgorithms, ", "), strings.Join(pinned, ", "))
	case errors.As(err, &negotiation):
		return nil, d.explain(negotiation)
	case checked && !errors.As(err, &network) && !errors.Is(err, io.EOF):
		// After the check of the key there is nothing but the login.
		return nil, fmt.Errorf("%w: %w", ErrAuth, whyRefused(err))
	case offer.shown.Load():
		// Some servers say no like this. Trying again may lock the account.
		return nil, fmt.Errorf("%w: it ended the connection when it had seen the password: %w", ErrAuth, err)
	case !checked && first.text() != "" && !strings.Contains(first.text(), "SSH-"):
		return nil, &permanentError{fmt.Errorf("%w: no SSH server answers at %s; it says %q", ErrConnection, d.address, first.text())}
	case !checked && first.text() == "" && errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: the server ended the connection without a word; it may be too busy, let in certain addresses only, or speak another protocol at this port: %w", ErrConnection, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrConnection, err)
}
