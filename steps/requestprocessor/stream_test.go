package requestprocessor_test

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// The base64 of a large document is made while it is sent, and the JSON is the same as that
// of a small one, byte for byte.
func TestALargeDocumentInBase64LeavesAsASmallOneDoes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 10_000, 1 << 20, 3<<20 + 1} {
		a := serve(t, nil)
		document := bytes.Repeat([]byte{'%', 0xff, 0, 'x', '"'}, size/5+1)[:size]
		r := run(
			t,
			a,
			invoice(madeUpToken),
			`{"stages":[{"call_api":[{"name":"c","request":{"url":"API/x","method":"POST","content_type":"json","content":
			{"a":"ü","files":[{"name":"1","data":"{base64(payload.document.content.@)}"},{"data":"{base64(payload.document.content.@)}","n":1.5}],"text":"<{base64(payload.document.content.@)}>"}}}]}]}`,
			pipeline.WithOriginal(pipeline.Bytes(document)),
		)
		text := base64.StdEncoding.EncodeToString(document)
		want := `{"a": "\u00fc", "files": [{"name": "1", "data": "` + text + `"}, {"data": "` + text + `", "n": 1.5}], "text": "<` + text + `>"}`
		if r.Err != nil || len(a.seen) != 1 || a.seen[0].body != want {
			t.Errorf("%d bytes: %v, %d calls, the body differs", size, r.Err, len(a.seen))
		}
	}
}

// So it is where the base64 is all of the content, a part of a text, a file or a field.
func TestALargeDocumentInBase64LeavesAsASmallOneDoesInEveryContent(t *testing.T) {
	t.Parallel()
	const encoded = "{base64(payload.document.content.@)}"
	for _, size := range []int{10_000, 3<<20 + 1} {
		document := bytes.Repeat([]byte{'%', 0xff, 0, 'x', '"'}, size/5+1)[:size]
		text := base64.StdEncoding.EncodeToString(document)
		for request, want := range map[string]string{
			`"content":"` + encoded + `"`:                                                            text,
			`"content":"data:` + encoded + `;` + encoded + `"`:                                       "data:" + text + ";" + text,
			`"content_type":"json","content":"` + encoded + `"`:                                      `"` + text + `"`,
			`"content_type":"json","content":["ü` + encoded + `\"` + encoded + `"]`:                  `["\u00fc` + text + `\"` + text + `"]`,
			`"content_type":"json","content":{"` + encoded + `":1}`:                                  `{"` + text + `": 1}`,
			`"content_type":"json","content":"{base64(` + encoded[1:len(encoded)-1] + `)}"`:          `"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"`,
			`"content":{"a":"` + encoded + `"}`:                                                      "a=" + url.QueryEscape(text),
			`"content":{"a":["` + encoded + `","<` + encoded + `&>"],"b":"ü"}`:                       "a=" + url.QueryEscape(text) + "&a=" + url.QueryEscape("<"+text+"&>") + "&b=%C3%BC",
			`"content":{"a":"{payload.document.content.@}","b":"2"}`:                                 "a=" + url.QueryEscape(string(document)) + "&b=2",
			`"content_type":"multipart","content":{"a":"` + encoded + `","f":["n","x"]}`:             "f=n;:x" + text,
			`"content_type":"files","content":{"a":["n","<` + encoded + `>"],"b":"` + encoded + `"}`: "a=n;:<" + text + "> b=b;:" + text,
		} {
			a := serve(t, nil)
			r := run(t, a, invoice(madeUpToken), `{"stages":[{"call_api":[{"name":"c","request":{"url":"API/x","method":"POST",`+request+`}}]}]}`,
				pipeline.WithOriginal(pipeline.Bytes(document)))
			if r.Err != nil || len(a.seen) != 1 {
				t.Errorf("%d bytes, %s: %v, %d calls", size, request, r.Err, len(a.seen))
				continue
			}
			got := a.seen[0].body + strings.Join(a.seen[0].files, " ") + strings.Join(a.seen[0].form["a"], " ")
			if got != want {
				t.Errorf("%d bytes, %s: the body differs: %.100q, want %.100q", size, request, got, want)
			}
		}
	}
}

// What is encoded while it is sent is in the report, and the ledger knows it before.
func TestALargeDocumentInBase64IsShownAndKnownBeforeItIsSent(t *testing.T) {
	t.Parallel()
	const settings = `{"stages":[{"call_api":[{"name":"c","request":{"url":"API/x","method":"POST",
		"content_type":"json","content":{"a":1,"f":"{base64(payload.document.content.@)}"}}}]}]}`
	document := bytes.Repeat([]byte("PDF"), 1<<20)
	original := pipeline.WithOriginal(pipeline.Bytes(document))
	a := serve(t, nil)
	r := run(t, a, invoice(madeUpToken), settings, original, pipeline.WithDetails(pipeline.Details{BodyLimit: 100}))
	var calls []pipeline.CallReport
	for _, one := range r.Report.Steps {
		calls = append(calls, one.Calls...)
	}
	if r.Err != nil || len(calls) != 1 || len(a.seen) != 1 {
		t.Fatal(r.Err, len(calls), len(a.seen))
	}
	shown := calls[0].Request
	if !strings.HasPrefix(shown.Body, `{"a": 1, "f": "UERGUERG`) || !shown.Cut || shown.Hidden != "" ||
		shown.Size != int64(len(a.seen[0].body)) {
		t.Errorf("the report shows %+v", shown)
	}

	a = serve(t, nil)
	chain, err := pipeline.New(step(t, a, settings))
	if err != nil {
		t.Fatal(err)
	}
	ledger := pipeline.MemoryLedger()
	dying, ctx := mortal.New(t.Context(), ledger, 3, false) // claim, call, reply
	_, _ = chain.Export(ctx, invoice(madeUpToken).Payload(), client(t), original, journal(t, dying))
	if err := dying.Bury(t.Context()); err != nil || a.paths() != "POST /x" {
		t.Errorf("%v, %s, expected the call to be whole before the third entry", err, a.paths())
	}
}

// What OAuth 1.0a signs of a form is what leaves, however large its documents are.
func TestALargeDocumentInAFormIsSignedByOAuth1(t *testing.T) {
	t.Parallel()
	const auth = `"auth":{"type":"oauth1","consumer_key":"ck","consumer_secret":"cs-secret","token_key":"tk","token_secret":"ts-secret"}`
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	document := bytes.Repeat([]byte{'%', 0xff, 0, 'x', '"'}, 400_000)
	for _, content := range []string{
		`{"a":"{payload.document.content.@}","b":"2"}`,
		`{"a":["{base64(payload.document.content.@)}","<{base64(payload.document.content.@)}>"],"b":"ü"}`,
	} {
		a := serve(t, nil)
		r := run(
			t,
			a,
			invoice(madeUpToken),
			`{"stages":[{"call_api":[{"name":"c",`+auth+`,"request":{"url":"API/x","method":"POST","content":`+content+`}}]}]}`,
			pipeline.WithOriginal(pipeline.Bytes(document)), pipeline.WithClock(func() time.Time { return now }),
		)
		if r.Err != nil || len(a.seen) != 1 {
			t.Errorf("%s: %v, %d calls", content, r.Err, len(a.seen))
			continue
		}
		got := a.seen[0]
		_, rest, _ := strings.Cut(got.auth, `oauth_nonce="`)
		nonce, _, _ := strings.Cut(rest, `"`)
		signer := oauth.Signer{ConsumerKey: "ck", ConsumerSecret: "cs-secret", TokenKey: "tk", TokenSecret: "ts-secret"}
		want, err := signer.Header(t.Context(), "POST", a.URL+got.uri, pipeline.Bytes(got.body), nonce, now)
		if err != nil || got.auth != want {
			t.Errorf("%s: %v, got %s, want %s", content, err, got.auth, want)
		}
	}
}
