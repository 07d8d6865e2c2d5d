package requestprocessor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// tokenAuth is an auth that gets a token.
type tokenAuth interface {
	auth
	fill(ctx context.Context, r *run, s *reqproc.Scope) (*tokenRequest, error)
}

// oauth1 signs each request (OAuth 1.0a).
type oauth1 struct {
	place string
	texts []filled
}

// fill returns the signer of an export, whose secrets are hidden from now on.
func (a *oauth1) fill(ctx context.Context, r *run, s *reqproc.Scope) (*send.OAuth1, error) {
	signer := &send.OAuth1{}
	for _, f := range a.texts {
		text, err := f.template.FillText(ctx, s)
		if err != nil {
			return nil, fail(a.place+"."+f.key, err)
		}
		switch f.key {
		case "consumer_key":
			signer.ConsumerKey = text
		case "consumer_secret":
			signer.ConsumerSecret = text
			r.x.Hide(text)
		case "token_key":
			signer.TokenKey = text
		case "token_secret":
			signer.TokenSecret = text
			r.x.Hide(text)
		case "realm":
			signer.Realm = text
		case "signature_method":
			signer.Method = text
		}
	}
	return signer, nil
}

// sign has a call carry its signature.
func (a *oauth1) sign(r *run, signer *send.OAuth1, out *outgoing) error {
	if out.call.Header.Get("Authorization") != "" {
		r.decide("%s: the Authorization header of the request gives way to that of auth", a.place)
	}
	if err := signer.Sign(r.x, out.call); err != nil {
		return fail(a.place, err)
	}
	return nil
}

// bearer gets a token from an address.
type bearer struct {
	place      string
	url        *reqproc.Template
	method     string
	json       bool
	content    *reqproc.Template
	headers    []header
	params     *reqproc.Template
	credential *reqproc.Path
}

func (b *bearer) fill(ctx context.Context, r *run, s *reqproc.Scope) (*tokenRequest, error) {
	plan := &request{place: b.place, url: b.url, method: b.method, content: b.content, headers: b.headers, params: b.params}
	plan.contentType = "form"
	if b.json {
		plan.contentType = "json"
	}
	out, err := plan.fill(ctx, r, s)
	if err != nil {
		return nil, err
	}
	if out.content, err = reqproc.Simple(ctx, out.content); err != nil {
		return nil, fail(b.place+".content", err)
	}
	r.hideCredentials(out.content)
	config := pyvalue.NewDict()
	config.SetStr("url", pyvalue.Str(out.call.URL))
	config.SetStr("method", pyvalue.Str(b.method))
	config.SetStr("content_type", pyvalue.Str(plan.contentType))
	config.SetStr("content", out.content)
	headers := pyvalue.NewDict()
	for name := range out.call.Header {
		headers.SetStr(name, pyvalue.Str(out.call.Header.Get(name)))
	}
	config.SetStr("headers", headers.Value())
	return &tokenRequest{
		place: b.place, config: config.Value(), url: out.call.URL, credential: b.credential,
		make: func(context.Context, time.Time) (*send.Call, error) { return out.call, nil },
	}, nil
}

// hideCredentials hides the values of a token request's body that are called as
// secrets are, so that no text of the API shows them.
func (r *run) hideCredentials(content pyvalue.Value) {
	if content.Dict() == nil {
		return
	}
	for k, v := range content.Dict().All() {
		if v.IsText() && redact.SensitiveName(k.Text()) {
			r.x.Hide(v.Text())
		}
	}
}

// signer and token of one call, whichever its auth gives.
type credentials struct {
	signer  *send.OAuth1
	request *tokenRequest
	token   string
}

// authenticate fills the auth in and gets a token if there is to be one.
func (r *run) authenticate(ctx context.Context, a auth, s *reqproc.Scope) (credentials, error) {
	switch a := a.(type) {
	case nil:
		return credentials{}, nil
	case *oauth1:
		signer, err := a.fill(ctx, r, s)
		return credentials{signer: signer}, err
	case tokenAuth:
		req, err := a.fill(ctx, r, s)
		if err != nil {
			return credentials{}, err
		}
		r.known = append(slices.Clip(r.known), address.Literals(req.url)...)
		token, err := r.getToken(ctx, req, "")
		return credentials{request: req, token: token}, err
	}
	return credentials{}, fmt.Errorf("auth %T is not known", a)
}
