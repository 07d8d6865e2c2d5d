package components_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"log/slog"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

// canaries are the secrets of an export, by where they come from: others in each run.
var canaries = map[string]string{
	"hook":    "c4nary-hook/S3cret+\"&" + rand.Text()[:8],
	"login":   "c4naryLoginPassword" + rand.Text()[:8],
	"token":   "c4naryRossumToken" + rand.Text()[:8],
	"oauth":   "c4naryOAuthToken" + rand.Text()[:8],
	"literal": "c4naryLiteralHeader" + rand.Text()[:8],
	"key":     "c4naryLiteralApiKey" + rand.Text()[:8],
	"cookie":  "c4naryCookie0" + rand.Text()[:8],                          // set by the system
	"signed":  "c4narySignedAddress" + rand.Text()[:8],                    // of an address that the system has made
	"program": "c4naryOfTheProgram" + rand.Text()[:8],                     // in a header of a program's own step
	"latin":   "c4narÿ-pässwörd<&>" + rand.Text()[:8],                     // beyond ASCII
	"PEM":     "c4naryLineOfAKey/+" + strings.Repeat(rand.Text(), 2)[:46], // a line of a key
}

// spellings are the forms of the canaries, in lower case, with the name of each.
var spellings = func() map[string]string {
	all := make(map[string]string)
	for name, secret := range canaries {
		quoted, _ := json.Marshal(secret)
		forms := map[string]string{
			"plain": secret, "JSON": string(quoted[1 : len(quoted)-1]), "query": url.QueryEscape(secret), "path": url.PathEscape(secret),
			"hex": hex.EncodeToString([]byte(secret)), "bytes": strings.Trim(fmt.Sprint([]byte(secret)), "[]"), "half": secret[:len(secret)*2/3],
			"references": references(secret), "quoted-printable": quotedPrintable(secret), "XML": html.EscapeString(secret),
		}
		for shift := range 3 {
			once := base64.RawStdEncoding.EncodeToString([]byte("xy"[:shift] + secret))
			forms[fmt.Sprint("base64 after ", shift)] = once[2 : len(once)-2]
			twice := base64.RawStdEncoding.EncodeToString([]byte(once))
			forms[fmt.Sprint("base64 of base64 after ", shift)] = twice[8 : len(twice)-8]
		}
		for form, spelled := range forms {
			all[strings.ToLower(spelled)] = name + " as " + form
		}
	}
	return all
}()

// shown reports which canary a text shows, in which form.
func shown(text string) string {
	text = strings.ToLower(text)
	for spelled, name := range spellings {
		if strings.Contains(text, spelled) {
			return name
		}
	}
	return ""
}

// references spells every character as XML may.
func references(s string) string {
	var out strings.Builder
	for _, c := range s {
		fmt.Fprintf(&out, "&#%d;", c)
	}
	return out.String()
}

func quotedPrintable(s string) string {
	var out strings.Builder
	w := quotedprintable.NewWriter(&out)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return out.String()
}

// writes answers with a status and the echo as write spells it.
func writes(status int, write func(string) string) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, write(echo))
	}
}

func folded(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i += 60 {
		out.WriteString(s[i:min(i+60, len(s))] + "\r\n ")
	}
	return out.String()
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
	"answers in references":       writes(400, references),
	"answers in quoted-printable": writes(401, quotedPrintable),
	"answers in hex":              writes(500, func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }),
	"answers in folded base64":    writes(422, func(s string) string { return folded(base64.StdEncoding.EncodeToString([]byte("x" + s))) }),
	"answers in base64 of base64": writes(403, func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(s))))
	}),
	"answers in upper case": writes(500, strings.ToUpper),
	"answers in a form":     writes(401, func(s string) string { return "error=" + url.QueryEscape(s) }),
	"answers in JSON in XML": writes(200, func(s string) string {
		quoted, _ := json.Marshal(s)
		return "<error>" + html.EscapeString(string(quoted)) + "</error>"
	}),
	"cuts off": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.WriteHeader(500)
		for _, secret := range canaries {
			if at := strings.Index(echo, secret); at >= 0 {
				_, _ = io.WriteString(w, echo[:at+len(secret)*3/4]+"...\n")
			}
		}
	},
	"starts a session": func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Set-Cookie", "SAP_SESSIONID="+canaries["cookie"]+"; Path=/; HttpOnly")
		w.Header().Set("X-CSRF-Token", canaries["cookie"])
		w.WriteHeader(403)
		_, _ = io.WriteString(w, "session "+canaries["cookie"]+" is not valid")
	},
	"answers with an address that lets everybody in": func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.WriteHeader(422)
		_, _ = io.WriteString(w, "see https://bucket.s3.example/a.pdf?X-Amz-Expires=60&X-Amz-Signature="+canaries["signed"]+", or https://me:"+canaries["signed"]+"@erp.example/")
	},
	"redirects to such an address": func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Location", "http://127.0.0.2:1/a.pdf?X-Amz-Expires=60&X-Amz-Signature="+canaries["signed"])
		w.WriteHeader(307)
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
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.URL.Path == "/token" {
				_, _ = io.WriteString(w, `{"access_token":"`+canaries["oauth"]+`"}`)
				return
			}
			echo := fmt.Sprint(r.URL.String(), " ", r.Header, " ", string(body))
			if _, password, ok := r.BasicAuth(); ok {
				echo += password
			}
			answer(w, r, echo)
		}))
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		t.Cleanup(func() {
			s.CloseClientConnections()
			s.Close()
		})
		t.Run(failure, func(t *testing.T) {
			t.Parallel()
			for component, step := range canarySteps(t, s.URL) {
				if lasting := failure == "is slow" || failure == "hangs up" || failure == "breaks off"; lasting && component == "Workday" {
					continue // its WSDL is fetched for later exports, too, and longer than a test lasts
				}
				for _, found := range outputs(t, step, failure == "fails") {
					if form := shown(found.text); form != "" {
						t.Errorf("%s: the %s shows %s: %s", component, found.name, form, excerptAround(found.text))
					}
				}
			}
		})
	}
}

func excerptAround(text string) string {
	at := max(0, strings.Index(strings.ToLower(text), "c4nary")-100)
	return fmt.Sprintf("%.300q", text[at:])
}

// canarySteps are the components, which send all the secrets that they can have.
func canarySteps(t *testing.T, base string) map[string][]pipeline.Step {
	t.Helper()
	processor := processorOf(t, `{"debugging":true,"stages":[{"call_api":[{"name":"c","auth":{"url":"`+
		base+`/token","method":"POST","credential_key":"access_token","content":{"p":"{payload.secrets.hook}"}},
		"request":{"url":"`+base+`/x?api_key=`+canaries["key"]+`","method":"POST","timeout":1,"content_type":"json","content":{"s":"{payload.secrets.hook}"},
		"headers":{"X-Api-Key":"`+canaries["literal"]+`","X-Hook":"{payload.secrets.login}","Authorization":"Bearer {token}"}},
		"response_handlers":[{"target_type":"schema_id","target_key":"found","value":{"response.body":{"$jmespath":"id"}}}]}]}]}`)
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
		"processor": {processor},
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
		"of a program": {pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/x?access_token="+canaries["program"], strings.NewReader("{}"))
			if err != nil {
				return err
			}
			r.Header.Set("Authorization", "Bearer "+canaries["program"])
			r.AddCookie(&http.Cookie{Name: "sid", Value: canaries["cookie"]})
			reply, err := send.Client(x).Do(r)
			if err != nil {
				return err
			}
			body, err := io.ReadAll(reply.Body)
			x.Warn("%d %s", reply.StatusCode, body)
			return errors.Join(err, fmt.Errorf("the API answered with %v: %s", reply.Header, body))
		})},
		"REST with a login": {&steps.RESTExport{Request: steps.Request{
			URL: strings.Replace(base, "http://", "http://user:"+canaries["literal"]+"@", 1) + "/x", Content: `{"k":"{secret.PEM}","l":"{secret.latin}"}`,
			Headers: map[string]string{"Proxy-Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+canaries["key"]))},
		}, StatusCodes: &steps.StatusCodes{Error: []int{401, 500}, Warning: []int{200, 403, 422, 400}}}},
		"processor with OAuth 1.0a and a certificate": {processorOf(t, `{"debugging":true,"stages":[{"call_api":[{"name":"c","auth":{"type":"oauth1","consumer_key":"c","consumer_secret":"`+
			canaries["key"]+`","token_key":"t","token_secret":"{payload.secrets.login}"},"request":{"url":"`+base+`/x","method":"POST","timeout":1,"content_type":"form",
			"content":{"s":"{payload.secrets.latin}","k":"{payload.secrets.PEM}"}}}]}]}`)},
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

func processorOf(t *testing.T, settings string) *requestprocessor.Step {
	t.Helper()
	var s requestprocessor.Step
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// exported is a call with all the secrets that the components can have.
func exported(token, hook, login string) *rossumtest.Call {
	call := rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.From("https://acme.rossum.app", token))
	for name, secret := range map[string]string{
		"latin": canaries["latin"], "PEM": "-----BEGIN PRIVATE KEY-----\n" + canaries["PEM"] + "\n-----END PRIVATE KEY-----\n",
		"hook": hook, "login": login, "workday_username": "user", "workday_password": login, "access_key_id": "id", "secret_access_key": login,
	} {
		call.With(rossumtest.Secret(name, secret))
	}
	return call
}

type output struct{ name, text string }

// outputs runs an export and returns everything that people and stores see of it. A ledger
// in a folder has the records of one in memory, and takes far longer.
func outputs(t *testing.T, chained []pipeline.Step, onDisk bool) (all []output) {
	t.Helper()
	var mu sync.Mutex
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return logged.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	chain, err := pipeline.New(chained...)
	if err != nil {
		t.Fatal(err)
	}
	payload := exported(canaries["token"], canaries["hook"], canaries["login"]).Payload()
	folder, ledger := "", pipeline.MemoryLedger()
	if onDisk {
		folder = t.TempDir()
		if ledger, err = folderledger.Open(folder, folderledger.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{Key: pipeline.SealKey{ID: "k", Secret: bytes.Repeat([]byte("k"), 32)}})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	var report *pipeline.Report
	spans, figures := &tracer{}, &meter{}
	recent, ofJournal := runpage.NewRecent(runpage.Options{}), runpage.NewRecent(runpage.Options{Journal: journal})
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond) // the end of the time is one more failure
	defer cancel()
	response, err := chain.Export(
		ctx,
		payload,
		pipeline.WithLogger(log),
		pipeline.WithJournal(journal),
		pipeline.WithHTTPClient(&http.Client{Transport: transport}),
		pipeline.WithRossum(nil),
		pipeline.WithOriginal(pipeline.Bytes("x")),
		pipeline.WithDetails(pipeline.Details{}),
		pipeline.WithTracer(spans),
		pipeline.WithMeter(figures),
		pipeline.WithReport(func(ctx context.Context, r *pipeline.Report) { report = r; recent.Add(ctx, r) }),
	)
	add := func(name string, text string) { all = append(all, output{name, text}) }
	answer, _ := json.Marshal(response)
	add("answer", string(answer))
	var unwrap func(depth int, err error)
	unwrap = func(depth int, err error) {
		if err == nil || depth > 30 {
			return
		}
		for _, verb := range []string{"%v", "%+v", "%s", "%q", "%x"} {
			add(fmt.Sprintf("error at depth %d by %s", depth, verb), fmt.Sprintf(verb, err))
		}
		switch w := err.(type) {
		case interface{ Unwrap() error }:
			unwrap(depth+1, w.Unwrap())
		case interface{ Unwrap() []error }:
			for _, e := range w.Unwrap() {
				unwrap(depth+1, e)
			}
		}
	}
	unwrap(0, err)
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
	for from, pages := range map[string]*runpage.Recent{"recent runs": recent, "runs of the journal": ofJournal} {
		shown := pagesOf(pages)
		if len(shown) < 2 && from == "recent runs" {
			t.Errorf("no page of a run is linked: %s", shown["the list"])
		}
		for path, page := range shown {
			add(from+", "+path, page)
		}
	}
	add("spans", spans.String())
	add("metrics", figures.String())
	for pending, err := range journal.Pending(t.Context(), pipeline.RunQuery{}) {
		add("call without an answer", fmt.Sprintf("%+v %v", pending, err))
	}
	for _, f := range chain.Check(nil) {
		add("check", f.Error())
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		add("payload by "+verb, fmt.Sprintf(verb, payload))
		add("secrets by "+verb, fmt.Sprintf(verb, payload.Secrets))
		add("token by "+verb, fmt.Sprintf(verb, payload.Token))
	}
	mu.Lock()
	add("log", logged.String())
	mu.Unlock()
	add("ledger", recordsOf(t, ledger))
	if err := ledger.Close(); err != nil {
		t.Error(err)
	}
	if !onDisk {
		return all
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

// recordsOf is everything that a ledger has of its runs.
func recordsOf(t *testing.T, l pipeline.Ledger) string {
	t.Helper()
	var all strings.Builder
	for info, err := range l.Find(t.Context(), pipeline.RunQuery{}) {
		if err != nil {
			t.Error(err)
			continue
		}
		run, err := l.Load(t.Context(), info.ID)
		fmt.Fprintf(&all, "%+v %+v %v\n", info, run.RunInfo, err)
		for _, r := range run.Records {
			fmt.Fprintf(&all, "%s %s\n", r.Kind, r.Data)
		}
	}
	if all.Len() == 0 {
		t.Error("the ledger has no run")
	}
	return all.String()
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
