package requestprocessor

import (
	"context"
	"net/http"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

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

// assertion is a certificate with everything filled in.
type assertion struct {
	*certificate
	r       *run
	config  *pyvalue.Dict
	address string
	private *send.PrivateKey
}

func (c *certificate) fill(ctx context.Context, r *run, s *reqproc.Scope) (*tokenRequest, error) {
	a := &assertion{certificate: c, r: r, config: pyvalue.NewDict()}
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
		a.config.SetStr(part.key, v)
	}
	pem := a.get("private_certificate").Text()
	r.x.Hide(pem)
	var err error
	if a.private, err = send.ParsePrivateKey(pem); err != nil {
		return nil, fail(c.place+".private_certificate", err)
	}
	if a.address, err = r.fillURL(ctx, c.url, s); err != nil {
		return nil, fail(c.place+".url", err)
	}
	a.config.SetStr("signature_algorithm", pyvalue.Str(c.algorithm))
	a.config.SetStr("assertion_expiry", pyvalue.Int(int64(c.expiry)))
	return &tokenRequest{place: c.place, config: a.config.Value(), url: a.address, credential: c.credential, make: a.call}, nil
}

func (a *assertion) get(key string) pyvalue.Value {
	v, _ := a.config.GetStr(key)
	return v
}

// jwt returns the signed assertion.
func (a *assertion) jwt(ctx context.Context, now time.Time) (string, error) {
	claims := pyvalue.NewDict()
	claims.SetStr("iss", a.get("client_id"))
	claims.SetStr("scope", a.get("scope"))
	claims.SetStr("aud", a.get("url"))
	if a.audience != nil {
		claims.SetStr("aud", a.get("audience"))
	}
	claims.SetStr("iat", pyvalue.Int(now.Unix()))
	claims.SetStr("exp", pyvalue.Int(now.Unix()+int64(a.expiry)))
	if err := pyvalue.UpdateDict(nil, claims, orEmpty(a.get("additional_claims"))); err != nil {
		return "", fail(a.place+".additional_claims", err)
	}
	data, err := reqproc.JSON(ctx, claims.Value())
	if err != nil {
		return "", fail(a.place, err)
	}
	keyID, err := reqproc.Text(ctx, a.get("certificate_id"))
	if err != nil {
		return "", fail(a.place+".certificate_id", err)
	}
	return a.private.Assertion(a.algorithm, keyID, data)
}

// call makes the token request.
func (a *assertion) call(ctx context.Context, now time.Time) (*send.Call, error) {
	jwt, err := a.jwt(ctx, now)
	if err != nil {
		return nil, err
	}
	a.r.x.Hide(jwt)
	form := pyvalue.NewDict()
	form.SetStr("grant_type", a.get("grant_type"))
	form.SetStr("client_assertion_type", a.get("client_assertion_type"))
	form.SetStr("client_assertion", pyvalue.Str(jwt))
	if err := pyvalue.UpdateDict(nil, form, orEmpty(a.get("additional_token_params"))); err != nil {
		return nil, fail(a.place+".additional_token_params", err)
	}
	pairs, err := formPairs(ctx, form.Value())
	if err != nil {
		return nil, fail(a.place, err)
	}
	return &send.Call{
		Method: http.MethodPost, URL: a.address, Body: send.URLEncoded(pairs...),
		Header: http.Header{"Content-Type": {send.FormType}},
	}, nil
}

func orEmpty(v pyvalue.Value) pyvalue.Value {
	if v.Dict() == nil {
		return pyvalue.NewDict().Value()
	}
	return v
}
