package loopback_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/loopback"
)

// TestNobodyIsGivenAPortOfAnother: neither by this package nor by the system, which gives
// ports of its own range to listeners without one, and to connections.
func TestNobodyIsGivenAPortOfAnother(t *testing.T) {
	t.Parallel()
	given := make(map[int]bool)
	for range 200 {
		port, err := loopback.Port()
		if err != nil {
			t.Fatal(err)
		}
		if given[port] {
			t.Errorf("%d is given twice", port)
		}
		given[port] = true
	}
	for range 200 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		if port := l.Addr().(*net.TCPAddr).Port; given[port] {
			t.Errorf("the system gives %d, too", port)
		}
	}
	for port := range given {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Errorf("%d is not free: %v", port, err)
			continue
		}
		_ = l.Close()
	}
}

func TestAListenerHasItsPort(t *testing.T) {
	t.Parallel()
	l, port, err := loopback.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if got := l.Addr().(*net.TCPAddr).Port; got != port {
		t.Errorf("the listener has %d, not %d", got, port)
	}
}
