package rossum_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T) (*rossum.Client, *rossumtest.Server) {
	t.Helper()
	s := rossumtest.NewServer()
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); s.Close() })
	c, err := rossum.NewClient(s.URL+"/api/v1", rossum.Secret(s.Token), rossum.ClientOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func TestDocumentsAreSavedReadAndDeleted(t *testing.T) {
	t.Parallel()
	c, s := client(t)
	d, err := c.CreateDocument(t.Context(), rossum.NewDocument{Name: `ž "q".csv`, Data: []byte("a,b")})
	if err != nil {
		t.Fatal(err)
	}
	if d.OriginalFileName != `ž "q".csv` || !strings.HasPrefix(d.MimeType, "text/csv") {
		t.Errorf("%+v", d)
	}
	body, size, err := c.DocumentContent(d.ID).OpenSized(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if data, err := io.ReadAll(body); err != nil || string(data) != "a,b" || size != 3 {
		t.Errorf("%q %d %v", data, size, err)
	}
	for range 2 { // deleting what is gone is not an error
		if err := c.DeleteDocument(t.Context(), d.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Document(t.Context(), d.ID); !errors.Is(err, rossum.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := c.CreateDocument(t.Context(), rossum.NewDocument{Name: "a", Data: make([]byte, rossum.MaxDocumentSize+1)}); !errors.Is(
		err,
		rossum.ErrDocumentTooLarge,
	) ||
		len(s.Calls()) != 5 {
		t.Errorf("%v, %d calls", err, len(s.Calls()))
	}
}

func TestListsGoThroughAllPages(t *testing.T) {
	t.Parallel()
	c, s := client(t)
	s.SetPageSize(2)
	annotation := fmt.Sprintf("%s/api/v1/annotations/%d", s.URL, rossumtest.AnnotationID)
	for i := range 5 {
		if _, err := c.CreateDocumentRelation(t.Context(), rossum.DocumentRelation{Type: "export", Key: fmt.Sprint("k", i), Annotation: annotation, Documents: []string{"u"}}); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	for r, err := range c.DocumentRelations(t.Context(), rossumtest.AnnotationID, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, r.Key)
	}
	if fmt.Sprint(keys) != "[k0 k1 k2 k3 k4]" {
		t.Errorf("%v", keys)
	}
	for r, err := range c.DocumentRelations(t.Context(), rossumtest.AnnotationID, "k3") {
		if err != nil || r.Key != "k3" {
			t.Fatal(r, err)
		}
		if err := c.SetRelationDocuments(t.Context(), r.ID, []string{"v"}); err != nil {
			t.Error(err)
		}
		if err := c.DeleteDocumentRelation(t.Context(), r.ID); err != nil {
			t.Error(err)
		}
	}
	var refused *rossum.APIError
	if _, err := c.CreateDocumentRelation(t.Context(), rossum.DocumentRelation{Type: "export", Key: "k0", Annotation: annotation}); !errors.As(
		err,
		&refused,
	) ||
		refused.Status != 400 ||
		!strings.Contains(refused.Detail, "unique set") {
		t.Errorf("%v", err)
	}
}

func TestHooksSecretsContentAndExportAreThere(t *testing.T) {
	t.Parallel()
	c, s := client(t)
	s.AddHook(json.RawMessage(fmt.Sprintf(`{"id":7,"name":"A","queues":["%s/api/v1/queues/1"],"active":true}`, s.URL)))
	s.AddHook(json.RawMessage(`{"id":8,"name":"B","queues":[]}`))
	hooks, err := c.Hooks(t.Context(), 1)
	if err != nil || len(hooks) != 1 || hooks[0].Name != "A" || !hooks[0].Active {
		t.Errorf("%v %v", hooks, err)
	}
	if err := c.SetHookSecrets(t.Context(), 7, rossum.Secrets{"access_token": "new-token"}); err != nil ||
		s.HookSecrets(7)["access_token"] != "new-token" {
		t.Errorf("%v %v", err, s.HookSecrets(7))
	}
	s.AddContent(rossumtest.Annotation(rossumtest.Field("document_id", "fetched")))
	p := rossumtest.Annotation(rossumtest.On(s), rossumtest.WithoutContent()).Payload()
	if err := c.FetchContent(t.Context(), p.Annotation); err != nil || p.Annotation.Content.Find("document_id")[0].Value() != "fetched" {
		t.Error(err)
	}
	s.AddExport("csv", []byte("x,y"))
	body, err := c.QueueExport(t.Context(), 1, 2, "csv")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if data, _ := io.ReadAll(body); string(data) != "x,y" {
		t.Errorf("%q", data)
	}
	s.AddRelation(
		rossum.Relation{ID: 5, Type: "attachment", Parent: "https://x/annotations/1", Annotations: []string{"https://x/annotations/2"}},
	)
	n := 0
	for r, err := range c.Attachments(t.Context(), 1) {
		if err != nil || r.ID != 5 {
			t.Error(r, err)
		}
		n++
	}
	for range c.Relations(t.Context(), 3) {
		n++
	}
	if n != 1 {
		t.Errorf("%d relations", n)
	}
}

func TestFaultsOfThePlatformAreRepeatedWhereThatIsSafe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault rossumtest.Fault
		call  func(c *rossum.Client) error
		calls int
		fails bool
	}{
		"429 on a POST": {rossumtest.Fault{Status: 429, RetryAfter: "0"}, create, 2, false},
		"500 on a POST": {rossumtest.Fault{Status: 500}, create, 1, true},
		"cut POST":      {rossumtest.Fault{Cut: true}, create, 1, true},
		"500 on a GET":  {rossumtest.Fault{Status: 500, RetryAfter: "0"}, get, 2, false},
		"cut GET":       {rossumtest.Fault{Cut: true}, get, 2, false},
		"403":           {rossumtest.Fault{Status: 403}, get, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := client(t)
			s.AddDocument(1, "a", "text/plain", []byte("a"))
			s.Fail(tt.fault)
			err := tt.call(c)
			if (err != nil) != tt.fails || len(s.Calls()) != tt.calls {
				t.Errorf("%v, calls %v", err, s.Calls())
			}
		})
	}
}

func create(c *rossum.Client) error {
	_, err := c.CreateDocument(context.Background(), rossum.NewDocument{Name: "a", Data: []byte("a")})
	return err
}

func get(c *rossum.Client) error {
	_, err := c.Document(context.Background(), 1)
	return err
}

func TestTheTokenGoesToNoOtherHost(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	for _, url := range []string{"https://thief.example/api/v1/documents/1/content", "http://user@127.0.0.1/x", "http://127.0.0.1:1/x", "//thief.example/x"} {
		if _, _, err := c.Fetch(t.Context(), url); err == nil {
			t.Errorf("%s was called", url)
		} else if strings.Contains(url, "://") && !errors.Is(err, rossum.ErrForeignURL) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestAWrongTokenIsUnauthorisedAndNotShown(t *testing.T) {
	t.Parallel()
	s := rossumtest.NewServer()
	defer s.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := rossum.NewClient(s.URL, "canary-token", rossum.ClientOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	if err := get(c); !errors.Is(err, rossum.ErrUnauthorized) || strings.Contains(fmt.Sprintf("%v %+v", err, c), "canary") {
		t.Errorf("%v", err)
	}
}

func TestBaseURLsThatAreNotSafeAreRefused(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://acme.rossum.app": true, "https://acme.rossum.app/api/v1": true, "http://localhost:8000": true, "http://[::1]:1": true,
		"http://acme.rossum.app": false, "ftp://acme.rossum.app": false, "acme.rossum.app": false, "": false, "https://": false, "https://u:p@acme.rossum.app": false, "https://%zz": false,
	} {
		if _, err := rossum.NewClient(url, "t", rossum.ClientOptions{}); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}

var organisations atomic.Int64

// newOrganisation is the base URL of an organisation that no client has called yet: the
// clients of a process share its limit.
func newOrganisation(name string) string {
	return fmt.Sprintf("https://%s-%d.rossum.app", name, organisations.Add(1))
}

func TestTenRequestsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Request: r}, nil
		})
		c, err := rossum.NewClient(newOrganisation("limited"), "t", rossum.ClientOptions{HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		for range 30 {
			if err := get(c); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(started); took < 1030*time.Millisecond || took > 1100*time.Millisecond {
			t.Errorf("30 requests took %v", took)
		}
	})
}

func TestRepeatedAttemptsCountForTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			attempts++
			status := 200
			if attempts%2 == 1 {
				status = 429
			}
			return &http.Response{
				StatusCode: status,
				Header:     http.Header{"Retry-After": {"0"}},
				Body:       io.NopCloser(bytes.NewReader([]byte("{}"))),
				Request:    r,
			}, nil
		})
		c, err := rossum.NewClient(newOrganisation("repeated"), "t", rossum.ClientOptions{HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		for range 15 {
			if err := get(c); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(started); attempts != 30 || took < 1030*time.Millisecond || took > 1100*time.Millisecond {
			t.Errorf("%d attempts took %v", attempts, took)
		}
	})
}

// A hundred exports, each with a client of its own, are one organisation to the platform.
func TestAllClientsOfAnOrganisationShareItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var arrived []time.Duration
		shared, other := newOrganisation("shared"), newOrganisation("other")
		started := time.Now()
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if "https://"+r.URL.Host == shared {
				arrived = append(arrived, time.Since(started))
			} else if time.Since(started) > 0 {
				t.Errorf("%s waited", r.URL.Host)
			}
			header := http.Header{}
			status := 200
			if len(arrived) == 50 { // somebody else uses the limit, too
				status = 429
				header.Set("Retry-After", "5")
			}
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Request: r}, nil
		})
		var all sync.WaitGroup
		for i := range 101 {
			organisation := shared
			if i == 100 {
				organisation = other
			}
			all.Go(func() {
				c, err := rossum.NewClient(organisation, "t", rossum.ClientOptions{HTTPClient: &http.Client{Transport: transport}})
				if err == nil {
					err = get(c)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		const interval = time.Second * 10 / 96
		if arrived[19] != 0 || arrived[20] != interval || arrived[49] != 30*interval {
			t.Errorf("arrived at %v", arrived)
		}
		for i, at := range arrived[50:] { // the refused one among them
			if at != 5*time.Second+time.Duration(31+i)*interval {
				t.Fatalf("after the refusal at %v", arrived[50:])
			}
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
