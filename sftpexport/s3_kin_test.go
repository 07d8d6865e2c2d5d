package sftpexport_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
)

// kin is versitygw behind a proxy that makes it behave like another store.
func kin(t *testing.T, change func(http.ResponseWriter, *http.Request) bool) site {
	t.Helper()
	return kinAt(t, "127.0.0.1:0", change)
}

func kinAt(t *testing.T, address string, change func(http.ResponseWriter, *http.Request) bool) site {
	t.Helper()
	s := realtest.NewVersityGW(t)
	target, err := url.Parse(s.Credentials().Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		Transport: transport,
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	_ = server.Listener.Close()
	if server.Listener, err = net.Listen("tcp", address); err != nil {
		t.Skip(err) // a machine without IPv6
	}
	server.Start()
	t.Cleanup(server.Close)
	c := s.Credentials()
	c.Endpoint = server.URL
	c.PathStyle = false // an address of numbers needs it, which is found out
	return site{credentials: c, secrets: s.Secrets(), dir: s.Dir + "/" + realtest.Bucket}
}

// refuse answers like a store that does not take something.
func refuse(w http.ResponseWriter, status int, code, message string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
	return false
}

func TestStoresOfS3sKin(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("0123456789abcdef"), (17<<20)/16)
	for _, c := range []struct {
		name        string
		change      func(http.ResponseWriter, *http.Request) bool
		conditional *bool
		fails       error // of refuse and number; replace always works
	}{
		{"as it is", func(http.ResponseWriter, *http.Request) bool { return true }, nil, nil},
		{"a front end changes Accept-Encoding (Google)", func(_ http.ResponseWriter, r *http.Request) bool {
			r.Header.Set("Accept-Encoding", "gzip,gfe")
			return true
		}, nil, nil},
		{"a proxy removes Accept-Encoding", func(_ http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Accept-Encoding")
			return true
		}, nil, nil},
		{"no newer checksums (Backblaze)", func(w http.ResponseWriter, r *http.Request) bool {
			for name := range r.Header {
				if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum") {
					return refuse(w, http.StatusBadRequest, "InvalidArgument", "Unsupported header '"+strings.ToLower(name)+"' received for this API call.")
				}
			}
			return true
		}, nil, nil},
		{"no conditions (Backblaze)", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("If-None-Match") != "" {
				return refuse(w, http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented")
			}
			return true
		}, nil, s3.ErrNoCondition},
		{"no conditions, and none wanted", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("If-None-Match") != "" {
				return refuse(w, http.StatusNotImplemented, "NotImplemented", "not implemented")
			}
			return true
		}, new(bool), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := kin(t, c.change)
			s.credentials.ConditionalPut = c.conditional
			for _, rule := range everyRule {
				for i, content := range [][]byte{[]byte("small"), large} {
					directory := fmt.Sprintf("%s-%d", rule, i)
					_, err := s.put(t, s.step(t, directory, rule), content)
					files := tree(t, s.dir)
					if c.fails != nil && rule != sftpexport.CollisionReplace {
						if !errors.Is(err, c.fails) || !strings.Contains(err.Error(), "conditional_put") || files[directory+"/erp.csv"] != "" {
							t.Errorf("%s: %v", directory, err)
						}
						continue
					}
					if err != nil || files[directory+"/erp.csv"] != string(content) {
						t.Errorf("%s: %d bytes, %v", directory, len(files[directory+"/erp.csv"]), err)
					}
					_, err = s.put(t, s.step(t, directory, rule), content[1:])
					files = tree(t, s.dir)
					switch {
					case rule == sftpexport.CollisionRefuse && (!errors.Is(err, sftpexport.ErrExists) || files[directory+"/erp.csv"] != string(content)):
						t.Errorf("%s, again: %v", directory, err)
					case rule == sftpexport.CollisionNumber && (err != nil || files[directory+"/erp-1.csv"] != string(content[1:])):
						t.Errorf("%s, again: %v", directory, err)
					case rule == sftpexport.CollisionReplace && (err != nil || files[directory+"/erp.csv"] != string(content[1:])):
						t.Errorf("%s, again: %v", directory, err)
					}
				}
			}
		})
	}
}

func TestAStoreThatIgnoresConditionsIsFoundOut(t *testing.T) {
	t.Parallel()
	objects := map[string][]byte{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPut:
			objects[r.URL.Path], _ = io.ReadAll(r.Body)
			w.Header().Set("ETag", `"e"`)
		case http.MethodDelete:
			delete(objects, r.URL.Path)
			w.WriteHeader(http.StatusNoContent)
		case http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	s := site{
		credentials: sftpexport.Credentials{Type: "s3", Bucket: "exports", Endpoint: server.URL},
		secrets:     map[string]string{"access_key_id": "a", "secret_access_key": "b-secret-key-3"},
	}
	_, err := s.put(t, s.step(t, "in", sftpexport.CollisionRefuse), []byte("x"))
	if !errors.Is(err, s3.ErrNoCondition) || len(objects) > 0 {
		t.Errorf("there are %d objects: %v", len(objects), err)
	}
}

// Amazon's client refuses hosts with colons in them.
func TestAStoreMayHaveAnIPv6Address(t *testing.T) {
	t.Parallel()
	hosts := make(chan string, 100)
	s := kinAt(t, "[::1]:0", func(_ http.ResponseWriter, r *http.Request) bool {
		hosts <- r.Host
		return true
	})
	for _, size := range []int{1, 17 << 20} {
		content := bytes.Repeat([]byte("6"), size)
		directory := fmt.Sprint("v6-", size)
		if _, err := s.put(t, s.step(t, directory, sftpexport.CollisionRefuse), content); err != nil {
			t.Fatal(err)
		}
		if files := tree(t, s.dir); files[directory+"/erp.csv"] != string(content) {
			t.Errorf("%d bytes did not arrive", size)
		}
	}
	if host := <-hosts; "http://"+host != s.credentials.Endpoint {
		t.Errorf("the host is %q, not that of %s", host, s.credentials.Endpoint)
	}
}

func TestLiteralKeysAreKept(t *testing.T) {
	t.Parallel()
	s := kin(t, func(http.ResponseWriter, *http.Request) bool { return true })
	if _, err := s.put(t, s.step(t, "Acme Inc./a b", sftpexport.CollisionRefuse), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if files := tree(t, s.dir); files["Acme Inc./a b/erp.csv"] != "x" {
		t.Errorf("there is %v", files)
	}
}
