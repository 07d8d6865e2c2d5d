package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
)

//go:embed netsuite sap-odata sap-idoc dynamics coupa file-erp
var folders embed.FS

// recipe is a system that is exported to. Its folder has the hooks as the deployment tool
// prd2 keeps them, the body of a hook call, and made-up secrets.
type recipe struct {
	name  string
	start func() (*system, error)
}

// system is a small fake of a real one.
type system struct {
	hosts hosts           // of HTTP APIs, by host name
	files *fileServer     // nil without SFTP
	holds func() []string // what it has got, for showing
}

// hosts are the APIs of a system, by host name.
type hosts map[string]http.Handler

// ServeHTTP implements [http.Handler].
func (h hosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler := h[r.Host]
	if handler == nil {
		http.Error(w, "this recipe has no host "+r.Host, http.StatusMisdirectedRequest)
		return
	}
	handler.ServeHTTP(w, r)
}

// serve starts the APIs on loopback, and returns a client for which every host is there.
func (h hosts) serve() (*http.Client, *httptest.Server) {
	server := httptest.NewTLSServer(h)
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.ServerName = "example.com" // which the server's certificate is for
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	return &http.Client{Transport: transport}, server
}

// play exports the invoice twice, and shows what happened.
func (r recipe) play(out io.Writer) error {
	folder, err := fs.Sub(folders, r.name)
	if err != nil {
		return err
	}
	return r.playFolder(out, folder)
}

func (r recipe) playFolder(out io.Writer, folder fs.FS) error {
	target, err := r.start()
	if err != nil {
		return err
	}
	defer target.close()
	client, server := target.hosts.serve()
	defer server.Close()
	defer client.CloseIdleConnections()
	chain, options, err := chainOf(folder, target)
	if err != nil {
		return err
	}
	defer chain.Close()
	payload, err := fs.ReadFile(folder, "payload.json")
	if err != nil {
		return err
	}
	for _, title := range []string{"first export", "exported again"} {
		fmt.Fprintf(out, "%s, %s:\n", r.name, title)
		call, err := rossum.ParsePayload(payload)
		if err != nil {
			return err
		}
		show := pipeline.WithReport(func(_ context.Context, report *pipeline.Report) { showCalls(out, report) })
		answer, err := chain.Export(context.Background(), call, append(options, show, pipeline.WithHTTPClient(client))...)
		if err != nil {
			return err
		}
		for _, m := range answer.Messages {
			fmt.Fprintf(out, "  %s: %s\n", m.Type, m.Content)
		}
		if err := target.settle(); err != nil {
			return err
		}
	}
	things := target.holds()
	for _, thing := range things {
		fmt.Fprintf(out, "it holds %s\n", thing)
	}
	if len(things) == 0 {
		fmt.Fprintln(out, "it holds nothing")
	}
	return nil
}

// chainOf makes the chain of a folder's hooks, and the options of its runs.
func chainOf(folder fs.FS, target *system) (*pipeline.Chain, []pipeline.Option, error) {
	o, err := rossum.LoadOrganisation(folder)
	if err != nil {
		return nil, nil, err
	}
	var secrets map[string]rossum.Secrets // by the hooks' names
	data, err := fs.ReadFile(folder, "secrets.json")
	if err == nil {
		err = json.Unmarshal(data, &secrets)
	}
	if err != nil {
		return nil, nil, err
	}
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	sftpexport.Register(registry, sftpexport.RegisterOptions{})
	if target.files != nil {
		if err := target.files.redirect(o.Hooks, secrets); err != nil {
			return nil, nil, err
		}
	}
	chain, err := organisation.FromHooks(o.Hooks, registry, organisation.Options{})
	return chain, []pipeline.Option{
		pipeline.WithLogger(slog.New(slog.DiscardHandler)),
		pipeline.WithSecrets(func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) { return secrets[h.Name], nil }),
		pipeline.WithOriginal(pipeline.Bytes("%PDF-1.7 of the invoice")),
	}, err
}

// showCalls shows what left, in a line for each call.
func showCalls(out io.Writer, report *pipeline.Report) {
	for _, s := range report.All() {
		for _, c := range s.Calls {
			where := c.URL
			if u, err := url.Parse(c.URL); err == nil {
				where = u.Path
				if u.RawQuery != "" {
					where += "?…"
				}
			}
			fmt.Fprintf(out, "  %s %s", c.Method, where)
			if c.Status != 0 {
				fmt.Fprintf(out, " → %d", c.Status)
			}
			fmt.Fprintln(out)
		}
	}
}

func (s *system) close() {
	if s.files != nil {
		_ = s.files.Close() // a fake of this process
	}
}

// settle lets a system that works through files do so.
func (s *system) settle() error {
	if s.files == nil {
		return nil
	}
	return s.files.take()
}

// answerJSON writes an answer of an API.
func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who has gone does not need it
}

// each shows what a list holds when it is asked.
func each[T fmt.Stringer](list *[]T) func() []string {
	return func() []string {
		texts := make([]string, len(*list))
		for i, one := range *list {
			texts[i] = one.String()
		}
		return texts
	}
}

// bearer is the token of a call, "" without one.
func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}
