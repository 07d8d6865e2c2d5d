package requestprocessor

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// auth is a compiled Auth: *oauth1, *bearer or *certificate.
type auth interface {
	authPlace() string
	templates() []*reqproc.Template // nil where a key is not given
}

func (a *oauth1) authPlace() string      { return a.place }
func (a *bearer) authPlace() string      { return a.place }
func (a *certificate) authPlace() string { return a.place }

// keysOfAuth are the keys that each type may have besides type.
var keysOfAuth = map[string][]string{
	"bearer":                     {"url", "method", "content_type", "content", "headers", "params", "credential_key"},
	"oauth1":                     {"consumer_key", "consumer_secret", "token_key", "token_secret", "realm", "signature_method"},
	"oauth2_private_certificate": {"url", "client_id", "certificate_id", "private_certificate", "scope", "signature_algorithm", "assertion_expiry", "audience", "credential_key", "grant_type", "client_assertion_type", "additional_claims", "additional_token_params"},
}

var authTypes = []string{"bearer", "oauth1", "oauth2_private_certificate"}

func (c *compiler) auth(place string, s Auth) auth {
	kind := string(s.Type)
	if kind == "" {
		kind = "bearer"
	}
	if c.oneOf(settings.Join(place, "type"), kind, authTypes) == "" {
		return nil
	}
	for _, key := range s.keys() {
		if !slices.Contains(keysOfAuth[kind], key) {
			c.faults.Add(settings.Join(place, key), "is not a key of type %s (known keys: %s)", kind, strings.Join(keysOfAuth[kind], ", "))
		}
	}
	switch kind {
	case "oauth1":
		return c.oauth1(place, s)
	case "bearer":
		return c.bearer(place, s)
	}
	return c.certificate(place, s)
}

// keys lists the keys that are given.
func (a Auth) keys() []string {
	data, err := json.Marshal(a)
	var members map[string]any
	if err != nil || json.Unmarshal(data, &members) != nil {
		return nil // the faults of broken JSON are told where it is compiled
	}
	var keys []string
	for _, key := range slices.Sorted(slices.Values(allAuthKeys())) {
		switch v := members[key].(type) {
		case nil:
		case string:
			if v != "" {
				keys = append(keys, key)
			}
		case float64:
			if v != 0 {
				keys = append(keys, key)
			}
		default:
			keys = append(keys, key)
		}
	}
	return keys
}

func allAuthKeys() []string {
	var all []string
	for _, keys := range keysOfAuth {
		for _, key := range keys {
			if !slices.Contains(all, key) {
				all = append(all, key)
			}
		}
	}
	return all
}

// filled is a text of the settings that is filled in when it is needed.
type filled struct {
	key      string
	template *reqproc.Template
}

func (c *compiler) oauth1(place string, s Auth) *oauth1 {
	a := &oauth1{place: place}
	for _, f := range []struct {
		key, text string
		required  bool
	}{
		{"consumer_key", s.ConsumerKey, true}, {"consumer_secret", s.ConsumerSecret, true}, {"token_key", s.TokenKey, true},
		{"token_secret", s.TokenSecret, true}, {"realm", s.Realm, false}, {"signature_method", s.SignatureMethod, false},
	} {
		at := settings.Join(place, f.key)
		if f.required {
			c.require(place, f.key, f.text)
		}
		if t := c.text(at, f.text, dataRoots...); t != nil {
			a.texts = append(a.texts, filled{f.key, t})
			if v, ok := t.Literal(); ok && f.key == "signature_method" {
				c.oneOf(at, v.Text(), []string{oauth.HMACSHA256, oauth.HMACSHA1})
			}
		}
	}
	return a
}

func (c *compiler) bearer(place string, s Auth) *bearer {
	b := &bearer{place: place}
	c.require(place, "url", s.URL)
	b.url = c.url(settings.Join(place, "url"), s.URL, dataRoots)
	b.method = c.method(settings.Join(place, "method"), s.Method)
	b.json = s.ContentType == "json"
	if s.ContentType != "" {
		c.oneOf(settings.Join(place, "content_type"), s.ContentType, []string{"json", "form"})
	}
	b.content = c.value(settings.Join(place, "content"), s.Content, dataRoots...)
	b.headers = c.headers(settings.Join(place, "headers"), s.Headers, dataRoots)
	b.params = c.object(settings.Join(place, "params"), s.Params, dataRoots...)
	c.require(place, "credential_key", s.CredentialPath)
	b.credential = c.credential(place, s.CredentialPath)
	return b
}

func (c *compiler) credential(place, key string) *reqproc.Path {
	if key == "" {
		return nil
	}
	path, err := reqproc.ParsePath(key)
	if err != nil { // a name such as access-token
		path, err = reqproc.ParseMembers(key)
	}
	if err == nil && path.Fetches() {
		c.faults.Add(settings.Join(place, "credential_key"), "is a path within the answer, which .@ does not leave")
	}
	c.faults.AddErr(settings.Join(place, "credential_key"), err)
	return path
}

func (c *compiler) certificate(place string, s Auth) *certificate {
	a := &certificate{place: place, algorithm: s.SignatureAlgorithm, expiry: s.AssertionExpiry}
	text := func(key, text, fallback string, required bool) *reqproc.Template {
		if text == "" {
			text = fallback
		}
		if required {
			c.require(place, key, text)
		}
		return c.text(settings.Join(place, key), text, dataRoots...)
	}
	c.require(place, "url", s.URL)
	a.url = c.url(settings.Join(place, "url"), s.URL, dataRoots)
	a.clientID = text("client_id", s.ClientID, "", true)
	a.certificateID = text("certificate_id", s.CertificateID, "", true)
	a.key = text("private_certificate", s.PrivateCertificate, "", true)
	if a.key != nil {
		if v, ok := a.key.Literal(); ok {
			_, err := oauth.ParseKey(v.Text())
			c.faults.AddErr(settings.Join(place, "private_certificate"), err)
		}
	}
	a.audience = text("audience", s.Audience, "", false)
	a.grantType = text("grant_type", s.GrantType, "client_credentials", false)
	a.assertionType = text("client_assertion_type", s.ClientAssertionType, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", false)
	a.scope = c.value(settings.Join(place, "scope"), s.Scope, dataRoots...)
	if a.scope == nil {
		a.scope = c.value(settings.Join(place, "scope"), []string{"rest_webservices"}, dataRoots...)
	}
	a.claims = c.object(settings.Join(place, "additional_claims"), s.AdditionalClaims, dataRoots...)
	a.params = c.object(settings.Join(place, "additional_token_params"), s.AdditionalTokenParams, dataRoots...)
	if a.algorithm == "" {
		a.algorithm = "PS256"
	}
	c.oneOf(settings.Join(place, "signature_algorithm"), a.algorithm, oauth.Algorithms())
	if a.expiry == 0 {
		a.expiry = 3600
	}
	if a.expiry < 0 || a.expiry > 86400 {
		c.faults.Add(settings.Join(place, "assertion_expiry"), "%d is not between 1 and 86400 seconds", a.expiry)
	}
	key := s.CredentialPath
	if key == "" {
		key = "access_token"
	}
	a.credential = c.credential(place, key)
	return a
}
