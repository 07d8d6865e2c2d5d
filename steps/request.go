package steps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/ordered"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// request is a compiled Request.
type request struct {
	place       string
	url         *jsontemplate.Template
	method      string
	headers     []header
	body        *jsontemplate.Template // text, bytes, or an object of form fields
	bodyPlace   string
	fileKey     *jsontemplate.Template
	fileName    *jsontemplate.Template
	fileContent *jsontemplate.Template
}

type header struct {
	name    string // canonical
	spelled string // as in the settings
	value   *jsontemplate.Template
}

// set renders the header into a call. A value within a string of JSON, such as that of
// Dropbox-API-Arg, is escaped for it. What is sent is Latin-1, as Python's requests sends it.
func (h header) set(ctx context.Context, call *send.Call, place string, data *jsontemplate.Data, x *pipeline.Export) error {
	place = settings.Join(place, h.spelled)
	text, err := h.text(ctx, place, data, x)
	if err != nil {
		return err
	}
	sent, ok := httpcall.Latin1(text)
	if !ok {
		x.Decide("%s is sent in UTF-8, since it has letters that Latin-1 lacks; Python's requests would fail", place)
	}
	call.SetHeader(h.spelled, sent)
	return nil
}

func (h header) text(ctx context.Context, place string, data *jsontemplate.Data, x *pipeline.Export) (string, error) {
	if text, ok := h.value.Literal(); ok {
		return text, nil
	}
	v, in, err := h.value.RenderBody(ctx, data, false)
	if err != nil {
		return "", err
	}
	text, err := jsontemplate.Text(ctx, v)
	if err != nil {
		return "", fmt.Errorf("%s: %w", place, err)
	}
	exporttemplate.NoteJSON(x, place, in)
	return text, nil
}

var methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}

func compileMethod(faults *settings.Faults, place, method string) string {
	if method == "" {
		return http.MethodPost
	}
	upper := strings.ToUpper(method)
	if !slices.Contains(methods, upper) {
		faults.Add(place, "%q is unknown (expected one of %s)", method, strings.Join(methods, ", "))
	}
	return upper
}

func compileHeaders(faults *settings.Faults, place string, headers map[string]string) []header {
	var list []header
	for name, value := range ordered.ByKey(headers) {
		list = append(list, header{http.CanonicalHeaderKey(name), name, compileText(faults, settings.Join(place, name), value)})
	}
	slices.SortFunc(list, func(a, b header) int { return strings.Compare(a.name, b.name) })
	return list
}

// compile compiles the request; artefact is the key of #{file_content}.
func (r Request) compile(faults *settings.Faults, artefact string) *request {
	c := &request{place: "request"}
	c.url = compileURL(faults, "request.url", r.URL)
	c.method = compileMethod(faults, "request.method", r.Method)
	c.headers = compileHeaders(faults, "request.headers", r.Headers)
	bodies := 0
	if r.Content != "" {
		bodies, c.bodyPlace = bodies+1, "request.content"
		c.body = compileText(faults, c.bodyPlace, r.Content)
	}
	for _, body := range []struct {
		place string
		data  any
	}{{"request.data", r.Data}, {"request.request_data", r.RequestData}} {
		if raw, err := settings.JSON(body.data); len(raw) > 0 || err != nil {
			bodies, c.bodyPlace = bodies+1, body.place
			c.body = compileData(faults, body.place, body.data)
		}
	}
	if bodies > 1 {
		faults.Add("request", "has more than one of content, data and request_data; keep one")
	}
	if r.FilePart == "" && (r.FileName != "" || r.FileContent != "") {
		faults.Add("request.file_key", "is missing: file_name and file_content need the name of the form field")
	}
	if r.FilePart != "" {
		if r.Content != "" {
			faults.Add("request.content", "conflicts with file_key; a form has data instead")
		}
		if r.FileContent == "" && artefact == "" {
			faults.Add("request.file_content", "is missing, and there is no export_reference_key")
		}
		c.fileKey = compileText(faults, "request.file_key", r.FilePart)
	}
	if r.FileName != "" {
		c.fileName = compileText(faults, "request.file_name", r.FileName)
	}
	if r.FileContent != "" {
		c.fileContent = compileText(faults, "request.file_content", r.FileContent)
	}
	if artefact == "" && r.usesFile() {
		faults.Add("export_reference_key", "is missing, but #{file_content} is used")
	}
	return c
}

func compileData(faults *settings.Faults, place string, data any) *jsontemplate.Template {
	raw, err := settings.JSON(data)
	if err != nil {
		faults.AddErr(place, err)
		return nil
	}
	if len(raw) == 0 {
		return nil
	}
	t, err := jsontemplate.Compile(raw, jsontemplate.Options{Place: place})
	faults.AddErr("", err)
	return t
}

// usesFile reports whether a text of the request has #{file_content}.
func (r Request) usesFile() bool {
	all := r.Content + r.FileContent
	for _, data := range []any{r.Data, r.RequestData} {
		raw, _ := settings.JSON(data) // compileData says what is wrong with it
		all += string(raw)
	}
	return strings.Contains(all, "#{file_content}")
}

// render makes the call of one export.
func (c *request) render(ctx context.Context, data *jsontemplate.Data, artefact *pipeline.File, target *urls) (*send.Call, error) {
	call := &send.Call{Method: c.method, Header: make(http.Header)}
	var err error
	if call.URL, err = target.fill(ctx, c.url, data); err != nil {
		return nil, fmt.Errorf("request.url: %w", err)
	}
	for _, h := range c.headers {
		if err := h.set(ctx, call, "request.headers", data, target.x); err != nil {
			return nil, err
		}
	}
	var body pyvalue.Value
	if c.body != nil {
		if body, err = c.renderBody(ctx, c.body, c.bodyPlace, call.Header.Get("Content-Type"), data, target.x); err != nil {
			return nil, err
		}
	}
	multipartType := strings.HasPrefix(strings.ToLower(call.Header.Get("Content-Type")), "multipart/form-data")
	fields := body.Dict()
	isForm := fields != nil
	switch {
	case c.fileKey != nil, isForm && multipartType:
		return call, c.multipart(ctx, call, data, fields, artefact, target.x)
	case isForm:
		if call.Body, err = formBody(ctx, fields); err != nil {
			return nil, fmt.Errorf("%s: %w", c.bodyPlace, err)
		}
		if call.Header.Get("Content-Type") == "" {
			call.Header.Set("Content-Type", send.FormType)
		}
	case !body.IsNone():
		if call.Body, err = plainBody(ctx, body); err != nil {
			return nil, fmt.Errorf("%s: %w", c.bodyPlace, err)
		}
	}
	if call.Body == nil && (c.method == http.MethodDelete || c.method == http.MethodOptions) {
		call.SetHeader("Content-Length", "0") // as Python's requests has it, and net/http has not
	}
	return call, nil
}

// multipart makes a form with a file. A Content-Type of the settings, whose
// boundary cannot be the right one, is replaced.
func (c *request) multipart(ctx context.Context, call *send.Call, data *jsontemplate.Data, fields *pyvalue.Dict, artefact *pipeline.File, x *pipeline.Export) error {
	boundary := x.NewID()
	all, err := pairs(ctx, fields)
	if err != nil {
		return fmt.Errorf("%s: %w", c.bodyPlace, err)
	}
	parts := make([]send.Part, 0, len(all)+1)
	for _, p := range all {
		parts = append(parts, send.Part{Name: p.name, Content: p.content})
	}
	if c.fileKey != nil {
		file, err := c.filePart(ctx, data, artefact, x)
		if err != nil {
			return err
		}
		parts = append(parts, file)
	}
	contentType := ""
	if call.Body, contentType, err = send.Multipart(boundary, parts...); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	call.Header.Set("Content-Type", contentType)
	return nil
}

// filePart makes the part of the file.
func (c *request) filePart(ctx context.Context, data *jsontemplate.Data, artefact *pipeline.File, x *pipeline.Export) (part send.Part, err error) {
	part = send.Part{File: true, ContentType: "application/octet-stream"}
	if part.Name, err = c.fileKey.RenderText(ctx, data); err != nil {
		return part, err
	}
	part.FileName = part.Name
	if artefact != nil {
		part.Content, part.FileName = pipeline.Bytes(artefact.Data), artefact.Name
		if artefact.ContentType != "" {
			part.ContentType = artefact.ContentType
		}
	}
	if c.fileContent != nil {
		v, err := c.renderBody(ctx, c.fileContent, "request.file_content", "", data, x)
		if err != nil {
			return part, err
		}
		if part.Content, err = plainBody(ctx, v); err != nil {
			return part, fmt.Errorf("request.file_content: %w", err)
		}
	}
	if c.fileName != nil {
		if part.FileName, err = c.fileName.RenderText(ctx, data); err != nil {
			return part, err
		}
	}
	if part.Content == nil {
		return part, errors.New("request.file_content: there is no file to send")
	}
	if strings.ContainsAny(part.FileName+part.Name, "\r\n\x00") {
		return part, errors.New("request.file_name: it has a line break, which no file name can have")
	}
	if byName := httpcall.ContentTypeOf(part.FileName); byName != "" && part.ContentType == "application/octet-stream" {
		part.ContentType = byName
	}
	return part, nil
}
