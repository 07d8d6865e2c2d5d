package pipeline_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func TestOldSystemsAreReachedByPlainSettings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		server *tls.Config
		tls    pipeline.TLS
	}{
		{"RSA key exchange", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, pipeline.TLS{RSAKeyExchange: true}},
		{"TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, pipeline.TLS{Old: true}},
		{"a certificate of the client", &tls.Config{ClientAuth: tls.RequireAnyClientCert}, pipeline.TLS{Certificates: []tls.Certificate{}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "{}") }))
			s.TLS = tt.server
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.StartTLS()
			t.Cleanup(s.Close)
			authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
			if tt.tls.Certificates != nil {
				tt.tls.Certificates = s.TLS.Certificates
			}
			tt.tls.Authorities = authority
			for reached, settings := range map[bool]pipeline.TLS{false: {Authorities: authority}, true: tt.tls} {
				option, err := pipeline.WithTLS(settings)
				if err != nil {
					t.Fatal(err)
				}
				step := &steps.RESTExport{Request: steps.Request{URL: s.URL, Method: "GET"}}
				r := pipelinetest.Run(t, step, rossumtest.Annotation(), option)
				if (r.Err == nil) != reached {
					t.Errorf("reached %v, want %v: %v", r.Err == nil, reached, r.Err)
				}
			}
		})
	}
}

func TestCertificatesThatCannotBeReadAreAnError(t *testing.T) {
	t.Parallel()
	if _, err := pipeline.WithTLS(pipeline.TLS{Authorities: []byte("no PEM")}); err == nil ||
		!strings.HasPrefix(err.Error(), "TLS.Authorities: ") {
		t.Errorf("got %v", err)
	}
}

// Go's own server can't ask for a new handshake; OpenSSL's can.
func TestAServerMayBeginTheHandshakeAgain(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("openssl is missing, and CI must try it")
		}
		t.Skip("openssl is not installed")
	}
	template := httptest.NewUnstartedServer(nil)
	template.StartTLS()
	t.Cleanup(template.Close)
	certificate := template.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	file := filepath.Join(t.TempDir(), "server.pem")
	if err := os.WriteFile(file, append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), authority...), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for allowed, want := range map[bool]string{true: "", false: "no renegotiation"} {
		server := exec.CommandContext(ctx, openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", file, "-key", file, "-tls1_2", "-naccept", "1")
		in, _ := server.StdinPipe()
		out, _ := server.StdoutPipe()
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		address := make(chan string, 1)
		go func() {
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				if at, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
					address <- at
				}
				if strings.HasPrefix(lines.Text(), "User-Agent: ") { // it prints the request
					_, _ = io.WriteString(in, "R\n")
				}
				if strings.Contains(lines.Text(), "SSL_do_handshake -> 1") {
					_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				}
			}
		}()
		option, err := pipeline.WithTLS(pipeline.TLS{Authorities: authority, Renegotiation: allowed})
		if err != nil {
			t.Fatal(err)
		}
		step := &steps.RESTExport{Request: steps.Request{URL: "https://" + <-address, Method: "GET"}}
		r := pipelinetest.Run(t, step, rossumtest.Annotation(), option)
		if got := fmt.Sprint(r.Err); (r.Err == nil) != allowed || want != "" && !strings.Contains(got, want) {
			t.Errorf("allowed %v: %s", allowed, got)
		}
		_ = server.Process.Kill()
		_ = server.Wait()
	}
}
