package requestprocessor

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
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
func (a *oauth1) fill(ctx context.Context, r *run, s *reqproc.Scope) (*oauth.Signer, error) {
	signer := &oauth.Signer{}
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

// sign writes the Authorization header of a call.
func (a *oauth1) sign(r *run, signer *oauth.Signer, out *outgoing) error {
	header, err := signer.Header(out.call.Method, out.call.URL, out.form, rand.Text(), r.x.Now())
	if err != nil {
		return fail(a.place, err)
	}
	if out.call.Header.Get("Authorization") != "" {
		r.decide("%s: the Authorization header of the request gives way to that of auth", a.place)
	}
	out.call.Header.Set("Authorization", header)
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
		make: func(context.Context, time.Time) (*httpcall.Call, error) { return out.call, nil },
	}, nil
}

// certificate gets a token with an assertion that a private key has signed.
type certificate struct {
	place         string
	url           *reqproc.Template
	clientID      *reqproc.Template
	certificateID *reqproc.Template
	key           *reqproc.Template
	audience      *reqproc.Template // nil for url
	grantType     *reqproc.Template
	assertionType *reqproc.Template
	scope         *reqproc.Template
	claims        *reqproc.Template // nil for none
	params        *reqproc.Template // nil for none
	algorithm     string
	expiry        int // seconds
	credential    *reqproc.Path
}

func (c *certificate) fill(ctx context.Context, r *run, s *reqproc.Scope) (*tokenRequest, error) {
	config := pyvalue.NewDict()
	for _, part := range []struct {
		key      string
		template *reqproc.Template
	}{
		{"url", c.url}, {"client_id", c.clientID}, {"certificate_id", c.certificateID}, {"private_certificate", c.key}, {"audience", c.audience},
		{"grant_type", c.grantType}, {"client_assertion_type", c.assertionType}, {"scope", c.scope}, {"additional_claims", c.claims}, {"additional_token_params", c.params},
	} {
		if part.template == nil {
			continue
		}
		v, err := part.template.Fill(ctx, s)
		if err == nil {
			v, err = reqproc.Simple(ctx, v)
		}
		if err != nil {
			return nil, fail(c.place+"."+part.key, err)
		}
		config.SetStr(part.key, v)
	}
	text := func(key string) string {
		v, _ := config.GetStr(key)
		out, err := reqproc.Text(ctx, v)
		if err != nil {
			return ""
		}
		return out
	}
	pem := text("private_certificate")
	r.x.Hide(pem)
	key, err := oauth.ParseKey(pem)
	if err != nil {
		return nil, fail(c.place+".private_certificate", err)
	}
	address := requote(text("url"))
	if err := checkAddress(address); err != nil {
		return nil, fail(c.place+".url", err)
	}
	config.SetStr("signature_algorithm", pyvalue.Str(c.algorithm))
	config.SetStr("assertion_expiry", pyvalue.Int(int64(c.expiry)))
	member := func(key string) pyvalue.Value {
		v, _ := config.GetStr(key)
		return v
	}
	assertion := func(ctx context.Context, now time.Time) (string, error) {
		claims := pyvalue.NewDict()
		claims.SetStr("iss", member("client_id"))
		claims.SetStr("scope", member("scope"))
		claims.SetStr("aud", pyvalue.Str(address))
		if c.audience != nil {
			claims.SetStr("aud", member("audience"))
		}
		claims.SetStr("iat", pyvalue.Int(now.Unix()))
		claims.SetStr("exp", pyvalue.Int(now.Unix()+int64(c.expiry)))
		if err := pyvalue.UpdateDict(nil, claims, orEmpty(member("additional_claims"))); err != nil {
			return "", fail(c.place+".additional_claims", err)
		}
		data, err := reqproc.JSON(ctx, claims.Value())
		if err != nil {
			return "", err
		}
		return oauth.Assertion(key, c.algorithm, text("certificate_id"), data)
	}
	return &tokenRequest{
		place: c.place, config: config.Value(), url: address, credential: c.credential,
		make: func(ctx context.Context, now time.Time) (*httpcall.Call, error) {
			token, err := assertion(ctx, now)
			if err != nil {
				return nil, err
			}
			r.x.Hide(token)
			form := pyvalue.NewDict()
			form.SetStr("grant_type", member("grant_type"))
			form.SetStr("client_assertion_type", member("client_assertion_type"))
			form.SetStr("client_assertion", pyvalue.Str(token))
			if err := pyvalue.UpdateDict(nil, form, orEmpty(member("additional_token_params"))); err != nil {
				return nil, fail(c.place+".additional_token_params", err)
			}
			pairs, err := formPairs(ctx, form.Value())
			if err != nil {
				return nil, fail(c.place, err)
			}
			return &httpcall.Call{
				Method: http.MethodPost, URL: address, Body: httpcall.Bytes(urlencode(pairs)),
				Header: http.Header{"Content-Type": {formType}},
			}, nil
		},
	}, nil
}

func orEmpty(v pyvalue.Value) pyvalue.Value {
	if v.Dict() == nil {
		return pyvalue.NewDict().Value()
	}
	return v
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
	signer  *oauth.Signer
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
		token, err := r.p.tokens.get(ctx, r, req, "")
		return credentials{request: req, token: token}, err
	}
	return credentials{}, fmt.Errorf("auth %T is not known", a)
}
