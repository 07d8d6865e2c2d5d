package sftpexport

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// peer is a server behind pipes, for virtual time.
type peer struct {
	signer ssh.Signer
	conns  []*mutable // in the order of their dialling
	ended  atomic.Int64
}

// mutable is a connection whose other side can stop to answer. It does not wait for
// its writes to be read, as both sides of SSH begin with one.
type mutable struct {
	net.Conn
	mute atomic.Bool
	out  chan []byte
}

func newMutable(conn net.Conn) *mutable {
	m := &mutable{Conn: conn, out: make(chan []byte, 100)}
	go func() {
		for p := range m.out {
			if p == nil {
				return
			}
			_, _ = m.Conn.Write(p)
		}
	}()
	return m
}

func (m *mutable) Write(p []byte) (int, error) {
	if !m.mute.Load() {
		m.out <- bytes.Clone(p)
	}
	return len(p), nil
}

func newPeerPool(t *testing.T) (*peer, *pool) {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{signer: signer}
	return p, &pool{
		dialer: dialer{
			address: "peer:22", user: "u", auth: func() *offer { return &offer{methods: []ssh.AuthMethod{ssh.Password("p")}} }, hostKeys: &hostKeys{keys: []ssh.PublicKey{signer.PublicKey()}},
			connect: p.connect,
		},
		most: 2, changed: make(chan struct{}),
	}
}

func (p *peer) connect(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	m := newMutable(server)
	p.conns = append(p.conns, m)
	go p.serve(m)
	return client, nil
}

func (p *peer) serve(conn *mutable) {
	defer func() {
		_ = conn.Close()
		conn.mute.Store(true)
		conn.out <- nil
		p.ended.Add(1)
	}()
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(p.signer)
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go func() {
		for r := range requests { // keep-alives, which OpenSSH refuses, too
			_ = r.Reply(false, nil)
		}
	}()
	var sessions sync.WaitGroup
	defer sessions.Wait()
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		sessions.Go(func() {
			s := sftp.NewRequestServer(channel, sftp.InMemHandler())
			_ = s.Serve()
			_ = s.Close()
		})
	}
}

func TestAnUnusedConnectionIsClosedWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		peer, p := newPeerPool(t)
		c, err := p.acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * idleTimeout) // in use, and kept alive
		c.release(false)
		time.Sleep(idleTimeout - time.Second)
		again, err := p.acquire(t.Context())
		if err != nil || again != c {
			t.Fatalf("another connection was made: %v", err)
		}
		again.release(false)
		time.Sleep(idleTimeout - time.Second)
		synctest.Wait()
		if n := peer.ended.Load(); n != 0 || connections(p) != 1 {
			t.Errorf("%d ended before their time, %d are open", n, connections(p))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := peer.ended.Load(); n != 1 || connections(p) != 0 {
			t.Errorf("%d ended, %d are open", n, connections(p))
		}
	})
}

func TestAPeerThatIsDeadIsFoundAndReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		peer, p := newPeerPool(t)
		d := &sftpDestination{pool: p}
		c, err := p.acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.release(false)
		peer.conns[0].mute.Store(true)
		started := time.Now()
		// Whoever waits for an answer gets one from another connection.
		if err := d.repeat(t.Context(), func(c *connection) error { return do(t.Context(), func() error { return c.Mkdir("/a") }) }); err != nil {
			t.Error(err)
		}
		if took := time.Since(started); took < keepAliveTimeout || took > keepAliveEvery+keepAliveTimeout+time.Second {
			t.Errorf("it took %v", took)
		}
		if len(peer.conns) != 2 || connections(p) != 1 {
			t.Errorf("%d connections were made, %d are open", len(peer.conns), connections(p))
		}
		// One that dies while nobody uses it is gone before the next export.
		peer.conns[1].mute.Store(true)
		time.Sleep(keepAliveEvery + keepAliveTimeout + time.Second)
		synctest.Wait()
		if connections(p) != 0 {
			t.Error("a dead connection is in the pool")
		}
		time.Sleep(idleTimeout)
	})
}

func TestAConnectionMadeWhileTheStepIsClosedDoesNotStay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		peer, p := newPeerPool(t)
		s := newShared()
		s.pools[fingerprint("peer", nil)] = p
		if _, err := p.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.close()
		c, err := p.acquire(t.Context()) // by an export that is under way
		if err != nil {
			t.Fatal(err)
		}
		c.release(false)
		synctest.Wait()
		if n := peer.ended.Load(); n != 2 || connections(p) != 0 {
			t.Errorf("%d of 2 connections ended, %d are open", n, connections(p))
		}
	})
}

func TestAServerThatTakesNoFurtherConnectionIsUsedByThoseThereAre(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		peer, p := newPeerPool(t)
		first, err := p.acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		dialled := 0
		p.dialer.connect = func(context.Context, string, string) (net.Conn, error) {
			dialled++
			return nil, errors.New("too many connections")
		}
		for range 3 {
			c, err := p.acquire(t.Context())
			if err != nil || c != first {
				t.Fatalf("the connection is not shared: %v", err)
			}
		}
		if dialled != 1 {
			t.Errorf("the server was asked %d times", dialled)
		}
		p.dialer.connect = peer.connect
		time.Sleep(refusedPause + time.Second)
		second, err := p.acquire(t.Context())
		if err != nil || second == first {
			t.Errorf("it is not asked again: %v", err)
		}
		(&shared{pools: map[[32]byte]*pool{{}: p}}).close()
	})
}

func connections(p *pool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}
