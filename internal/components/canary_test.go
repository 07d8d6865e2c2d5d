package components_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/canary"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver/shadow"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// canaries are the secrets of an export, by where they come from: others in each run.
var canaries = canary.Set{
	"hook":    "c4nary-hook/S3cret+\"&ß" + rand.Text()[:8],
	"login":   canary.New("LoginPassword"),
	"token":   canary.New("RossumToken"),
	"oauth":   canary.New("OAuthToken"),
	"literal": canary.New("LiteralHeader"),
	"key":     canary.New("LiteralApiKey"),
	"refresh": canary.New("RefreshToken"),
	"reply":   canary.New("OfAReply0123"), // with digits, as sessions have
}

// shown reports which canary a text shows, in which form.
var shown = canaries.Search()

func TestEachFormOfACanaryIsFound(t *testing.T) {
	t.Parallel()
	if blind := canaries.Blind(); blind != "" {
		t.Error(blind)
	}
}

// misbehave are the ways in which a system fails, each with what it was sent in its words.
var misbehave = map[string]func(w http.ResponseWriter, r *http.Request, echo string){
	"refuses": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.WriteHeader(401)
		_, _ = io.WriteString(w, echo)
	},
	"fails": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.WriteHeader(500)
		_, _ = io.WriteString(w, echo)
	},
	"answers HTML": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<h1>"+echo)
	},
	"answers broken JSON": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"sent":"`+echo+`"`)
	},
	"answers in Latin-1": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.WriteHeader(400)
		latin, _ := httpcall.Latin1(echo)
		_, _ = io.WriteString(w, latin)
	},
	"answers in base64": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, base64.StdEncoding.EncodeToString([]byte(echo)))
	},
	"answers at length": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.WriteHeader(422)
		for n := 230; n < 330; n += 7 { // a cut falls into a secret in one of them
			_, _ = io.WriteString(w, strings.Repeat("x", n)+echo)
		}
	},
	"answers at a length where a cut falls": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.WriteHeader(500)
		at := strings.Index(echo, "c4nary")
		_, _ = io.WriteString(w, strings.Repeat("x", max(0, 290-max(at, 0)))+echo)
	},
	"redirects": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.Header().Set("Location", "http://127.0.0.2:1/?k="+url.QueryEscape(echo))
		w.WriteHeader(302)
	},
	"hangs up": func(http.ResponseWriter, *http.Request, string) { panic(http.ErrAbortHandler) },
	"breaks off": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.Header().Set("Content-Length", "100000")
		_, _ = io.WriteString(w, echo)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	},
	"says so in headers": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.Header().Set("X-Sent", url.QueryEscape(echo))
		w.WriteHeader(403)
	},
	"succeeds": func(w http.ResponseWriter, _ *http.Request, echo string) { _, _ = io.WriteString(w, echo) },
	"is slow":  func(_ http.ResponseWriter, r *http.Request, _ string) { <-r.Context().Done() },
}

// No output of an export shows a secret, whatever component sends it, however the other
// side fails, and however it repeats what it was sent.
func TestNoOutputOfAnExportShowsASecret(t *testing.T) {
	t.Parallel()
	for failure, answer := range misbehave {
		s := newEchoing(t, answer)
		t.Run(failure, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if rendered.Load() == 0 {
					t.Error("no call of a dry run has a secret, so that its comparison proves nothing")
				}
			}()
			for component, step := range canarySteps(t, s.URL) {
				if lasting := failure == "is slow" || failure == "hangs up" || failure == "breaks off"; lasting && strings.HasPrefix(component, "Workday") {
					continue // its WSDL is fetched for later exports, too, and longer than a test lasts
				}
				for _, found := range outputs(t, step) {
					if form := shown(found.Text); form != "" {
						t.Errorf("%s: the %s shows %s", component, found.Name, form)
					}
				}
			}
		})
	}
}

// canarySteps are the components, which send all the secrets that they can have.
func canarySteps(t *testing.T, base string) map[string][]pipeline.Step {
	t.Helper()
	var processor requestprocessor.Step
	if err := json.Unmarshal([]byte(`{"debugging":true,"stages":[{"call_api":[{"name":"c","auth":{"url":"`+
		base+`/token","method":"POST","credential_key":"access_token","content":{"p":"{payload.secrets.hook}"}},
		"request":{"url":"`+base+`/x?api_key=`+canaries["key"]+`","method":"POST","timeout":1,"content_type":"json","content":{"s":"{payload.secrets.hook}"},
		"headers":{"X-Api-Key":"`+canaries["literal"]+`","X-Hook":"{payload.secrets.login}","Authorization":"Bearer {token}"}},
		"response_handlers":[{"target_type":"schema_id","target_key":"found","value":{"response.body":{"$jmespath":"id"}}}]}]}]}`), &processor); err != nil {
		t.Fatal(err)
	}
	auth := &steps.Auth{URL: base + "/token", Data: json.RawMessage(`{"client_secret":"{secret.hook}"}`)}
	request := steps.Request{
		URL: base + "/x?api_key=" + canaries["key"], Content: `{"s":"{secret.hook}","p":"{secret.login}"}`,
		Headers: map[string]string{"X-Api-Key": canaries["literal"], "X-Hook": "{secret.login}"},
	}
	host := strings.TrimPrefix(base, "http://")
	rule := sftpexport.Rule{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}
	return map[string][]pipeline.Step{
		"REST": {
			&steps.RESTExport{
				Auth:        auth,
				Request:     request,
				HeadersKey:  "h",
				PayloadKey:  "p",
				StatusCodes: &steps.StatusCodes{Error: []int{401, 500}, Warning: []int{200, 403, 422, 400}},
			},
			&steps.Extract{Sources: []steps.Source{{Key: "p", Rules: []steps.ExtractRule{{Path: "id", TargetField: "found"}}}}},
			&steps.Evaluate{Check: steps.Check{Condition: "field.found == ''", Message: "no id"}},
		},
		"REST token": {
			&steps.RESTExport{
				Auth: &steps.Auth{
					URL:  base + "/t?api_key=" + canaries["key"],
					Data: json.RawMessage(`{"password":"{secret.login}","client_secret":"{secret.hook}"}`),
				},
				Request: request,
			},
		},
		"processor": {&processor},
		"Workday": {
			&workday.Step{
				Debug: true,
				Configurations: []workday.Configuration{
					{
						WSDL:    workday.WSDL{Domain: host, Tenant: "t", APIVersion: "v1", Protocol: "http"},
						Request: workday.Request{Service: "S", Operation: "O", Mapping: []byte(`{"a":"{secret.hook}"}`)},
					},
				},
			},
		},
		"Workday's service": {
			&workday.Step{
				Debug: true,
				Configurations: []workday.Configuration{
					{
						WSDL: workday.WSDL{Domain: host, Tenant: workdaytest.TenantName, APIVersion: workdaytest.APIVersion, Protocol: "http"},
						Request: workday.Request{
							Service: "Resource_Management", Operation: "Submit_Supplier_Invoice",
							Mapping: []byte(`{"Supplier_Invoice_Data":{"Memo":"{secret.hook}"}}`),
						},
					},
				},
			},
		},
		"panic": {pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			panic(fmt.Errorf("posting %s with %s for %s", base, x.Secrets["hook"], x.Secrets["login"]))
		})},
		"function": {&steps.Function{Code: "def rossum_hook_request_handler(payload):\n    raise ValueError(payload['secrets']['hook'] + ' ' + payload['secrets']['login'])\n"}},
		"error of a program": {pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			x.Warn("the login is %s", x.Secrets["login"])
			x.Decide("with %q", x.Secrets["hook"])
			x.Remains("a file of %s", x.Secrets["login"])
			x.Log.Info(x.Secrets["login"], "secret", x.Secrets["hook"], slog.Group("g", "h", []string{x.Secrets["login"]}))
			return fmt.Errorf("no %s: %w", x.Secrets["hook"], errors.New(x.Secrets["login"]))
		})},
		"S3": {&sftpexport.Step{Backends: map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}, Rules: []sftpexport.Rule{rule},
			Credentials: sftpexport.Credentials{Type: "s3", Bucket: "bucket", Endpoint: base, Region: "us-east-1", PathStyle: true}}},
	}
}

// exported is a call with all the secrets that the components can have.
func exported(token, hook, login string) *rossumtest.Call {
	call := rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.From("https://acme.rossum.app", token))
	for name, secret := range map[string]string{
		"hook": hook, "login": login, "workday_username": "user", "workday_password": login, "access_key_id": "id", "secret_access_key": login,
	} {
		call.With(rossumtest.Secret(name, secret))
	}
	return call
}

// outputs runs an export and returns everything that people and stores see of it.
func outputs(t *testing.T, chained []pipeline.Step, parts ...rossumtest.Part) (all []canary.Output) {
	t.Helper()
	var mu sync.Mutex
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return logged.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	chain, err := pipeline.New(chained...)
	if err != nil && len(parts) > 0 {
		return canary.Errors(err) // the settings are refused, which people see as well
	}
	if err != nil {
		t.Fatal(err)
	}
	payload := exported(canaries["token"], canaries["hook"], canaries["login"]).With(parts...).Payload()
	folder := t.TempDir()
	ledger, err := folderledger.Open(folder, folderledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{Key: pipeline.SealKey{ID: "k", Secret: bytes.Repeat([]byte("k"), 32)}})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	var report *pipeline.Report
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond) // the end of the time is one more failure
	defer cancel()
	var seen telemetry
	response, err := chain.Export(
		ctx,
		payload,
		append(seen.options(), pipeline.WithLogger(log),
			pipeline.WithDetails(pipeline.Details{}),
			pipeline.WithJournal(journal),
			pipeline.WithHTTPClient(&http.Client{Transport: transport}),
			pipeline.WithRossum(nil),
			pipeline.WithOriginal(pipeline.Bytes("x")),
			pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))...,
	)
	add := func(name string, text string) { all = append(all, canary.Output{Name: name, Text: text}) }
	answer, _ := json.Marshal(response)
	add("answer", string(answer))
	add("labels of profiles", labels())
	all = append(append(all, seen.outputs()...), compared(t, chain, log)...)
	all = append(all, canary.Errors(err)...)
	if report != nil {
		data, _ := json.Marshal(report)
		add("report as JSON", string(data))
		add("report", report.Text())
		page, err := runpage.Page(report)
		if err != nil {
			t.Error(err)
		}
		add("page", string(page))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		add("payload by "+verb, fmt.Sprintf(verb, payload))
		add("secrets by "+verb, fmt.Sprintf(verb, payload.Secrets))
		add("token by "+verb, fmt.Sprintf(verb, payload.Token))
	}
	mu.Lock()
	add("log", logged.String())
	mu.Unlock()
	if err := ledger.Close(); err != nil {
		t.Error(err)
	}
	_ = fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			data, _ := os.ReadFile(folder + "/" + path)
			add("ledger's file "+path, string(data))
		}
		return nil
	})
	return all
}

// rendered counts calls of dry runs that have secrets in them.
var rendered atomic.Int32

// compared is what a dry run of a chain shows, beside the calls of another hosted chain whose
// secrets are the same and whose bodies are not.
func compared(t *testing.T, chain *pipeline.Chain, log *slog.Logger) (all []canary.Output) {
	t.Helper()
	var mu sync.Mutex
	recording := &shadow.Recording{}
	options := []pipeline.Option{
		pipeline.WithLogger(log), pipeline.WithRossum(nil), pipeline.WithOriginal(pipeline.Bytes("x")), pipeline.WithDetails(pipeline.Details{}),
	}
	dry := pipeline.DryRun{Made: func(c pipeline.DryCall) {
		mu.Lock()
		defer mu.Unlock()
		if shown(c.URL+fmt.Sprint(map[string][]string(c.Header))+string(c.Body)) != "" {
			rendered.Add(1)
		}
		recording.Calls = append(recording.Calls, shadow.RecordedCall{
			Method: c.Method, URL: c.URL + "&more=" + canaries["hook"], Header: c.Header, Body: append(bytes.Clone(c.Body), canaries["login"]...),
			Status: 400, ReplyBody: c.Body,
		})
	}}
	var report *pipeline.Report
	response, err := chain.Export(t.Context(), exported(canaries["token"], canaries["hook"], canaries["login"]).Payload(),
		append(options, pipeline.WithDryRun(dry), pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))...)
	all = append(all, canary.Errors(err)...)
	c := shadow.Compare(t.Context(), chain, exported(canaries["token"], canaries["hook"], canaries["login"]).Payload(), recording, options...)
	for name, v := range map[string]any{"answer of a dry run": response, "report of a dry run": report, "comparison": c} {
		data, _ := json.Marshal(v)
		all = append(all, canary.Output{Name: name, Text: string(data) + fmt.Sprintf("%v %+v", v, v)})
	}
	text := c.Text() + fmt.Sprintf("%+v %#v %+v %#v", c.Requests, c.Requests, c.Files, c.Files)
	return append(append(all, canary.Output{Name: "comparison as text", Text: text}), canary.Errors(c.Err)...)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
