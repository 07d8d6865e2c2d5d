package components_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// spellings are hosts that a resolver, a proxy or a client takes for an IPv4 address, as they
// stand in a URL.
func spellings(addr netip.Addr) (all []string) {
	b := addr.As4()
	written := []string{"%d", "0%o", "0x%x", "0X%02X", "0000%o", "0x00%x"}
	for n := 1; n <= 4; n++ { // numbers, the last of which fills the rest
		numbers := make([]uint32, n)
		for i := range n - 1 {
			numbers[i] = uint32(b[i])
		}
		for i := n - 1; i < 4; i++ {
			numbers[n-1] = numbers[n-1]<<8 | uint32(b[i])
		}
		for shift := range written {
			var same, mixed []string
			for i, number := range numbers {
				same = append(same, fmt.Sprintf(written[shift], number))
				mixed = append(mixed, fmt.Sprintf(written[(shift+i)%len(written)], number))
			}
			all = append(all, strings.Join(same, "."), strings.Join(mixed, ".")+".")
		}
	}
	hexed := fmt.Sprintf("%x:%x", uint16(b[0])<<8|uint16(b[1]), uint16(b[2])<<8|uint16(b[3]))
	for _, tail := range []string{hexed, strings.ToUpper(hexed), addr.String()} {
		for _, head := range []string{"::ffff:", "0:0:0:0:0:FFFF:", "::", "::ffff:0:", "64:ff9b::", "64:ff9b:1::", "2001:db8::5efe:", "fe80::200:5efe:"} {
			all = append(all, "["+head+tail+"]")
		}
	}
	all = append(all, "[2002:"+hexed+"::1]", "[::ffff:"+hexed+"%25eth0]", "[2001:0:"+hexed+"::]")
	text := addr.String()
	for _, zero := range []rune{'０', '𝟎', '𝟘', '𝟶'} { // digits of other alphabets, which IDNA makes ASCII
		all = append(all, strings.Map(func(r rune) rune {
			if r == '.' {
				return r
			}
			return zero + r - '0'
		}, text))
	}
	for _, dot := range []string{"。", "．", "｡"} {
		all = append(all, strings.ReplaceAll(text, ".", dot))
	}
	for _, unseen := range []string{"\u00ad", "\u200b", "\u2060", "\ufeff"} {
		all = append(all, text[:2]+unseen+text[2:], url.PathEscape(unseen)+text)
	}
	return append(all, "user@"+text, "erp.example@"+text, "erp.example:80@"+text, "erp.example%40x@"+text)
}

// metadataNames are names and addresses of clouds that are no IPv4 address.
var metadataNames = []string{
	"metadata.google.internal", "METADATA.Google.Internal.", "metadata", "instance-data", "ｍetadata.google.internal", "metadata。google。internal",
	"[fd00:ec2::254]", "[FD00:EC2:0:0:0:0:0:254]", "[fd20:ce::254]", "[fe80::1%25eth0]", "100.100.100.200", "168.63.129.16", "0", "[::]",
}

// caller is an export that calls an address of a place: one of the settings, of a document, or of
// what another system says. It is nil where the settings refuse the address.
type caller struct {
	steps   []pipeline.Step
	parts   []rossumtest.Part
	options []pipeline.Option
	err     error
}

// callers are those that lead to a host: each component, found by trying which of all of them
// call, and each place of an address besides its settings' own.
func callers(t *testing.T, host string, peer *addresses) map[string]caller {
	t.Helper()
	all := make(map[string]caller)
	for name, step := range canarySteps(t, "http://"+host) {
		all[name] = caller{steps: step}
	}
	name, port := host, 80
	if at := strings.LastIndexByte(host, ':'); at > strings.LastIndexByte(host, ']') {
		if n, err := strconv.Atoi(host[at+1:]); err == nil {
			name, port = host[:at], n
		}
	}
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain // the setting is a host, and no part of a URL
	}
	all["SFTP"] = caller{steps: []pipeline.Step{&sftpexport.Step{
		Rules: []sftpexport.Rule{{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}},
		Credentials: sftpexport.Credentials{
			Type: "sftp", Host: name, Port: sftpexport.Port(port), Username: "u", InsecureIgnoreHostKey: true,
		},
	}}}
	all["a function"] = caller{steps: []pipeline.Step{&steps.Function{HTTP: true, Code: "import requests\ndef rossum_hook_request_handler(payload):\n" +
		"    requests.post(" + strconv.QuoteToASCII("http://"+host+"/x") + ", json={})\n    return {}\n"}}}
	known := host[strings.LastIndexByte(host, '@')+1:]
	all["an address of a document"] = caller{
		steps:   []pipeline.Step{&steps.RESTExport{Request: steps.Request{URL: "@{found}", Content: "x"}}},
		parts:   []rossumtest.Part{rossumtest.Field("found", "http://"+host+"/x")},
		options: []pipeline.Option{pipeline.WithAllowedHosts(known)},
	}
	client, err := rossum.NewClient("https://"+host, "token-of-the-test", rossum.ClientOptions{})
	all["Rossum's API"] = caller{
		steps: []pipeline.Step{&steps.Purge{}}, options: []pipeline.Option{pipeline.WithRossum(client), pipeline.WithStore(pipeline.InRossum())}, err: err,
	}
	learned, err := rossum.NewClient(peer.says("pagination", host), "token-of-the-test", rossum.ClientOptions{})
	all["Rossum's next page"] = caller{
		steps: []pipeline.Step{&steps.Purge{}}, options: []pipeline.Option{pipeline.WithRossum(learned), pipeline.WithStore(pipeline.InRossum())}, err: err,
	}
	for _, status := range []string{"301", "302", "303", "307", "308"} {
		for _, method := range []string{"GET", "POST"} {
			all[method+" that is answered with "+status] = caller{steps: []pipeline.Step{
				&steps.RESTExport{Request: steps.Request{URL: peer.says(status, host), Method: method}},
			}}
		}
	}
	for _, place := range []string{"soap:address", "wsdl:import", "xsd:import"} {
		all[place] = caller{steps: []pipeline.Step{&workday.Step{Configurations: []workday.Configuration{{
			WSDL: workday.WSDL{
				Domain: strings.TrimPrefix(peer.says(place, host), "http://"), Tenant: workdaytest.TenantName, APIVersion: workdaytest.APIVersion,
				Protocol: "http", Hosts: []string{known},
			},
			Request: workday.Request{
				Service: "Resource_Management", Operation: "Submit_Supplier_Invoice", Mapping: json.RawMessage(`{"Supplier_Invoice_Data":{}}`),
			},
		}}}}}
	}
	return all
}

// addresses is a system that names an address in each of its replies.
type addresses struct {
	*httptest.Server
	mu    sync.Mutex
	hosts map[string][2]string // place and host, by the Host of a request
	next  int
}

func newAddresses(t *testing.T) *addresses {
	a := &addresses{hosts: make(map[string][2]string)}
	a.Server = httptest.NewUnstartedServer(a)
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Listener.Close()
	a.Listener = l
	a.Start()
	t.Cleanup(a.Close)
	return a
}

// says returns the address of a system that names a host in a place.
func (a *addresses) says(place, host string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++ // another address of this machine, since WSDLs are kept
	own := fmt.Sprintf("127.0.%d.%d:%s", a.next/250, a.next%250+1, a.URL[strings.LastIndexByte(a.URL, ':')+1:])
	a.hosts[own] = [2]string{place, host}
	return "http://" + own
}

var soapAddress = regexp.MustCompile(`(address location=")[^"]*(")`)

// ServeHTTP implements [http.Handler].
func (a *addresses) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	place, host := a.hosts[r.Host][0], a.hosts[r.Host][1]
	a.mu.Unlock()
	address := "http://" + host + "/x"
	switch place {
	case "pagination":
		_, _ = io.WriteString(w, `{"pagination":{"next":`+strconv.Quote("https://"+host+"/api/v1/x")+`},"results":[]}`)
	case "soap:address":
		_, _ = w.Write(soapAddress.ReplaceAll(workdaytest.WSDL(), []byte("${1}"+strings.ReplaceAll(address, "$", "$$")+"${2}")))
	case "wsdl:import":
		_, _ = io.WriteString(w, `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"><w:import namespace="urn:x" location="`+address+`"/></w:definitions>`)
	case "xsd:import":
		_, _ = io.WriteString(w, `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"><w:types><s:schema xmlns:s="http://www.w3.org/2001/XMLSchema">`+
			`<s:import namespace="urn:x" schemaLocation="`+address+`"/></s:schema></w:types></w:definitions>`)
	default:
		w.Header().Set("Location", address)
		status, err := strconv.Atoi(place)
		if err != nil {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
	}
}

// called exports by a caller, and returns all that is said of it.
func called(t *testing.T, c caller, options ...pipeline.Option) string {
	t.Helper()
	if c.err != nil {
		return c.err.Error()
	}
	chain, err := pipeline.New(c.steps...)
	if err != nil {
		return err.Error()
	}
	defer chain.Close()
	call := exported("", "hook-secret-of-the-test", "login-of-the-test").With(rossumtest.Offline(), rossumtest.Secret("password", "pass-word"))
	var report *pipeline.Report
	all := append([]pipeline.Option{
		pipeline.WithOriginal(pipeline.Bytes("x")), pipeline.WithLogger(slog.New(slog.DiscardHandler)), pipeline.WithTimeout(2 * time.Second),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	}, append(options, c.options...)...)
	response, err := chain.Export(t.Context(), call.With(c.parts...).Payload(), all...)
	said := fmt.Sprint(err)
	if response != nil {
		said += fmt.Sprint(response.Messages)
	}
	if report != nil {
		said += report.Text()
	}
	return said
}

// refused reports that a text says that an address is not allowed, or not one, and not that a
// connection to it was tried.
func refused(said string) bool {
	tried := strings.Contains(said, "dial ") || strings.Contains(said, "lookup ")
	return !tried || strings.Contains(said, "address is not allowed")
}

// No spelling of an address at which clouds have credentials leads any component there: not as
// an address of its settings, a document's, or one that another system names; with whatever the
// program allows, and with a proxy that the program has, which gets nothing of it.
func TestNoComponentIsLedToMetadataByAnySpelling(t *testing.T) {
	t.Parallel()
	all := append(spellings(netip.MustParseAddr("169.254.169.254")), metadataNames...)
	proxy, seen := newProxy(t)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(at), DisableKeepAlives: true}
	peer := newAddresses(t)
	tried, dials := make(map[string]int), make(map[string]int)
	for i, host := range all {
		for name, c := range callers(t, host+":80", peer) {
			if !gates(5, host, name) {
				continue
			}
			tried[name]++
			bound := [][]pipeline.Option{nil, {pipeline.WithPublicAddressesOnly()}, {pipeline.WithOnlyHosts(host, "127.0.0.1")}}[i%3]
			said := called(t, c, bound...)
			if !refused(said) {
				t.Errorf("%s: http://%s: %s", name, host, said)
			}
			if strings.Contains(said, "address is not allowed") {
				dials[name]++
			}
			if name == "SFTP" || name == "Rossum's API" || name == "Rossum's next page" || i%4 > 0 {
				continue // they have no client of the program's here
			}
			called(t, c, pipeline.WithHTTPClient(&http.Client{Transport: transport}))
			for _, to := range seen() {
				if !strings.HasPrefix(to, "127.") { // of the peer that names the address
					t.Errorf("%s: http://%s: the proxy got %s", name, host, to)
				}
			}
		}
	}
	for _, name := range []string{"REST", "REST token", "processor", "Workday", "S3", "SFTP", "a function", "Rossum's API", "soap:address"} {
		if dials[name] == 0 || dials[name] < tried[name]/4 {
			t.Errorf("%s was refused %d of %d addresses", name, dials[name], tried[name])
		}
	}
}

// newProxy records where it is asked to go, and goes nowhere.
func newProxy(t *testing.T) (s *httptest.Server, seen func() []string) {
	var mu sync.Mutex
	var asked []string
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Host)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(s.Close)
	return s, func() []string {
		mu.Lock()
		defer mu.Unlock()
		list := asked
		asked = nil
		return list
	}
}

const childOfProxy = "EXPORTPIPELINE_CHILD_OF_PROXY"

// The proxy of the environment is read once in a process, so that it is tried in another one.
func TestNoComponentAsksTheProxyOfTheEnvironmentForMetadata(t *testing.T) {
	t.Parallel()
	if os.Getenv(childOfProxy) != "" {
		peer := newAddresses(t)
		for i, host := range append(spellings(netip.MustParseAddr("169.254.169.254")), append(metadataNames, "erp.example")...) {
			if i%3 > 0 && host != "erp.example" {
				continue
			}
			for name, c := range callers(t, host+":80", peer) {
				if name != "SFTP" { // which no proxy of HTTP concerns
					called(t, c)
				}
			}
		}
		httpcall.SharedClient().CloseIdleConnections()
		return
	}
	proxy, seen := newProxy(t)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), childOfProxy+"=1", "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=127.0.0.0/8")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	asked := seen()
	for _, to := range asked {
		if !strings.HasSuffix(strings.TrimSuffix(to, ":80"), "erp.example") {
			t.Errorf("the proxy got %s", to)
		}
	}
	if len(asked) < 6 {
		t.Errorf("the proxy got %q: not every component has it", asked)
	}
}

// tricks are ways of writing a URL so that a reader takes it for one of erp.example, or of no
// address at all, and a client for the peer's.
var tricks = []string{
	"erp.example@%s", "erp.example:80@%s", "erp.example:@%s", "%s#@erp.example", "%s?@erp.example", "%s/@erp.example", "%s%%5c@erp.example",
	"%s;@erp.example", "%s/.erp.example", "%s%%00.erp.example", "%s %%20erp.example", "erp.example%%2f@%s", "erp.example%%23@%s", "erp.example%%5c@%s", "%s",
}

// No component calls a host outside of those that the program allows, or a private address
// where public ones alone are allowed, however it is spelled; and each calls it without that.
func TestNoComponentIsLedPastTheBoundsOfTheProgramByAnySpelling(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1000)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			accepted <- c
		}
	})
	defer accepting.Wait()
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	arrived := func() (n int) {
		for {
			select {
			case <-accepted:
				n++
			default:
				return n
			}
		}
	}
	peer := newAddresses(t)
	calls := make(map[string]bool)
	for name, c := range callers(t, "127.0.0.1:"+port, peer) {
		said := called(t, c)
		time.Sleep(time.Millisecond)
		if calls[name] = arrived() > 0; !calls[name] && strings.Contains(said, "dial ") {
			t.Errorf("%s does not call without bounds: %s", name, said)
		}
	}
	if len(calls) < 20 {
		t.Errorf("%d places of addresses are tried: %v", len(calls), calls)
	}
	for _, host := range spellings(netip.MustParseAddr("127.0.0.1")) {
		for name, c := range callers(t, host+":"+port, peer) {
			if !calls[name] || !gates(4, host, name) {
				continue
			}
			said := called(t, c, pipeline.WithPublicAddressesOnly())
			if n := arrived(); n > 0 || !refused(said) {
				t.Errorf("%s: http://%s: %d connections were made where public addresses only are allowed: %s", name, host, n, said)
			}
		}
	}
	for _, trick := range tricks {
		host := fmt.Sprintf(trick, "127.0.0.1:"+port)
		for name, c := range callers(t, host, peer) {
			if !calls[name] || !gates(3, trick, name) {
				continue
			}
			said := called(t, c, pipeline.WithOnlyHosts("erp.example"))
			if n := arrived(); n > 0 {
				t.Errorf("%s: http://%s: %d connections were made where erp.example alone is allowed: %s", name, host, n, said)
			}
		}
	}
}
