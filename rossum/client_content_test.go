package rossum_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestOnlyContentIsReadFromAnAddressOfADocument(t *testing.T) {
	t.Parallel()
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path)
		_, _ = io.WriteString(w, "bytes")
	}))
	t.Cleanup(s.Close)
	c, err := rossum.NewClient(s.URL, "token-123456", rossum.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		address, path string
		want          error
	}{
		{"API/documents/7/content", "/api/v1/documents/7/content", nil}, {" API/documents/7 ", "/api/v1/documents/7/content", nil},
		{"API/annotations/7/content", "/api/v1/annotations/7/content", nil},
		{"hooks/1500", "", rossum.ErrNotContent}, {"../..", "", rossum.ErrNotContent}, {"documents/7/content", "", rossum.ErrNotContent}, {"/api/v1/hooks/1", "", rossum.ErrNotContent},
		{"API/hooks/1500", "", rossum.ErrNotContent}, {"API/documents/7/../../hooks/1/content", "", rossum.ErrNotContent}, {"API/documents/..%2f7/content", "", rossum.ErrNotContent},
		{"API/annotations/7", "", rossum.ErrNotContent}, {"API/documents/7/content?x=1", "", rossum.ErrNotContent}, {"API/documents", "", rossum.ErrNotContent}, {"", "", rossum.ErrNotContent},
		{"https://evil.example/api/v1/documents/7/content", "", rossum.ErrForeignURL}, {"//evil.example/api/v1/documents/7/content", "", rossum.ErrForeignURL},
		{strings.Replace(s.URL, "http://", "http://u:p@", 1) + "/api/v1/documents/7/content", "", rossum.ErrForeignURL},
		{strings.Replace(s.URL, "http://", "https://", 1) + "/api/v1/documents/7/content", "", rossum.ErrForeignURL},
	} {
		got = nil
		body, err := c.ContentAt(strings.ReplaceAll(tt.address, "API", s.URL+"/api/v1")).Open(t.Context())
		if err == nil {
			_ = body.Close()
		}
		if !errors.Is(err, tt.want) || strings.Join(got, " ") != tt.path {
			t.Errorf("%s: %v, called %v", tt.address, err, got)
		}
	}
}
