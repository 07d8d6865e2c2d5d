package steps_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// recorder keeps the calls that it gets as they came, and answers each with 200.
type recorder struct {
	url  string
	mu   sync.Mutex
	seen []string
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{url: "http://" + l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return r
}

func (r *recorder) serve(c net.Conn) {
	defer c.Close()
	var seen strings.Builder
	req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &seen)))
	if err == nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
	r.mu.Lock()
	r.seen = append(r.seen, seen.String())
	r.mu.Unlock()
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
}

// taken returns what came since it was last asked.
func (r *recorder) taken() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := strings.Join(r.seen, "\n---\n")
	r.seen = nil
	return all
}

// ownHeaders are those in which programs may differ.
var ownHeaders = regexp.MustCompile(`(?mi)^(user-agent|accept|accept-encoding|connection|host): .*\r\n`)

// shape is a call without what programs may differ in, its headers in an order.
func shape(call string) string {
	head, body, _ := strings.Cut(call, "\r\n\r\n")
	line, rest, _ := strings.Cut(head, "\r\n")
	rest = ownHeaders.ReplaceAllString(rest+"\r\n", "")
	lines := strings.Split(strings.TrimSuffix(rest, "\r\n"), "\r\n")
	for i := range lines {
		for j := i + 1; j < len(lines); j++ {
			if strings.ToLower(lines[j]) < strings.ToLower(lines[i]) {
				lines[i], lines[j] = lines[j], lines[i]
			}
		}
	}
	return line + "\n" + strings.Join(lines, "\n") + "\n\n" + body
}

// requestKin are the arguments of calls, as both programs take them. What differs is not
// here: letters in headers that Latin-1 lacks, on which requests fails, spaces at the end of a
// header, null in a form, which it leaves out, and the Content-Type of a form without fields.
var requestKin = []string{
	`{"method":"GET","url":"/a b"}`,
	`{"method":"GET","url":"/č/ž?q=č"}`,
	`{"method":"GET","url":"/a%20b%2Fc"}`,
	`{"method":"GET","url":"/a%zz"}`,
	`{"method":"GET","url":"/a+b?c+d=e+f"}`,
	`{"method":"GET","url":"/a;b=1?c;d"}`,
	`{"method":"GET","url":"/a|b?c|d"}`,
	`{"method":"GET","url":"/a\"b<c>?d\"e<f>"}`,
	`{"method":"GET","url":"/a[1]?b[]=1&b[]=2"}`,
	`{"method":"GET","url":"?a=1"}`,
	`{"method":"GET","url":""}`,
	`{"method":"GET","url":"/"}`,
	`{"method":"GET","url":"/a?"}`,
	`{"method":"GET","url":"/a?b=&c"}`,
	`{"method":"GET","url":"/a#frag"}`,
	`{"method":"GET","url":"/a?b#c?d"}`,
	`{"method":"GET","url":"//a//b/"}`,
	`{"method":"GET","url":"/a\\b"}`,
	`{"method":"GET","url":"/~a!$&'()*,=:@"}`,
	`{"method":"GET","url":"/a?b=c d&e=f%20g&h=%C3%A9"}`,
	`{"method":"GET","url":"/a^b` + "`" + `c"}`,
	`{"method":"GET","url":"/a?x=1?y=2/z"}`,
	`{"method":"GET","url":"/%e4%BD"}`,
	`{"method":"GET","url":"/a%"}`,
	`{"method":"GET","url":"/a?%=1&b=100%"}`,
	`{"method":"GET","url":"/😀"}`,
	`{"method":"get","url":"/m"}`,
	`{"method":"HEAD","url":"/m"}`,
	`{"method":"POST","url":"/m"}`,
	`{"method":"PUT","url":"/m"}`,
	`{"method":"PATCH","url":"/m","data":"x"}`,
	`{"method":"DELETE","url":"/m","data":"x"}`,
	`{"method":"DELETE","url":"/m"}`,
	`{"method":"OPTIONS","url":"/m"}`,
	`{"method":"DELETE","url":"/m","headers":{"X-A":"1"}}`,
	`{"method":"GET","url":"/m","data":"x"}`,
	`{"method":"POST","url":"/b","data":"žluť\n€"}`,
	`{"method":"POST","url":"/b","data":""}`,
	`{"method":"POST","url":"/b","data":" "}`,
	`{"method":"POST","url":"/b","data":"{\"a\":1}","headers":{"content-type":"application/json"}}`,
	`{"method":"POST","url":"/b","data":"x","headers":{"Content-Type":"text/csv; charset=UTF-8","X-a":"1","x-B":"2"}}`,
	`{"method":"POST","url":"/h","data":"x","headers":{"X-Empty":"","X-Inner":"a  b","X-Comma":"a, b;c=\"d\""}}`,
	`{"method":"POST","url":"/h","data":"x","headers":{"X-Tab":"a\tb"}}`,
	`{"method":"POST","url":"/h","data":"x","headers":{"X-Vendor":"Müller & Söhne, 5 £","X-Low":"\u0080\u00a0ÿ."}}`,
	`{"method":"POST","url":"/h","data":"x","headers":{"Cookie":"a=b; c=d","Authorization":"Basic eDp5","If-Match":"*"}}`,
	`{"method":"POST","url":"/f","data":{"a":"1","b":"x y","c":"a+b&c=d/?","č":"ž€","":"e","e":""}}`,
	`{"method":"POST","url":"/f","data":{"a":["1","2"],"b":[]}}`,
	`{"method":"POST","url":"/f","data":{"n":5,"x":1.5,"big":12345678901234567890}}`,
	`{"method":"POST","url":"/f","data":{"t":"~-._*'()!"}}`,
	`{"method":"POST","url":"/f","data":{"a":"line\r\nbreak\ttab"}}`,
	`{"method":"PUT","url":"/f","data":{"a":"1"}}`,
	`{"method":"POST","url":"/f","data":{"a":"1"},"headers":{"Content-Type":"application/x-www-form-urlencoded; charset=utf-8"}}`,
}

func TestAHeaderWithLettersThatLatin1LacksIsSentInUTF8(t *testing.T) {
	t.Parallel()
	url, got := erp(t, 200, "")
	settings := `{"request": {"url": "URL", "headers": {"X-Name": "@{vendor} Łódź"}}}`
	x := pipelinetest.Run(t, fromJSON[steps.RESTExport](t, strings.ReplaceAll(settings, "URL", url)), invoice())
	if x.Err != nil || len(*got) != 1 || (*got)[0].header.Get("X-Name") != `A&B "Co" Łódź` {
		t.Fatalf("%v, %+v", x.Err, *got)
	}
	if decisions := fmt.Sprint(x.Report.Steps[0].Decisions); !strings.Contains(decisions, "request.headers.X-Name is sent in UTF-8") {
		t.Errorf("decisions %s", decisions)
	}
}

// What leaves is what Python's requests sends for the same arguments.
func TestRESTExportSendsWhatRequestsSends(t *testing.T) {
	t.Parallel()
	python := oracle.Need(t, "requests")
	server := newRecorder(t)
	script := "import json, requests, sys\nfor line in json.load(sys.stdin):\n    line['url'] = sys.argv[1] + line['url']\n    if isinstance(line.get('data'), str): line['data'] = line['data'].encode()\n" +
		"    try:\n        requests.request(**line, timeout=5)\n    except Exception as e:\n        requests.get(sys.argv[1] + '/failed?' + type(e).__name__)\n"
	command := python.Command("-c", script, server.url)
	command.Env = []string{"NO_PROXY=*", "PYTHONIOENCODING=utf-8"}
	command.Stdin = strings.NewReader("[" + strings.Join(requestKin, ",") + "]")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := strings.Split(server.taken(), "\n---\n")
	if len(want) != len(requestKin) {
		t.Fatalf("%d calls of %d", len(want), len(requestKin))
	}
	for i, arguments := range requestKin {
		request := strings.Replace(arguments, `"url":"`, `"url":"`+server.url, 1)
		request = strings.Replace(request, `"data":"`, `"content":"`, 1)
		var step steps.RESTExport
		if err := step.UnmarshalJSON([]byte(`{"request":` + request + `}`)); err != nil {
			t.Errorf("%s: %v", arguments, err)
			continue
		}
		r := pipelinetest.Run(t, &step, rossumtest.Annotation())
		got := server.taken()
		if shape(got) != shape(want[i]) {
			t.Errorf("%s\nsent %q\nwant %q\n%v", arguments, shape(got), shape(want[i]), r.Err)
		}
	}
}
