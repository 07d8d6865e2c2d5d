package steps_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// partner records what it is sent, and answers as its path says.
type partner struct {
	*httptest.Server
	failed atomic.Bool // the last call to a path that fails every other time
	mu     sync.Mutex
	seen   []string
}

var boundary = regexp.MustCompile(`[0-9a-f]{32}`)

func newPartner(t *testing.T) *partner {
	e := &partner{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		line := fmt.Sprintf(
			"%s %s | %s | %s | %s | %s",
			r.Method,
			r.URL.RequestURI(),
			r.Header.Get("Content-Type"),
			r.Header.Get("Authorization"),
			strings.Join([]string{r.Header.Get("X-Key"), r.Header.Get("Content-Length"), r.Header.Get("Cookie")}, " "),
			body,
		)
		e.mu.Lock()
		e.seen = append(e.seen, boundary.ReplaceAllString(line, "BOUNDARY"))
		e.mu.Unlock()
		switch r.URL.Path {
		case "/cut":
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		case "/text":
			w.Header().Set("Content-Type", "text/plain; charset=iso-8859-2")
			_, _ = w.Write([]byte("p\xf8\xedli\xb9"))
		case "/login":
			for _, cookie := range []string{
				"SID=1f; Path=/; HttpOnly", "ROUTE=.node1; path=/", "SEC=x; Secure", "OLD=1; Max-Age=0", "DEEP=2; Path=/deep", "DOM=3; Domain=127.0.0.1",
				"OTHER=3; Domain=erp.example", "PAST=4; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "LATER=5; Expires=Wed, 21 Oct 2065 07:28:00 GMT",
				`QUOTED="a b"`, "EMPTY=", "REL=6; Path=deep", "SPACED = 7 ; Path = /",
			} {
				w.Header().Add("Set-Cookie", cookie)
			}
			w.Header()["X-Twice"] = []string{"1", "2"}
			w.WriteHeader(http.StatusNoContent)
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/flaky", "/after":
			if e.failed.Swap(!e.failed.Load()) {
				return
			}
			if r.URL.Path == "/after" {
				w.Header().Set("Retry-After", "1")
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/paged":
			w.Header().Set("Link", `<https://erp.example/p?page=2>; rel="next"; title='x', <https://erp.example/p?page=9>; rel=last,<https://erp.example/plain>`)
		case "/logout":
			w.Header().Add("Set-Cookie", "SID=; Path=/; Max-Age=0")
			w.Header().Add("Set-Cookie", "ROUTE=; Path=/; expires=Thu, 01-Jan-1970 00:00:00 GMT")
		case "/moved":
			w.Header().Set("Location", "/json")
			w.WriteHeader(http.StatusFound)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"id": 7, "name": "Müller"}`))
		}
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *partner) taken() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := strings.Join(e.seen, "\n")
	e.seen = nil
	return all
}

// sendingCode are bodies of a function that sends to URL and keeps what it shows in out.
var sendingCode = []string{
	"r = requests.get(URL + '/json', params={'a': 'x y', 'b': [1, 2], 'c': None}, headers={'X-Key': 'k'})\nout = [r.status_code, r.ok, r.reason, r.json(), r.headers['content-type'], r.text, r.content, r.encoding, bool(r), str(r)]",
	"r = requests.post(URL + '/json', json={'total': 1.5, 'name': 'č'})\nout = [r.status_code, r.json()['id']]",
	"r = requests.post(URL + '/json', data={'a': 'b c', 'd': ['1', '2']})\nout = r.status_code",
	"r = requests.post(URL + '/json', data='plain text', headers={'Content-Type': 'text/csv'})\nout = r.status_code",
	"r = requests.put(URL + '/json', data=b'\\xff\\x00')\nout = r.status_code",
	"r = requests.patch(URL + '/json', json=[1, None, True])\nout = r.status_code",
	"r = requests.delete(URL + '/json')\nout = r.status_code",
	"r = requests.request('post', URL + '/json', json={}, auth=('user', 'pass'))\nout = r.status_code",
	"r = requests.post(URL + '/json', data={'a': '1'}, files={'f': ('name.txt', b'content', 'text/plain'), 'g': b'raw'})\nout = r.status_code",
	"r = requests.options(URL + '/json')\nrequests.delete(URL + '/json', json={'a': 1})\nrequests.delete(URL + '/json', headers={'X-Key': 'a'})\nout = r.status_code",
	"out = [requests.get(URL + '/json', headers={'X-Key': v}).status_code for v in ('Müller ÿ', b'M\\xfcller', 'é'.encode())]",
	"try:\n    requests.get(URL + '/json', headers={'X-Key': 'č'})\nexcept UnicodeEncodeError as e:\n    out = str(e)",
	"for v in (1, None, True, 1.5):\n    try:\n        out = requests.get(URL + '/json', headers={'X-Key': v}).status_code\n    except requests.exceptions.InvalidHeader as e:\n        out = isinstance(e, (ValueError, requests.RequestException)), str(e)",
	"for v in (' a', 'a\\nb', 'a\\r\\n b', 'a '):\n    try:\n        out = requests.get(URL + '/json', headers={'X-Key': v}).status_code\n    except requests.exceptions.InvalidHeader as e:\n        out = str(e)",
	"import urllib.request\nq = urllib.request.Request(URL + '/json', headers={'X-key': 'Müller'}, method='DELETE')\nout = urllib.request.urlopen(q).status",
	"import urllib.request\ntry:\n    urllib.request.urlopen(urllib.request.Request(URL + '/json', headers={'X-key': 'č'}))\nexcept UnicodeEncodeError as e:\n    out = str(e)",
	"r = requests.post(URL + '/json', data={'a\"b': 'ž', 'n': None, 's': (1, 2)}, files={'f\\\\x\"': ('nám\"e.txt', 'text'), 'none': None, 'h': ('h', b'1', None, {'X-Part': 'p'}), 't': ('t', b'2', 'a/b', {'X-Part': 'q'})})\nout = r.status_code",
	"r = requests.post(URL + '/json', data={'a': {'x': 1}, 'b': (c for c in 'yz'), 'c': b'\\xff', 'd': None, 'e': True}, params={'p': {'k'}})\nout = r.status_code",
	"r = requests.post(URL + '/json', params=b'a=b', data=[('a', '1'), ('a', '2')])\nrequests.post(URL + '/json', data={}, json=None)\nrequests.post(URL + '/json', data='')\nout = requests.post(URL + '/json', json=[]).status_code",
	"s = requests.Session()\nr = s.post(URL + '/login', json={'user': 'u'})\ns.get(URL + '/json')\ns.get(URL + '/deep/er')\ns.get(URL + '/deeper')\nrequests.get(URL + '/json')\nout = [sorted(s.cookies.get_dict().items()), r.cookies.get('SID'), 'SID' in r.cookies, len(r.cookies), r.cookies.get('none', 1), r.headers['X-Twice']]",
	"r = requests.post(URL + '/login')\nrequests.get(URL + '/json', cookies=r.cookies)\nrequests.get(URL + '/json', cookies={'a': '1', 'SID': 'own'})\nrequests.get(URL + '/json', cookies={'a': '1'}, headers={'Cookie': 'b=2'})\ntry:\n    r.cookies['none']\nexcept KeyError as e:\n    out = [str(e), r.cookies['SID'], [(c.name, c.value, c.domain, c.path, c.secure) for c in r.cookies][:2], sorted(r.cookies.keys())]",
	"s = requests.Session()\ns.cookies.update({'a': '1', 'b': '2'})\ns.cookies.set('c', '3', path='/deep')\ns.cookies['d'] = '4'\ns.get(URL + '/json', cookies={'a': 'own', 'e': '5'})\ns.get(URL + '/deep')\ndel s.cookies['a']\ns.cookies.set('b', None)\ns.get(URL + '/json')\nbefore = s.cookies.get_dict()\ns.cookies.clear()\ns.get(URL + '/json')\nout = before, dict(s.cookies), bool(s.cookies), s.cookies.items()",
	"s = requests.Session()\ns.cookies = requests.cookies.cookiejar_from_dict({'a': '1'})\ns.post(URL + '/login')\ns.post(URL + '/logout')\ns.get(URL + '/json')\nout = requests.utils.dict_from_cookiejar(s.cookies) if hasattr(requests, 'utils') else s.cookies.get_dict()",
	"s = requests.Session()\ns.params = {'q': '1', 'r': '2'}\ns.get(URL + '/json', params={'q': 'own', 'r': None, 'z': ''})\ns.get(URL + '/json', params='raw=1')\ns.get(URL + '/json', params=[('l', '1'), ('l', '2')])\nout = s.get(URL + '/json').status_code",
	"try:\n    requests.get(URL + '/text').json()\nexcept requests.exceptions.RequestException as e:\n    out = [type(e).__name__, str(e), e.pos, isinstance(e, json.JSONDecodeError), isinstance(e, ValueError)]",
	"r = requests.get(URL + '/json')\nu = requests.get(URL + '/text')\nout = [list(r.iter_lines()), list(u.iter_lines(decode_unicode=True)), list(r.iter_content(20)), b''.join(u.iter_content(chunk_size=3)), list(r.iter_lines(delimiter=b','))]",
	"from requests.adapters import HTTPAdapter\nfrom urllib3.util.retry import Retry\ns = requests.Session()\nretries = Retry(total=3, backoff_factor=0.01, status_forcelist=[500, 502, 503, 504])\ns.mount('https://', HTTPAdapter(max_retries=retries))\ns.mount('http://', HTTPAdapter(max_retries=retries))\nout = [s.get(URL + '/flaky').status_code, s.put(URL + '/flaky', data='x').status_code, s.post(URL + '/flaky').status_code, s.post(URL + '/flaky').status_code, s.get(URL + '/missing').status_code]",
	"from requests.adapters import HTTPAdapter\nfrom requests.packages.urllib3.util.retry import Retry\ns = requests.Session()\ns.mount(URL, HTTPAdapter(max_retries=Retry(total=1, status_forcelist=(503,))))\ntry:\n    s.get(URL + '/down?a=1')\n    out = 'no error'\nexcept requests.exceptions.RetryError as e:\n    out = [str(e), isinstance(e, requests.exceptions.RequestException)]",
	"import urllib3\nfrom requests.adapters import HTTPAdapter\ns = requests.Session()\ns.mount('http://', HTTPAdapter(max_retries=urllib3.Retry(total=2, status=1, status_forcelist={503}, raise_on_status=False)))\nout = [s.get(URL + '/down').status_code, requests.get(URL + '/down').status_code]",
	"from requests.adapters import HTTPAdapter, Retry\ns = requests.Session()\ns.mount('http://', HTTPAdapter(max_retries=Retry(total=2, status_forcelist=[503], allowed_methods=['POST'])))\ns.get(URL + '/down')\ntry:\n    s.post(URL + '/down', json={'a': 1})\nexcept requests.RequestException as e:\n    out = type(e).__name__",
	"from requests.adapters import HTTPAdapter\ns = requests.Session()\ns.mount('http://127.0.0.1', HTTPAdapter(max_retries=2))\ns.mount('http://', HTTPAdapter(pool_connections=1, pool_maxsize=2, pool_block=True))\ntry:\n    s.get('http://127.0.0.1:1/')\nexcept requests.exceptions.ConnectionError as e:\n    out = [type(e).__name__, s.get(URL + '/down').status_code, s.get(URL + '/after').status_code, s.post(URL + '/after').status_code, s.post(URL + '/after').status_code]",
	"import urllib3\nurllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)\nrequests.packages.urllib3.disable_warnings()\ntry:\n    requests.Session().get('ftp://127.0.0.1/')\nexcept requests.exceptions.InvalidSchema as e:\n    out = str(e)",
	"class Bearer(requests.auth.AuthBase):\n    def __init__(self, token): self.token = token\n    def __call__(self, r):\n        r.headers['Authorization'] = 'Bearer ' + self.token + str(len(r.body or ''))\n        r.headers['X-Key'] = r.method + r.path_url\n        return r\ns = requests.Session()\ns.auth = Bearer('t')\ns.post(URL + '/json?a=1', json={'a': 'b'})\ns.get(URL + '/json', auth=('ü', b'\\xff'))\nr = requests.delete(URL + '/json', auth=Bearer('u'))\nout = [r.request.method, r.request.url == URL + '/json', r.request.headers['authorization'], r.request.headers.get('content-length'), r.request.body, r.elapsed.days]",
	"r = requests.put(URL + '/json', auth=lambda r: setattr(r, 'body', r.body.upper()) or r, data='quiet')\nout = [r.request.body, requests.auth.HTTPBasicAuth('a', 'b') == requests.auth.HTTPBasicAuth('a', 'b'), requests.auth.HTTPBasicAuth('a', 'b') != requests.auth.HTTPBasicAuth('a', 'c')]",
	"r = requests.get(URL + '/paged')\nout = [r.links['next']['url'], r.links, requests.get(URL + '/json').links]",
	"r = requests.get(URL + '/missing')\ntry:\n    r.raise_for_status()\nexcept requests.exceptions.HTTPError as e:\n    out = [str(e).replace(URL, ''), e.response.status_code, r.ok, bool(r)]",
	"r = requests.get(URL + '/text')\nout = [r.text, r.encoding]",
	"r = requests.get(URL + '/moved', allow_redirects=False)\nout = [r.status_code, r.headers['Location'], r.is_redirect]",
	"with requests.Session() as s:\n    s.headers.update({'X-Key': 'session'})\n    s.auth = ('u', 'p')\n    s.params = {'q': '1'}\n    a = s.get(URL + '/json')\n    b = s.post(URL + '/json', json={'x': 1}, headers={'X-Key': None})\nout = [a.status_code, b.status_code]",
	"try:\n    requests.get('http://127.0.0.1:1/', timeout=5)\n    out = 'no error'\nexcept requests.exceptions.Timeout:\n    out = 'time-out'\nexcept requests.exceptions.RequestException as e:\n    out = [isinstance(e, requests.ConnectionError), isinstance(e, OSError)]",
	"try:\n    requests.get(URL + '/text').json()\nexcept ValueError as e:\n    out = 'no JSON'",
	"import urllib.request\nwith urllib.request.urlopen(URL + '/json?a=1') as r:\n    out = [r.status, r.getcode(), r.reason, json.loads(r.read()), r.headers['content-type'], r.getheader('X-None', 'no'), r.geturl() == URL + '/json?a=1']",
	"from urllib import request\nfrom urllib.error import HTTPError\nq = request.Request(URL + '/missing', data=b'a=b', headers={'X-key': 'k'})\ntry:\n    request.urlopen(q)\nexcept HTTPError as e:\n    out = [e.code, e.reason, str(e), e.read(), q.get_method()]",
	"import urllib.request, urllib.parse\nq = urllib.request.Request(URL + '/json', data=json.dumps({'x': 'č'}).encode(), method='PUT')\nq.add_header('Content-Type', 'application/json')\nout = json.load(urllib.request.urlopen(q))['id'], urllib.parse.quote('a b')",
	"from urllib.request import urlopen\nfrom urllib.error import URLError\ntry:\n    urlopen('http://127.0.0.1:1/', timeout=5)\n    out = 'no error'\nexcept URLError as e:\n    out = isinstance(e, OSError)",
	"import urllib.request\ntry:\n    urllib.request.urlopen(URL + '/json', data='text')\nexcept TypeError as e:\n    out = str(e)",
	"import urllib.request\nout = urllib.request.urlopen(urllib.request.Request(URL + '/moved')).read()",
	"import xml.etree.ElementTree as ET\nroot = ET.Element('Invoice')\nET.SubElement(root, 'Id', n='1').text = 'č & x'\nET.indent(root)\nout = requests.post(URL + '/json', data=ET.tostring(root, encoding='utf-8', xml_declaration=True), headers={'Content-Type': 'application/xml'}).status_code",
	"from requests.auth import HTTPBasicAuth\nr = requests.get(URL + '/json?x=1#top', params='y=2', auth=HTTPBasicAuth('a', 'b'))\nout = r.status_code",
}

func runSending(t *testing.T, url, body string) (out string, err error) {
	t.Helper()
	code := "import json\nimport requests\nURL = " + fmt.Sprintf(
		"%q",
		url,
	) + "\ndef rossum_hook_request_handler(payload):\n    t = TxScript.from_payload(payload)\n    " +
		strings.ReplaceAll(
			body,
			"\n",
			"\n    ",
		) + "\n    t.show_info(repr(out))\n    return t.hook_response()\n"
	chain, err := pipeline.New(&steps.Function{Code: code, HTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := chain.Export(t.Context(), functionCall("", "").Payload())
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(texts(r), "info: "), nil
}

// The same code sends the same, and sees the same, as with the module of that name.
func TestAFunctionSendsWhatRequestsSends(t *testing.T) {
	t.Parallel()
	python := oracle.Need(t, "requests")
	e := newPartner(t)
	script := "import json\nimport requests\nURL = " + fmt.Sprintf("%q", e.URL) + "\n"
	for _, body := range sendingCode {
		script += body + "\nprint(repr(out))\nrequests.get(URL + '/mark')\n"
	}
	command := python.Command("-c", script)
	command.Env = []string{"NO_PROXY=*", "PYTHONIOENCODING=utf-8"}
	printed, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	want := strings.Split(string(printed), "\n")
	wantSent := strings.Split(e.taken(), "GET /mark")
	for i, body := range sendingCode {
		got, err := runSending(t, e.URL, body)
		if err != nil {
			t.Errorf("%s\n%v", body, err)
		}
		_, before, _ := strings.Cut(wantSent[i], "\n") // the rest of the mark's line
		if i == 0 {
			before = wantSent[0]
		}
		if sent := e.taken(); sent != strings.TrimSuffix(before, "\n") {
			t.Errorf("%s\nsent %s\nwant %s", body, sent, before)
		}
		if got != want[i] {
			t.Errorf("%s\ngot  %s\nwant %s", body, got, want[i])
		}
	}
}

// A call that may have arrived ends the export: code that catches everything and tries
// again would post twice.
func TestAFunctionCannotRepeatACallThatMayHaveArrived(t *testing.T) {
	t.Parallel()
	e := newPartner(t)
	_, err := runSending(
		t,
		e.URL,
		"for _ in range(3):\n    try:\n        requests.post(URL + '/cut', json={})\n    except Exception:\n        pass\nout = 1",
	)
	if sent := e.taken(); err == nil || strings.Count(sent, "POST") != 1 {
		t.Errorf("%v, sent %s", err, sent)
	}
	if err == nil || !strings.Contains(err.Error(), "line 8: POST") { // of the code, not of the module requests
		t.Errorf("%v", err)
	}
}

func TestWhatReachesIntoTheConnectionIsRefused(t *testing.T) {
	t.Parallel()
	e := newPartner(t)
	for _, argument := range []string{"verify=False", "verify='ca.pem'", "proxies={'https': 'x'}", "cert='x.pem'", "hooks={'response': 1}"} {
		name, _, _ := strings.Cut(argument, "=")
		for _, call := range []string{"requests.post(URL + '/json', " + argument + ")", "s = requests.Session()\ns." + argument + "\ns.post(URL + '/json')"} {
			_, err := runSending(t, e.URL, call+"\nout = 0")
			if err == nil || !strings.Contains(err.Error(), name) || e.taken() != "" {
				t.Errorf("%s: %v", call, err)
			}
		}
	}
	for code, name := range map[string]string{
		"s.proxies.update({'https': 'x'})": "proxies", "s.max_redirects = 3": "max_redirects",
		"class Own(requests.adapters.HTTPAdapter):\n    def send(self, request, **options): return super().send(request, timeout=5)\ns.mount('http://', Own())": "a method send",
	} {
		_, err := runSending(t, e.URL, "s = requests.Session()\n"+code+"\ns.post(URL + '/json')\nout = 0")
		if err == nil || !strings.Contains(err.Error(), name) || e.taken() != "" {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// A document of any size that Rossum takes can be sent, and in base64.
func TestAFunctionSendsALargeDocument(t *testing.T) {
	t.Parallel()
	document := bytes.Repeat([]byte("%PDF\xff\x00\r\n"), 18_000_000/8)
	text := base64.StdEncoding.EncodeToString(document)
	for call, want := range map[string]string{
		"data=doc": string(document),
		"files={'f': ('ü.pdf', doc, 'application/pdf')}, data={'n': '1'}": "--BOUNDARY\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n1\r\n" +
			"--BOUNDARY\r\nContent-Disposition: form-data; name=\"f\"; filename=\"ü.pdf\"\r\nContent-Type: application/pdf\r\n\r\n" +
			string(document) + "\r\n--BOUNDARY--\r\n",
		"data={'f': base64.b64encode(doc)}":          "f=" + url.QueryEscape(text),
		"json={'f': base64.b64encode(doc).decode()}": `{"f": "` + text + `"}`,
	} {
		var got []byte
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write(document)
				return
			}
			got, _ = io.ReadAll(r.Body)
			if _, boundary, found := strings.Cut(r.Header.Get("Content-Type"), "boundary="); found {
				got = bytes.ReplaceAll(got, []byte(boundary), []byte("BOUNDARY"))
			}
		}))
		step := &steps.Function{HTTP: true, Code: fmt.Sprintf("import base64, requests\ndef rossum_hook_request_handler(payload):\n"+
			"    doc = requests.get(%q).content\n    requests.post(%q, %s)\n    return {}\n", s.URL, s.URL, call)}
		r := pipelinetest.Run(t, step, rossumtest.Annotation(rossumtest.Offline()))
		s.Close()
		if r.Err != nil || string(got) != want {
			t.Errorf("%s: %v, sent %d bytes (%.100q), want %d", call, r.Err, len(got), got, len(want))
		}
	}
}

// Without the program's word code that sends is refused when the chain is built.
func TestAFunctionSendsOnlyIfTheProgramAllowsIt(t *testing.T) {
	t.Parallel()
	code := "import requests\ndef rossum_hook_request_handler(payload):\n    requests.post('https://erp.example', json={})\n"
	_, err := pipeline.New(&steps.Function{Code: code})
	if err == nil || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "requests") ||
		!strings.Contains(err.Error(), "FunctionsMaySend") {
		t.Errorf("got %v", err)
	}
	hook := func(name string) *rossum.Hook {
		h := &rossum.Hook{ID: 7, Name: name, Type: "function", Active: true, Events: []string{"annotation_content.export"}}
		h.Config.Runtime, h.Config.Code = "python3.12", code
		return h
	}
	for allowed, want := range map[bool]bool{false: false, true: true} {
		r := &organisation.Registry{}
		if allowed {
			steps.Register(r, steps.RegisterOptions{FunctionsMaySend: true})
		} else {
			steps.Register(r, steps.RegisterOptions{})
		}
		if _, err := organisation.FromHooks([]*rossum.Hook{hook("Send")}, r, organisation.Options{}); (err == nil) != want {
			t.Errorf("allowed %t: %v", allowed, err)
		}
	}
}

// The calls are on the report, without the secrets of the hook.
func TestTheCallsOfAFunctionAreReportedWithoutSecrets(t *testing.T) {
	t.Parallel()
	e := newPartner(t)
	code := "import requests\ndef rossum_hook_request_handler(payload):\n    key = payload['secrets']['key']\n    requests.post('" + e.URL +
		"/json?key=' + key, headers={'X-Key': key})\n    requests.get('http://127.0.0.1:1/' + key)\n"
	chain, err := pipeline.New(&steps.Function{Code: code, HTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	p := functionCall("", "").Payload()
	p.Secrets = map[string]string{"key": "S3CRET-canary"}
	var report *pipeline.Report
	_, err = chain.Export(t.Context(), p, pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	if err == nil || strings.Contains(err.Error(), "S3CRET") {
		t.Errorf("got %v", err)
	}
	text, _ := json.Marshal(report)
	if sent := e.taken(); !strings.Contains(sent, "S3CRET-canary") || strings.Contains(string(text), "S3CRET") ||
		!strings.Contains(string(text), "/json") {
		t.Errorf("sent %s, report %s", sent, text)
	}
}
