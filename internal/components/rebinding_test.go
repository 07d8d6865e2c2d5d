package components_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// nameServer answers questions for addresses: the nth question for a name gets the nth of
// its answers, and later ones the last.
type nameServer struct {
	net.PacketConn
	mu      sync.Mutex
	answers map[string][][]netip.Addr
	asked   map[string]int
}

func newNameServer(t *testing.T, answers map[string][][]netip.Addr) *net.Resolver {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{PacketConn: c, answers: answers, asked: make(map[string]int)}
	var done sync.WaitGroup
	done.Go(s.serve)
	t.Cleanup(func() {
		_ = c.Close()
		done.Wait()
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", c.LocalAddr().String())
	}}
}

func (s *nameServer) serve() {
	question := make([]byte, 512)
	for {
		n, from, err := s.ReadFrom(question)
		if err != nil {
			return
		}
		if n > 12 {
			_, _ = s.WriteTo(s.answer(question[:n]), from)
		}
	}
}

// answer answers a question of RFC 1035, which has one name.
func (s *nameServer) answer(question []byte) []byte {
	var labels []string
	at := 12
	for question[at] != 0 {
		n := int(question[at])
		labels = append(labels, string(question[at+1:at+1+n]))
		at += n + 1
	}
	kind := question[at+2] // 1 for A, 28 for AAAA
	end := at + 5
	out := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question[12:end]...)
	for _, a := range s.next(strings.Join(labels, "."), kind) {
		out[7]++
		out = append(out, 0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, byte(a.BitLen()/8))
		out = append(out, a.AsSlice()...)
	}
	return out
}

func (s *nameServer) next(name string, kind byte) (list []netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _, _ = strings.Cut(name, ".test")
	all := s.answers[name]
	if len(all) == 0 {
		return nil
	}
	n := min(s.asked[name], len(all)-1)
	if kind == 1 {
		s.asked[name]++
	}
	for _, a := range all[n] {
		if a.Is4() == (kind == 1) {
			list = append(list, a)
		}
	}
	return list
}

// A name is judged by the address that a connection is made to, whatever it was resolved to
// before. The test has the resolver of the process, so that nothing runs beside it.
func TestANameThatTurnsToMetadataIsNotReached(t *testing.T) { //nolint:paralleltest // see above
	addresses := func(texts ...string) (list []netip.Addr) {
		for _, text := range texts {
			list = append(list, netip.MustParseAddr(text))
		}
		return list
	}
	metadata := addresses("169.254.169.254")
	names := newNameServer(t, map[string][][]netip.Addr{
		"rebinds": {addresses("127.0.0.1"), metadata},
		"both":    {addresses("fd00:ec2::254", "169.254.169.254", "127.0.0.1")},
		"mapped":  {addresses("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe")},
		"turned":  {metadata},
	})
	before := net.DefaultResolver
	net.DefaultResolver = names
	defer func() { net.DefaultResolver = before }()

	var arrived atomic.Int32
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		w.Header().Set("Connection", "close") // so that the name is asked for anew
		if r.URL.Path == "/redirects" {
			http.Redirect(w, r, strings.Replace(s.URL, "127.0.0.1", "turned.test", 1), http.StatusFound)
		}
	}))
	defer s.Close()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	// The program's own transport, whose connections nobody judges before they are made: here
	// they say that they lead to where the name does, and lead to the server.
	own := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		found, err := names.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		c, err := new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		return leadsTo{c, net.TCPAddrFromAddrPort(netip.AddrPortFrom(found[0], 80))}, err
	}}
	call := func(client *http.Client, address string) error {
		chain, err := pipeline.New(&requestprocessor.Step{Stages: []requestprocessor.Stage{{CallAPI: []requestprocessor.Call{{
			Name: "c", Request: requestprocessor.Request{URL: address, Method: "GET"},
		}}}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = chain.Export(t.Context(), rossumtest.Annotation(rossumtest.Offline()).Payload(), pipeline.WithHTTPClient(client))
		return err
	}
	const notAllowed = "address is not allowed"
	for _, c := range []struct {
		name, address string
		client        *http.Client
		arrives       int32
		refused       string
	}{
		{"the first answer is this machine", "http://rebinds.test:" + port, nil, 1, ""},
		{"the second is metadata", "http://rebinds.test:" + port, nil, 0, notAllowed},
		{"one address of three is allowed", "http://both.test:" + port, nil, 1, ""},
		{"metadata within IPv6 addresses", "http://mapped.test:" + port, nil, 0, notAllowed},
		{"a redirect to a name that is metadata", s.URL + "/redirects", nil, 1, "redirect that is not followed"},
		{"through the program's own client", "http://turned.test:" + port, &http.Client{Transport: own}, 0, notAllowed},
	} {
		arrived.Store(0)
		err := call(c.client, c.address)
		if said := err != nil && strings.Contains(err.Error(), c.refused); said != (c.refused != "") || err != nil && c.refused == "" || arrived.Load() != c.arrives {
			t.Errorf("%s: %v, %d calls arrived", c.name, err, arrived.Load())
		}
	}
	throughProxy(t, call, &arrived, s.URL)
}

// throughProxy shows what a proxy gets: the name, which it resolves itself. Names and addresses
// of metadata do not come that far.
func throughProxy(t *testing.T, call func(*http.Client, string) error, arrived *atomic.Int32, proxy string) {
	t.Helper()
	at, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(at), DisableKeepAlives: true, ResponseHeaderTimeout: time.Minute}
	for address, arrives := range map[string]int32{
		"http://turned.test/": 1, "http://169.254.169.254/": 0, "http://metadata.google.internal/": 0, "http://[::ffff:a9fe:a9fe]/": 0,
	} {
		arrived.Store(0)
		if err := call(&http.Client{Transport: transport}, address); (err == nil) != (arrives > 0) || arrived.Load() != arrives {
			t.Errorf("%s through a proxy: %v, %d calls arrived", address, err, arrived.Load())
		}
	}
}

// leadsTo is a connection that says where it leads.
type leadsTo struct {
	net.Conn
	addr net.Addr
}

func (l leadsTo) RemoteAddr() net.Addr { return l.addr }
