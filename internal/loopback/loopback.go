// Package loopback finds ports for servers that are started later: another program's, or
// one's own that is stopped and started again.
//
// A port that the system gives for port 0 is not kept for anybody. As soon as its listener
// is closed, the next listener or connection of any process may have it.
package loopback

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The ports in question are below those that systems hand out for port 0 and for
// connections: from 32768 on Linux, from 49152 elsewhere.
const (
	first = 12000
	after = 30000
)

var (
	mu   sync.Mutex
	used = make(map[int]bool) // Those that this process was given, which it is not given again.
)

// Port returns a port of 127.0.0.1 that nobody listens on, and that nobody gets who does not
// ask for it by number. Another process may be given the same one, with a chance of one in
// some thousands if both ask at the same time. It is safe for concurrent use.
func Port() (int, error) {
	l, port, err := Listen()
	if err != nil {
		return 0, err
	}
	return port, l.Close()
}

// Listen is Port with a listener on it.
func Listen() (net.Listener, int, error) {
	mu.Lock()
	defer mu.Unlock()
	var last error
	for range 100 {
		port := first + rand.IntN(after-first)
		if used[port] {
			continue
		}
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			used[port] = true
			return l, port, nil
		}
		last = err
	}
	return nil, 0, fmt.Errorf("no port of 127.0.0.1 from %d to %d is free: %w", first, after-1, last)
}
