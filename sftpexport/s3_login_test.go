package sftpexport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3test"
)

// withoutKeys puts a file with no keys among the secrets.
func withoutKeys(t *testing.T, s *s3test.Server, allowed bool) error {
	t.Helper()
	step := s3Step(t, s, nil)
	step.Backends = map[string]sftpexport.Backend{"s3": s3.New(s3.Options{AWSChain: allowed})}
	c := rossumtest.Annotation(rossumtest.Field("document_id", "2026-0042"), rossumtest.Offline(), rossumtest.Secret("type", "s3"))
	_, err := chain(t, step).Export(t.Context(), c.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")))
	return err
}

// noAWS takes away what the machine of the test may have.
func noAWS(t *testing.T) (shared string) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	// The SDK asks where home is when the process starts, so home itself cannot be moved.
	shared = filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", shared)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "config"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return shared
}

func TestTheAWSChainIsAskedWhereTheProgramAllowsIt(t *testing.T) {
	sources := map[string]func(t *testing.T, shared string){
		"environment": func(t *testing.T, _ string) {
			t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
			t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
		},
		"shared file": func(t *testing.T, shared string) {
			text := fmt.Sprintf("[exporter]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s3test.AccessKey, s3test.SecretKey)
			if err := os.WriteFile(shared, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_PROFILE", "exporter")
		},
	}
	for name, provide := range sources {
		for _, allowed := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " allowed ", allowed), func(t *testing.T) {
				provide(t, noAWS(t))
				s := newS3(t)
				err := withoutKeys(t, s, allowed)
				switch {
				case allowed && (err != nil || s.Objects()[s3Key] == nil):
					t.Errorf("error %v, objects %v", err, s.Objects())
				case !allowed && (err == nil || !strings.Contains(err.Error(), "s3.Options.AWSChain") || len(s.Calls()) > 0):
					t.Errorf("error %v, calls %v", err, s.Calls())
				}
			})
		}
	}
}

func TestKeysOfTheSecretsCountBeforeTheAWSChain(t *testing.T) {
	noAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "another-access-key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another-secret-key")
	s := newS3(t)
	step := s3Step(t, s, nil)
	step.Backends = map[string]sftpexport.Backend{"s3": s3.New(s3.Options{AWSChain: true})}
	if _, err := chain(t, step).Export(t.Context(), s3Call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF"))); err != nil {
		t.Error(err)
	}
}

func TestAnEmptyAWSChainIsAnErrorOfTheCredentials(t *testing.T) {
	noAWS(t)
	if err := withoutKeys(t, newS3(t), true); !errors.Is(err, sftpexport.ErrAuth) || errors.Is(err, sftpexport.ErrConnection) {
		t.Errorf("the error is %v", err)
	}
}

// linkLocal is a connection that says that it leads to the metadata of a cloud.
type linkLocal struct{ net.Conn }

func (linkLocal) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(169, 254, 169, 254), Port: 80}
}

// The credential chain may ask where nothing else may go: an instance's role is what it is for.
func TestTheAWSChainMayAskTheMetadataOfAnInstance(t *testing.T) {
	noAWS(t)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	store := newS3(t)
	var asked []string
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch r.URL.Path {
		case "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
			_, _ = io.WriteString(w, "token")
		case "/latest/meta-data/iam/security-credentials/":
			_, _ = io.WriteString(w, "exporter")
		case "/latest/meta-data/iam/security-credentials/exporter":
			fmt.Fprintf(
				w,
				`{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": %q, "SecretAccessKey": %q, "Token": "", "Expiration": %q}`,
				s3test.AccessKey,
				s3test.SecretKey,
				time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
			)
		default:
			http.NotFound(w, r)
		}
	}))
	defer metadata.Close()
	// The program's own transport, since nothing in a test listens at 169.254.169.254.
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != "169.254.169.254:80" {
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			c, err := new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(metadata.URL, "http://"))
			return linkLocal{c}, err
		},
	}
	step := s3Step(t, store, nil)
	step.Backends = map[string]sftpexport.Backend{"s3": s3.New(s3.Options{AWSChain: true})}
	c := rossumtest.Annotation(rossumtest.Field("document_id", "2026-0042"), rossumtest.Offline(), rossumtest.Secret("type", "s3"))
	_, err := chain(
		t,
		step,
	).Export(t.Context(), c.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")), pipeline.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil || store.Objects()[s3Key] == nil {
		t.Errorf("error %v, objects %v, asked for %q", err, store.Objects(), asked)
	}
	// Nothing else may: the same transport, with the metadata as the store.
	asked = nil
	step = s3Step(t, store, nil)
	step.Credentials.Endpoint = "http://169.254.169.254"
	if _, err := chain(t, step).Export(t.Context(), s3Call(store).Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")), pipeline.WithHTTPClient(&http.Client{Transport: transport})); err == nil ||
		asked != nil {
		t.Errorf("error %v, asked for %q", err, asked)
	}
}

func TestABucketInAnotherRegionIsNamed(t *testing.T) {
	t.Parallel()
	elsewhere := http.Header{"x-amz-bucket-region": {"eu-west-3"}}
	for _, c := range []struct {
		op     string
		status int
		code   string
	}{
		{"HeadObject", 301, ""}, {"HeadObject", 400, ""},
		{"PutObject", 301, "PermanentRedirect"}, {"PutObject", 307, "TemporaryRedirect"}, {"PutObject", 400, "AuthorizationHeaderMalformed"},
		{"CreateMultipartUpload", 301, "PermanentRedirect"},
	} {
		t.Run(fmt.Sprint(c.op, c.status), func(t *testing.T) {
			t.Parallel()
			s := newS3(t)
			elsewhere := elsewhere.Clone()
			elsewhere.Set("Location", s.URL+"/elsewhere")
			s.Fail(s3test.Fault{Op: c.op, Status: c.status, Code: c.code, Header: elsewhere, Times: -1})
			data := []byte("%PDF")
			if c.op == "CreateMultipartUpload" {
				data = make([]byte, 17<<20)
			}
			_, err := chain(t, s3Step(t, s, nil)).Export(t.Context(), s3Call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes(data)))
			if err == nil || !strings.Contains(err.Error(), `credentials.region must be "eu-west-3"`) {
				t.Errorf("the error is %v", err)
			}
			for _, call := range s.Calls() {
				if strings.Contains(call, "elsewhere") {
					t.Errorf("it followed: %v", s.Calls())
				}
			}
		})
	}
	t.Run("another bad request", func(t *testing.T) {
		t.Parallel()
		s := newS3(t)
		s.Fail(s3test.Fault{Op: "PutObject", Status: 400, Code: "InvalidArgument", Header: elsewhere})
		_, err := chain(t, s3Step(t, s, nil)).Export(t.Context(), s3Call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")))
		if err == nil || strings.Contains(err.Error(), "eu-west-3") {
			t.Errorf("the error is %v", err)
		}
	})
}

// roundTrip is an [http.RoundTripper].
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestARegionThatCouldNotBeAskedForIsAskedForAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked int
	var signed string
	amazon := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}
		switch {
		case r.Method == http.MethodHead && strings.Trim(r.URL.Path, "/") == "":
			if asked++; asked == 1 {
				cancel()
				return nil, errors.New("the network is down")
			}
			answer.StatusCode = http.StatusForbidden
			answer.Header.Set("X-Amz-Bucket-Region", "eu-west-3")
		case r.Method == http.MethodHead:
			answer.StatusCode = http.StatusNotFound
		default:
			signed = r.Header.Get("Authorization")
		}
		return answer, nil
	})}
	step := &sftpexport.Step{
		Credentials: sftpexport.Credentials{Type: "s3", Bucket: "exports"}, Backends: withS3,
		Path: "out", Exports: []sftpexport.Object{{Type: "document", Name: "x"}},
	}
	t.Cleanup(func() { _ = step.Close() })
	c := rossumtest.Annotation(
		rossumtest.Offline(),
		rossumtest.Secret("access_key_id", "AKIDTEST"),
		rossumtest.Secret("secret_access_key", "region-test-secret"),
	)
	export := func(ctx context.Context) error {
		_, err := chain(t, step).Export(ctx, c.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")), pipeline.WithHTTPClient(amazon))
		return err
	}
	if err := export(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the first error is %v", err)
	}
	if err := export(t.Context()); err != nil {
		t.Error(err)
	}
	if asked != 2 || !strings.Contains(signed, "/eu-west-3/s3/") {
		t.Errorf("asked %d times, and signed %q", asked, signed)
	}
}
