package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// RESTExport calls an API with an artefact, the original document or form data,
// and keeps the reply ("REST API export"). All texts of its settings are JSON
// templates (@{schema_id}, {secret.name}, #{file_content}, #{original_file}).
//
// The call is made once. It is repeated by itself only when nothing can have
// reached the other side, or as Mode says. When a run was cut short in this call,
// [pipeline.Export.Once] says what becomes of it.
type RESTExport struct {
	// Key is the reference key of the artefact that #{file_content} stands for;
	// export_id is its old name.
	Key     string  `json:"export_reference_key"`
	Request Request `json:"request"`
	// Auth gets an OAuth2 token first; nil for none.
	Auth *Auth `json:"auth"`
	// Condition skips the call when it renders to nothing or to "false" in any
	// case; "" means that the call is always made.
	Condition string `json:"condition"`
	// Mode is "wait" (the default: one try of up to five minutes) or "retry"
	// (four tries of up to 30 seconds, for APIs that may be called twice).
	Mode Mode `json:"mode"`
	// StatusCodes say which statuses become messages. Without it every status is
	// a success.
	StatusCodes *StatusCodes `json:"status_code_resolver"`
	// HeadersKey keeps status and headers of the reply as JSON under this key.
	HeadersKey string `json:"response_headers_reference_key"`
	// PayloadKey keeps the body of the reply as it came under this key.
	PayloadKey string `json:"response_payload_reference_key"`

	compiled *restCall
}

// Mode says how often a [RESTExport] may make its call.
type Mode string

// The modes.
const (
	ModeWait  Mode = "wait"  // one try of up to five minutes
	ModeRetry Mode = "retry" // four tries of up to 30 seconds, for APIs that may be called twice
)

// Request is the call that a [RESTExport] makes.
type Request struct {
	URL    string `json:"url"`
	Method string `json:"method"` // POST if ""
	// Headers are sent in Latin-1, as Python's requests sends them; a value with letters that
	// Latin-1 lacks, on which requests fails, in UTF-8, which the report says.
	Headers map[string]string `json:"headers"`
	// Content is the body as text or bytes.
	Content string `json:"content"`
	// Data is the body too: a text, or an object of form fields, urlencoded unless
	// the Content-Type says multipart or a file is sent. RequestData is the same. It is a
	// JSON template: a map, a struct, a string, or json.RawMessage, which settings become
	// that are read from JSON and which keeps the order of the fields.
	Data        any `json:"data"`
	RequestData any `json:"request_data"`
	// FilePart sends a file as the form field of that name: FileContent, or else
	// the artefact; called FileName, or else as the artefact is called.
	FilePart    string `json:"file_key"`
	FileName    string `json:"file_name"`
	FileContent string `json:"file_content"`
}

// Auth is an OAuth2 token request, whose access_token is kept in the hook's
// secrets.
type Auth struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"` // POST if ""
	Headers map[string]string `json:"headers"`
	// Data is sent as a form, or as JSON if the Content-Type says so. It may be what
	// Request.Data may be.
	Data any `json:"data"`
}

// StatusCodes are the statuses whose replies are shown on the annotation.
type StatusCodes struct {
	Error   []int `json:"error"`   // the export fails
	Warning []int `json:"warning"` // it goes on
}

var (
	_ pipeline.Step      = (*RESTExport)(nil)
	_ pipeline.Compiler  = (*RESTExport)(nil)
	_ pipeline.Validator = (*RESTExport)(nil)
)

// SettingsAliases accepts the old name of export_reference_key.
func (*RESTExport) SettingsAliases() map[string]string {
	return map[string]string{"export_id": "export_reference_key"}
}

// UnmarshalJSON decodes settings strictly.
func (s *RESTExport) UnmarshalJSON(data []byte) error { return settings.Decode(data, s) }

// Name returns "REST API export".
func (s *RESTExport) Name() string { return "REST API export" }

// restCall is a compiled RESTExport.
type restCall struct {
	condition *jsontemplate.Template
	request   *request
	auth      *tokenSource
	known     address.Known // hosts that the settings name
	literals  []string      // credentials that the settings have literally
}

// Compile checks the settings and returns what runs, with a cache of tokens of its
// own. It joins all faults.
func (s *RESTExport) Compile() (pipeline.Program, error) {
	built := *s
	var err error
	built.compiled, err = s.compile()
	return &built, err
}

// Validate checks the settings. It joins all faults.
func (s *RESTExport) Validate() error {
	_, err := s.compile()
	return err
}

func (s *RESTExport) compile() (*restCall, error) {
	var faults settings.Faults
	all, _ := json.Marshal(s) // of texts, which can always be written
	c := &restCall{known: address.Literals(string(all)), literals: redact.Literals(all)}
	if s.Condition != "" {
		c.condition = compileText(&faults, "condition", s.Condition)
	}
	c.request = s.Request.compile(&faults, s.Key)
	if s.Auth != nil {
		c.auth = s.Auth.compile(&faults)
	}
	if s.Mode != "" && s.Mode != ModeWait && s.Mode != ModeRetry {
		faults.Add("mode", "%q is unknown (expected wait or retry)", s.Mode)
	}
	if codes := s.StatusCodes; codes != nil {
		for i, code := range codes.Error {
			checkStatus(&faults, settings.Index("status_code_resolver.error", i), code)
			if slices.Contains(codes.Warning, code) {
				faults.Add(settings.Index("status_code_resolver.error", i), "%d is also a warning", code)
			}
		}
		for i, code := range codes.Warning {
			checkStatus(&faults, settings.Index("status_code_resolver.warning", i), code)
		}
	}
	if s.HeadersKey != "" && s.HeadersKey == s.PayloadKey {
		faults.Add("response_payload_reference_key", "is the same as response_headers_reference_key")
	}
	for _, key := range []string{s.HeadersKey, s.PayloadKey} {
		if key != "" && key == s.Key {
			faults.Add("export_reference_key", "%q is also the key of the reply", key)
		}
	}
	return c, faults.Err()
}

func checkStatus(faults *settings.Faults, place string, code int) {
	if code < 100 || code > 599 {
		faults.Add(place, "%d is not a valid HTTP status", code)
	}
}

func compileText(faults *settings.Faults, place, text string) *jsontemplate.Template {
	t, err := jsontemplate.CompileString(text, jsontemplate.Options{Place: place})
	faults.AddErr("", err)
	return t
}

// Run makes the call.
func (s *RESTExport) Run(ctx context.Context, x *pipeline.Export) error {
	c := s.compiled
	if c == nil {
		var err error
		if c, err = s.compile(); err != nil {
			return err
		}
	}
	for _, secret := range c.literals {
		x.Hide(secret)
	}
	data := exporttemplate.Data(x)
	due, err := isDue(ctx, x, c.condition, data)
	if err != nil {
		return err
	}
	if !due {
		s.noReply(x, pipeline.ReasonNotDue)
		return nil
	}
	// Until there is a reply of this run, nobody must read that of an earlier one.
	s.noReply(x, "the call failed")
	reply, err := s.call(ctx, x, c, data)
	if err != nil {
		return err
	}
	if err := s.keep(ctx, x, reply); err != nil {
		return err
	}
	s.resolve(x, reply)
	return nil
}

// isDue renders a condition. It notes in the report when it is false.
func isDue(ctx context.Context, x *pipeline.Export, condition *jsontemplate.Template, data *jsontemplate.Data) (bool, error) {
	if condition == nil {
		return true, nil
	}
	text, err := condition.RenderText(ctx, data)
	if err != nil {
		return false, err
	}
	if jsontemplate.Truth(text) {
		return true, nil
	}
	if text = strings.TrimSpace(text); text == "" {
		x.Decide("skipped: condition is empty")
	} else {
		x.Decide("skipped: condition is %q", text)
	}
	return false, nil
}

func (s *RESTExport) noReply(x *pipeline.Export, why string) {
	x.Files.Skip(s.HeadersKey, why)
	x.Files.Skip(s.PayloadKey, why)
}

// call makes the request, with a token if there is to be one.
func (s *RESTExport) call(ctx context.Context, x *pipeline.Export, c *restCall, data *jsontemplate.Data) (*send.Reply, error) {
	if s.Key != "" {
		file, err := x.Files.Get(ctx, s.Key)
		if err != nil {
			return nil, &pipeline.StepError{Place: "export_reference_key", Key: s.Key, Err: err}
		}
		data.File = func() (httpcall.Body, error) { return httpcall.Bytes(file.Data), nil }
	}
	token, target := "", &urls{c.known, x}
	secret := data.Secret
	data.Secret = func(name string) (string, bool) {
		if name == tokenSecret && token != "" { // this request's own, whatever others have kept
			return token, true
		}
		return secret(name)
	}
	if c.auth != nil {
		var err error
		if token, err = c.auth.token(ctx, target, data, ""); err != nil {
			return nil, err
		}
	}
	call, err := s.render(ctx, x, c, data, token, target)
	if err != nil {
		return nil, err
	}
	if c.auth != nil {
		call.Renew = func(ctx context.Context) (*send.Call, error) {
			x.Decide("status 401: one more try with a new token")
			if token, err = c.auth.token(ctx, target, data, token); err != nil {
				return nil, err
			}
			return s.render(ctx, x, c, data, token, target)
		}
	}
	return s.send(ctx, x, call)
}

// Time-outs of one attempt.
const (
	waitTimeout  = 5 * time.Minute
	retryTimeout = 30 * time.Second
	retries      = 4
)

// render makes the call with a token, if there is one.
func (s *RESTExport) render(ctx context.Context, x *pipeline.Export, c *restCall, data *jsontemplate.Data, token string, target *urls) (*send.Call, error) {
	var artefact *pipeline.File
	if s.Key != "" {
		artefact, _ = x.Files.Get(ctx, s.Key) // call has found it before
	}
	call, err := c.request.render(ctx, data, artefact, target)
	if err != nil {
		return nil, err
	}
	if token != "" && call.Header.Get("Authorization") == "" {
		call.Header.Set("Authorization", "Bearer "+token)
	}
	call.Name, call.Timeout = "request", waitTimeout
	if s.Mode == ModeRetry {
		call.Timeout, call.Retry, call.MaxAttempts = retryTimeout, send.RetryAlways, retries
	}
	return call, nil
}

// send makes the call, which is announced before the first byte goes out.
func (s *RESTExport) send(ctx context.Context, x *pipeline.Export, call *send.Call) (*send.Reply, error) {
	var renewal error // of the token and the call with it
	if renew := call.Renew; renew != nil {
		call.Renew = func(ctx context.Context) (again *send.Call, err error) {
			again, renewal = renew(ctx)
			return again, renewal
		}
	}
	reply, err := send.Do(ctx, x, call)
	if renewal != nil {
		return nil, renewal // which has its own place
	}
	if err != nil {
		err = &pipeline.StepError{Place: "request.url", Err: err}
		if reply != nil { // its body was cut, or is too long: status and headers are kept
			err = errors.Join(err, x.Files.Put(ctx, s.headers(reply)...))
		}
		return nil, err
	}
	if reply.Status >= 400 {
		noteNoJSON(x, call)
	}
	return reply, nil
}

// keep stores the reply under the keys that the settings name.
func (s *RESTExport) keep(ctx context.Context, x *pipeline.Export, reply *send.Reply) error {
	files := s.headers(reply)
	if s.PayloadKey != "" {
		data := reply.Body
		if data == nil {
			data = []byte{}
		}
		files = append(files, pipeline.File{Key: s.PayloadKey, Name: s.PayloadKey, ContentType: reply.Header.Get("Content-Type"), Data: data, Status: reply.Status})
	}
	return x.Files.Put(ctx, files...)
}

// headers is the file of the reply's headers, if there is to be one.
func (s *RESTExport) headers(reply *send.Reply) []pipeline.File {
	if s.HeadersKey == "" {
		return nil
	}
	return []pipeline.File{{Key: s.HeadersKey, Name: s.HeadersKey + ".json", ContentType: "application/json", Data: headersJSON(reply), Status: reply.Status}}
}

// headersJSON is {"status_code", "headers": {lower_snake: value}, "raw": [[Name, value]…]}.
func headersJSON(reply *send.Reply) []byte {
	out := append(make([]byte, 0, 256), `{"status_code":`...)
	out = append(strconv.AppendInt(out, int64(reply.Status), 10), `,"headers":{`...)
	for i, f := range reply.Joined() {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(jsontemplate.AppendText(out, f[0]), ':')
		out = jsontemplate.AppendText(out, f[1])
	}
	out = append(out, `},"raw":[`...)
	for i, f := range reply.Fields() {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(jsontemplate.AppendText(append(out, '['), f[0]), ',')
		out = append(jsontemplate.AppendText(out, f[1]), ']')
	}
	return append(out, "]}"...)
}

// maxMessage is how many characters of a reply a message on the annotation shows.
const maxMessage = 2000

// firstCharacters returns the first n characters of a text, as a slice of Python's does.
func firstCharacters(text string, n int) string {
	for at := range text {
		if n--; n < 0 {
			return text[:at]
		}
	}
	return text
}

// resolve shows the reply on the annotation if its status asks for that.
func (s *RESTExport) resolve(x *pipeline.Export, reply *send.Reply) {
	if s.StatusCodes == nil {
		return
	}
	const looked = maxMessage * utf8.UTFMax
	body := string(reply.Body[:min(len(reply.Body), looked+redact.Beyond+1)])
	text, cut := redact.Beginning(body, looked, func(text string) string {
		return strings.TrimSpace(strings.ToValidUTF8(x.Redact(text), "�"))
	})
	if text == "" {
		text, cut = fmt.Sprintf("The API answered with status %d.", reply.Status), false
	}
	if first := firstCharacters(text, maxMessage); cut || len(first) < len(text) {
		text = first + "…"
	}
	switch {
	case slices.Contains(s.StatusCodes.Error, reply.Status):
		x.Error("%s", text)
	case slices.Contains(s.StatusCodes.Warning, reply.Status):
		x.Warn("%s", text)
	}
}
