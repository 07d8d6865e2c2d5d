package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// provoked are the messages of messages.md, with what makes the tool say them.
var provoked = map[string]func(t *testing.T) string{
	"unknown key": func(t *testing.T) string {
		hooks := filepath.Join(t.TempDir(), "hooks")
		if err := os.CopyFS(hooks, os.DirFS("hooks")); err != nil {
			t.Fatal(err)
		}
		replaceIn(t, filepath.Join(hooks, "Evaluator_[103].json"), `"condition":`, `"conditon":`)
		return said(t, "check", "-hooks", hooks)
	},
	"unknown extension: it has no config.url": func(t *testing.T) string {
		return said(t, "check", "-org", elsewhere(t, "hook-that-exports-nothing-blocks"))
	},
	"no such field": func(t *testing.T) string {
		dir := elsewhere(t, "formula-false-cycle")
		replaceIn(t, filepath.Join(dir, "hooks", "Parse_[2].json"), `"target_schema_id": "api_status"`, `"target_schema_id": "api_statuss"`)
		return said(t, "check", "-org", dir)
	},
	"is bound to the queue": func(t *testing.T) string {
		other := filepath.Join(t.TempDir(), "other.json")
		data, err := os.ReadFile("payload.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(other, []byte(strings.ReplaceAll(string(data), "queues/8199", "queues/77")), 0o600); err != nil {
			t.Fatal(err)
		}
		return said(t, "run", "-hooks", "hooks", "-payload", other)
	},
	"the hook has no such secret": func(t *testing.T) string {
		dir := elsewhere(t, "secrets-of-each-hook")
		return said(t, "run", "-send", "-org", dir, "-payload", filepath.Join(dir, "payload.json"))
	},
	"there is no such hook": func(t *testing.T) string {
		dir := elsewhere(t, "secrets-of-each-hook")
		return said(t, "run", "-org", dir, "-payload", filepath.Join(dir, "payload.json"), "-secrets", write(t, `{"ERPP": {}}`))
	},
	"the platform may call this hook several times for one export": func(t *testing.T) string {
		return said(t, "check", "-org", elsewhere(t, "token-of-another-system"))
	},
	"needs an answer": func(t *testing.T) string {
		dir := elsewhere(t, "formula-false-cycle")
		return said(t, "run", "-org", dir, "-payload", filepath.Join(dir, "payload.json"))
	},
	"nothing was sent": func(t *testing.T) string {
		dir := changed(t, "formula-false-cycle", "http://127.0.0.1:28090", "http://127.0.0.1:9")
		return said(t, "run", "-org", dir, "-payload", filepath.Join(dir, "payload.json"))
	},
	"is missing, so anybody could pose as the server": func(t *testing.T) string {
		return said(t, "check", "-org", elsewhere(t, "sftp-dynamic-folder-slash"))
	},
	"the hook call is not signed": func(t *testing.T) string {
		c := &captured{dir: t.TempDir(), calls: hookcall.NewReader([]string{"s"}, false, 0, 0)}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}")))
		return w.Body.String()
	},
	"may have sent this already; it is not sent again": func(*testing.T) string {
		return (&pipeline.UnsettledError{What: "POST https://erp.example/invoices", Run: "r", Call: "c"}).Error()
	},
	"has no character for": func(t *testing.T) string {
		return exported(t, &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "csv", Template: "{{ field.name }}", Encoding: "latin-1"}}})
	},
	"the token request was answered with status": func(t *testing.T) string {
		url := erpThat(t, http.StatusUnauthorized)
		return exported(t, &steps.RESTExport{Request: steps.Request{URL: url}, Auth: &steps.Auth{URL: url + "/token"}})
	},
	"These calls were made": func(t *testing.T) string {
		fails := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { x.Error("not taken"); return nil })
		return exported(t, &steps.RESTExport{Request: steps.Request{URL: erpThat(t, http.StatusCreated)}}, fails)
	},
}

// exported is what an export says: its error and its messages.
func exported(t *testing.T, steps ...pipeline.Step) string {
	t.Helper()
	chain, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	response, err := chain.Export(
		t.Context(),
		rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("name", "Łódź")).Payload(),
		pipeline.WithLogger(nil),
	)
	text := fmt.Sprint(err)
	for _, m := range response.Messages {
		text += "\n" + m.Content
	}
	return text
}

// erpThat answers every call with a status.
func erpThat(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	return server.URL
}

func said(t *testing.T, args ...string) string {
	t.Helper()
	_, stdout, stderr := exportrun(t, args...)
	return stdout + stderr
}

func replaceIn(t *testing.T, file, old, by string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %s: %v", file, old, err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, by, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEveryMessageOfTheGuideIsReallySaid(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("messages.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(page), -1)
	if len(headings) != len(provoked) {
		t.Errorf("the guide has %d messages, %d are provoked", len(headings), len(provoked))
	}
	for _, m := range headings {
		provoke := provoked[m[1]]
		if provoke == nil {
			t.Errorf("nothing provokes %q", m[1])
			continue
		}
		if got := provoke(t); !strings.Contains(got, m[1]) {
			t.Errorf("%q is not said:\n%s", m[1], got)
		}
	}
}
