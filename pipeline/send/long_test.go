package send_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// A URL or header that is far too long is not sent, and the error shows neither what was in
// it nor a password before its host.
func TestAURLOrHeaderThatIsTooLongIsNotSent(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a call was made") }))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	long := strings.Repeat("x", 2<<20)
	for name, tt := range map[string]struct {
		url    string
		header http.Header
		cause  error
		says   string
	}{
		"a URL":             {s.URL + "/" + long, nil, send.ErrURL, "POST " + s.URL + "/…: invalid URL: it has "},
		"a query":           {s.URL + "?a=" + long, nil, send.ErrURL, "POST " + s.URL + "/…: invalid URL: it has "},
		"with a password":   {"http://user:pass-of-it@" + host + "/" + long, nil, send.ErrURL, "POST " + s.URL + "/…: invalid URL: it has "},
		"a host":            {"http://" + long, nil, send.ErrURL, "POST …: invalid URL: it has "},
		"no URL":            {long, nil, send.ErrURL, "POST …: invalid URL: it has "},
		"a header":          {s.URL, http.Header{"X-A": {long}}, send.ErrHeader, `/…: invalid header: with "X-A" it has more than 1024 KiB`},
		"many headers":      {s.URL + "/", http.Header{"X-A": strings.Split(strings.Repeat("yyyyyyyyy ", 200<<10), " ")}, send.ErrHeader, "invalid header"},
		"a long credential": {s.URL + "/", http.Header{"Authorization": {"Basic " + long}}, send.ErrHeader, "invalid header"},
	} {
		for kind, do := range map[string]func(context.Context, *pipeline.Export, *send.Call) (*send.Reply, error){"Do": send.Do, "Ask": send.Ask} {
			r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
				_, err := do(ctx, x, &send.Call{Method: "POST", URL: tt.url, Header: tt.header})
				return err
			}), rossumtest.Annotation())
			if !errors.Is(r.Err, tt.cause) || !errors.Is(r.Err, pipeline.ErrNotSent) {
				t.Errorf("%s by %s: the error is %.300v", name, kind, r.Err)
				continue
			}
			text := r.Err.Error()
			if !strings.Contains(text, tt.says) && !strings.Contains(text, strings.ReplaceAll(tt.says, "/…", "…")) ||
				strings.Contains(text, "pass-of-it") || len(text) > 400 {
				t.Errorf("%s by %s: the error is %.300v", name, kind, r.Err)
			}
		}
	}
}
