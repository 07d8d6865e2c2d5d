package workday

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/workday/internal/message"
)

// Namespaces and types of SOAP 1.1 and of WS-Security's UsernameToken profile.
const (
	nsEnvelope   = "http://schemas.xmlsoap.org/soap/envelope/"
	nsSecurity   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	passwordText = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
)

// envelope puts a message into a SOAP envelope with the credentials in its header.
func envelope(m *message.Message, c credentials) *message.Body {
	var before, b bytes.Buffer
	before.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	before.WriteString(`<soap-env:Envelope xmlns:soap-env="` + nsEnvelope + `"` + m.Namespaces + `><soap-env:Header>`)
	b.WriteString(`<wsse:Security xmlns:wsse="` + nsSecurity + `"><wsse:UsernameToken><wsse:Username>`)
	_ = xml.EscapeText(&b, []byte(c.username)) // a buffer never fails
	b.WriteString(`</wsse:Username><wsse:Password Type="` + passwordText + `">`)
	_ = xml.EscapeText(&b, []byte(c.password))
	b.WriteString(`</wsse:Password></wsse:UsernameToken></wsse:Security></soap-env:Header><soap-env:Body>`)
	return message.Join(message.Text(before.Bytes()), m.Header, message.Text(b.Bytes()), m.Body, message.Text([]byte(`</soap-env:Body></soap-env:Envelope>`)))
}

// credentials are what a call is signed in with.
type credentials struct{ username, password string }

// Errors of credentials.
var (
	ErrCredentials = errors.New("the credentials for Workday cannot be used")
)

// newCredentials appends the tenant to the user's name. given reports that it was
// there already.
func newCredentials(username, password, tenant string) (c credentials, given bool, err error) {
	name, at, has := strings.Cut(username, "@")
	switch {
	case username == "":
		return c, false, fmt.Errorf("%w: the secret workday_username is missing", ErrCredentials)
	case password == "":
		return c, false, fmt.Errorf("%w: the secret workday_password is missing", ErrCredentials)
	case has && at != tenant:
		return c, false, fmt.Errorf("%w: the secret workday_username names a tenant after its @ that is not wsdl.tenant (%s); give the user name alone", ErrCredentials, tenant)
	}
	for _, r := range username + password {
		if r < ' ' || r == 0x7f {
			return c, false, fmt.Errorf("%w: a secret has a control character, often a line break at its end", ErrCredentials)
		}
	}
	return credentials{name + "@" + tenant, password}, has, nil
}
