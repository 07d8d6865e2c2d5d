package steps_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// bareERP answers one call with the given bytes; got is what came, as it came.
func bareERP(t *testing.T, answer string) (url string, got *string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got = new(string)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		var seen strings.Builder
		req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &seen)))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		*got = seen.String()
		_, _ = io.WriteString(c, answer)
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String(), got
}

// After syncthing/syncthing#1696, getprobo/probo#1630 and woocommerce/wc-api-python#40.
func TestHeadersGoOutAndComeInAsTheyAreSpelled(t *testing.T) {
	t.Parallel()
	var zipped strings.Builder
	w := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(w, `{"id":7}`)
	_ = w.Close()
	url, got := bareERP(t, "HTTP/1.1 201 Created\r\nx-zeta: 1\r\nX-ALPHA: 2\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"+zipped.String())
	step := &steps.RESTExport{
		Request:    steps.Request{URL: url + "/", Content: "<a/>", Headers: map[string]string{"SOAPAction": "urn:x", "X-APIKEY": "k", "Accept-Encoding": "gzip"}},
		HeadersKey: "headers", PayloadKey: "body",
	}
	r := pipelinetest.Run(t, step, rossumtest.Annotation())
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	for _, line := range []string{"SOAPAction: urn:x", "X-APIKEY: k", "Accept-Encoding: gzip"} {
		if !strings.Contains(*got, "\r\n"+line+"\r\n") {
			t.Errorf("%s was not sent:\n%s", line, *got)
		}
	}
	want := `{"status_code":201,"headers":{"x_zeta":"1","x_alpha":"2","content_encoding":"gzip","connection":"close"},` +
		`"raw":[["x-zeta","1"],["X-ALPHA","2"],["Content-Encoding","gzip"],["Connection","close"]]}`
	if string(r.Files["headers"]) != want || string(r.Files["body"]) != `{"id":7}` {
		t.Errorf("got  %s, %s\nwant %s", string(r.Files["headers"]), string(r.Files["body"]), want)
	}
}
