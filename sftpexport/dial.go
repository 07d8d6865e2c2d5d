package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
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
	auth     []ssh.AuthMethod
	hostKeys *hostKeys
	// connect makes the connection below; nil for TCP.
	connect func(ctx context.Context, network, address string) (net.Conn, error)
}

// dial connects, checks the server's key, logs in and starts SFTP.
func (d *dialer) dial(ctx context.Context) (*connection, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("%w: %s did not answer within %v", ErrConnection, d.address, dialTimeout))
	defer cancel()
	client, err := d.handshakes(ctx)
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

// startSFTP does what [sftp.NewClient] does, with a wire that takes requests of our
// own.
func startSFTP(client *ssh.Client) (*connection, error) {
	session, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	in, err := session.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	noise, err := session.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := session.RequestSubsystem("sftp"); err != nil {
		return nil, err
	}
	go func() { _, _ = io.Copy(io.Discard, noise) }() // ends with the connection
	w := newWire(out, in)
	s, err := sftp.NewClientPipe(w, w, sftp.UseConcurrentWrites(true), sftp.MaxConcurrentRequestsPerFile(inFlight))
	if err != nil {
		return nil, err
	}
	return &connection{Client: s, wire: w, ssh: client, closed: make(chan struct{})}, nil
}

// handshakes connects with each kind of host key that may be known until one
// fits: a fingerprint does not tell the kind, and a server shows but one.
func (d *dialer) handshakes(ctx context.Context) (*ssh.Client, error) {
	client, err := d.handshake(ctx, d.hostKeys.algorithms(d.address))
	if len(d.hostKeys.fingerprints) == 0 {
		return client, err
	}
	for _, kind := range []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA} {
		if !errors.Is(err, ErrHostKey) {
			return client, err
		}
		other, otherErr := d.handshake(ctx, algorithmsOf(kind))
		if otherErr == nil {
			return other, nil
		}
	}
	return nil, err
}

func (d *dialer) handshake(ctx context.Context, hostKeyAlgorithms []string) (*ssh.Client, error) {
	connect := d.connect
	if connect == nil {
		connect = (&net.Dialer{}).DialContext
	}
	conn, err := connect(ctx, "tcp", d.address)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: %w", ErrConnection, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var checked bool
	var hostKeyErr error
	config := &ssh.ClientConfig{
		User: d.user, Auth: d.auth, HostKeyAlgorithms: hostKeyAlgorithms, ClientVersion: "SSH-2.0-exportpipeline",
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			checked, hostKeyErr = true, d.hostKeys.check(host, remote, key)
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
	case errors.As(err, &negotiation) && hostKeyAlgorithms != nil:
		return nil, fmt.Errorf("%w: it has none of the kind %v: %w", ErrHostKey, hostKeyAlgorithms, err)
	case checked && !errors.As(err, &network) && !errors.Is(err, io.EOF):
		// Behind the check of the key there is nothing but the login.
		return nil, fmt.Errorf("%w: %w", ErrAuth, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrConnection, err)
}
