package workday

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAHostThatDoesNotSendTheWSDLIsNamed(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}))
	defer s.Close()
	defer close(over)
	d := newDocuments(0, "")
	d.patience = time.Second
	host := strings.TrimPrefix(s.URL, "http://")
	_, _, err := d.get(t.Context(), s.Client(), &WSDL{Domain: host, Tenant: "acme", APIVersion: "v1", Protocol: "http"}, s.URL+"/x?wsdl")
	if !errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrConnect) || !strings.Contains(err.Error(), "did not come within 1s") {
		t.Errorf("got %v", err)
	}
}
