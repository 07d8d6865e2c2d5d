package pipeline

import (
	"context"
	"net/http"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// TemplateData is what the JSON templates of this module's steps work with:
// the annotation, the secrets, the original document, and what stands behind
// URLs of the hook's own Rossum. File is left for the step to set.
func (x *Export) TemplateData() *jsontemplate.Data {
	d := &jsontemplate.Data{
		Root:     func(string) []jsontemplate.Node { return nil },
		Original: func() (jsontemplate.Content, error) { return x.Original() },
		Secret: func(name string) (string, bool) {
			secret, ok := x.Secrets[name]
			return secret, ok
		},
		Now: x.Now,
	}
	if c := x.Annotation.Content; c != nil {
		d.Root = func(schemaID string) []jsontemplate.Node { return templateNodes(c.Find(schemaID)) }
		d.Suggest = func(schemaID string) string {
			return settings.Nearest(schemaID, slices.Collect(c.SchemaIDs()))
		}
	}
	if x.Rossum != nil {
		d.Fetch = func(_ context.Context, url string) (jsontemplate.Content, error) {
			return remoteURL{x.Rossum, url}, nil
		}
	}
	return d
}

// templateNode is a node as templates see it.
type templateNode struct{ *rossum.Node }

func (n templateNode) IsField() bool { return n.Category() == rossum.Datapoint }

func (n templateNode) Count() int { return len(n.Children()) }

func (n templateNode) Elements() ([]jsontemplate.Node, bool) {
	if n.Category() != rossum.Multivalue {
		return nil, false
	}
	return templateNodes(n.Children()), true
}

func (n templateNode) Find(schemaID string) []jsontemplate.Node {
	return templateNodes(n.Node.Find(schemaID))
}

func templateNodes(nodes []*rossum.Node) []jsontemplate.Node {
	list := make([]jsontemplate.Node, len(nodes))
	for i, n := range nodes {
		list[i] = templateNode{n}
	}
	return list
}

// Do makes an HTTP call of one of this module's steps: through the program's
// client, with the export's secrets cut out of errors, and noted in the report.
func (x *Export) Do(ctx context.Context, call *httpcall.Call) (*httpcall.Reply, error) {
	call.Redactor = x.run.redactor
	call.Observe = func(r httpcall.Record) {
		report := CallReport{
			Method: r.Method, URL: r.URL, Status: r.Status, Attempts: r.Attempts,
			Took: Duration(r.Took), Sent: r.Sent, Received: r.Received,
		}
		if r.Err != nil {
			report.Error = r.Err.Error()
		}
		x.RecordCall(report)
	}
	return httpcall.New(httpcall.Options{HTTP: x.run.config.httpClient}).Do(ctx, call)
}

// HTTPClient returns a client for steps of other modules. Its calls go through
// the program's own transport, and are noted in the report. It follows redirects
// only on the same host and with the same scheme. It repeats nothing: a call that
// the other side may have acted on fails, even where net/http would make it again.
func (x *Export) HTTPClient() *http.Client {
	base := http.DefaultTransport
	if h := x.run.config.httpClient; h != nil && h.Transport != nil {
		base = h.Transport
	}
	return &http.Client{Transport: recordingTransport{x, httpcall.Once(base)}, CheckRedirect: httpcall.SameOrigin}
}

type recordingTransport struct {
	x    *Export
	base http.RoundTripper
}

func (t recordingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	started := t.x.WallTime()
	resp, err := t.base.RoundTrip(r)
	report := CallReport{Method: r.Method, URL: t.x.run.redactor.URL(r.URL.String()), Attempts: 1, Took: Duration(t.x.WallTime().Sub(started)), Sent: max(0, r.ContentLength)}
	if resp != nil {
		report.Status, report.Received = resp.StatusCode, max(0, resp.ContentLength)
	}
	if err != nil {
		report.Error = err.Error()
	}
	t.x.RecordCall(report)
	return resp, err
}
