package sftpexport_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3test"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// exportedBy exports the artefact "csv" by settings. The error is also that of settings which
// are refused.
func exportedBy(t *testing.T, settings string, call *rossumtest.Call, options ...pipeline.Option) error {
	t.Helper()
	step := &sftpexport.Step{Backends: withS3}
	if err := json.Unmarshal([]byte(settings), step); err != nil {
		return err
	}
	c, err := pipeline.New(file("csv", "new"), step)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = c.Close() })
	_, err = c.Export(t.Context(), call.Payload(), options...)
	return err
}

// changed replaces a part of settings, which must be there.
func changed(t *testing.T, settings, from, to string) string {
	t.Helper()
	if !strings.Contains(settings, from) {
		t.Fatalf("%s is not in the settings", from)
	}
	return strings.Replace(settings, from, to, 1)
}

const toServer = `{"credentials": {"type": "sftp", "host": "127.0.0.1", "port": PORT, "username": "rossum", "host_key": "KEY"},
	"export_rules": [{"path_to_directory": "/out", "export_object_configurations": [
		{"type": "custom_format", "export_reference_key": "csv", "filename_template": "a.csv"}]}]}`

func filledIn(settings string, s *sftptest.Server) string {
	_, port, _ := net.SplitHostPort(s.Addr())
	return strings.NewReplacer("PORT", port, "KEY", s.HostKey()).Replace(settings)
}

// Each row changes one key of settings that work, and shows what becomes of the export.
func TestEverySettingForAServerHasItsEffect(t *testing.T) {
	t.Parallel()
	arrived, numbered := map[string]string{"out/a.csv": "new"}, map[string]string{"out/a.csv": "old", "out/a-1.csv": "new"}
	old := map[string]string{"out/a.csv": "old"}
	const otherKey = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, c := range []struct {
		key, from, to string
		there         bool // a file of the name
		err           string
		want          map[string]string
	}{
		{"nothing", ``, ``, false, "", arrived},
		{"type", `"sftp"`, `"ftp"`, false, `credentials.type: "ftp" is unknown`, nil},
		{"host", `127.0.0.1`, `127.0.0.2`, false, "no connection to the server", nil},
		{"port", `PORT`, `1`, false, "no connection to the server", nil},
		{"username", `"rossum"`, `"somebody"`, false, "the server refuses the credentials", nil},
		{"host_key", `KEY`, otherKey, false, "the server's host key is not the expected one", nil},
		{"host_key, missing", `, "host_key": "KEY"`, ``, false, "credentials.host_key: is missing", nil},
		{"known_hosts", `"host_key": "KEY"`, `"known_hosts": "[127.0.0.1]:PORT KEY"`, false, "", arrived},
		{"known_hosts of another", `"host_key": "KEY"`, `"known_hosts": "[127.0.0.1]:1 KEY"`, false, "the server's host key is not", nil},
		{"insecure_ignore_host_key", `"host_key": "KEY"`, `"insecure_ignore_host_key": true`, false, "", arrived},
		{"filename_collision, missing", ``, ``, true, "a file with this name already exists", old},
		{"filename_collision", `{"cred`, `{"filename_collision": {"replace": true}, "cred`, true, "", arrived},
		{"number", `{"cred`, `{"filename_collision": {"number": true}, "cred`, true, "", numbered},
		{"of a rule", `{"path_to`, `{"filename_collision": {"replace": true}, "path_to`, true, "", arrived},
		{"of an object", `{"type": "custom`, `{"filename_collision": {"replace": true}, "type": "custom`, true, "", arrived},
		{"template_variables", `"a.csv"}]}]`, `"{n}.csv"}]}], "template_variables": [{"name": "n", "schema_id": "document_id"}]`,
			false, "", map[string]string{"out/2026-0042.csv": "new"}},
	} {
		t.Run(c.key, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			if c.there {
				if err := os.MkdirAll(filepath.Join(s.Dir, "out"), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(s.Dir, "out", "a.csv"), []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := exportedBy(t, filledIn(changed(t, toServer, c.from, c.to), s), call(s))
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
			wantTree(t, s.Dir, c.want)
		})
	}
}

func TestCommitSaysUnderWhichNameAFileIsWritten(t *testing.T) {
	t.Parallel()
	for to, hidden := range map[string]bool{``: true, `"commit": "rename", `: true, `"commit": "in_place", `: false} {
		s := newServer(t)
		if err := exportedBy(t, filledIn(changed(t, toServer, `{"cred`, `{`+to+`"cred`), s), call(s)); err != nil {
			t.Fatal(err)
		}
		named := slices.ContainsFunc(s.Ops(), func(op string) bool { return strings.HasPrefix(op, "open ") && strings.Contains(op, "out/a.csv") })
		if named == hidden {
			t.Errorf("%s: the operations are %q", to, s.Ops())
		}
		wantTree(t, s.Dir, map[string]string{"out/a.csv": "new"})
	}
}

func TestExportsAtOnceHaveNoMoreConnectionsThanTheSettingsSay(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	step := &sftpexport.Step{}
	text := strings.Replace(changed(t, toServer, `{"cred`, `{"max_connections": 1, "cred`), "a.csv", "{n}.csv", 1)
	if err := json.Unmarshal([]byte(filledIn(text, s)), step); err != nil {
		t.Fatal(err)
	}
	c := chain(t, file("csv", "new"), step)
	var exports sync.WaitGroup
	for i := range 8 {
		exports.Go(func() {
			if _, err := c.Export(context.Background(), call(s, rossumtest.Field("n", strconv.Itoa(i))).Payload()); err != nil {
				t.Error(err)
			}
		})
	}
	exports.Wait()
	if n := s.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// An old server has no algorithm of today's; what comes after the handshake does not matter.
func TestTheSettingsAllowAnOldAlgorithm(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); served.Wait() })
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			config := &ssh.ServerConfig{Config: ssh.Config{KeyExchanges: []string{ssh.InsecureKeyExchangeDH1SHA1}}}
			config.AddHostKey(signer)
			config.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, errors.New("nobody may log in") }
			_, _, _, _ = ssh.NewServerConn(conn, config)
			_ = conn.Close()
		}
	})
	s := newServer(t) // for its secrets
	hostKey := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	settings := strings.NewReplacer("PORT", strconv.Itoa(l.Addr().(*net.TCPAddr).Port), "KEY", hostKey).Replace(toServer)
	if err := exportedBy(t, settings, call(s)); !errors.Is(err, sftpexport.ErrAlgorithms) {
		t.Errorf("without algorithms: %v", err)
	}
	settings = changed(t, settings, `"type": "sftp"`, `"type": "sftp", "algorithms": ["diffie-hellman-group1-sha1"]`)
	if err := exportedBy(t, settings, call(s)); !errors.Is(err, sftpexport.ErrAuth) {
		t.Errorf("with the algorithm: %v", err)
	}
}

// routed sends all calls to one server, whatever host they name, and notes the hosts.
type routed struct {
	*http.Transport
	mu    sync.Mutex
	hosts []string
}

func newRouted(t *testing.T, address string) *routed {
	t.Helper()
	r := &routed{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}}
	t.Cleanup(r.CloseIdleConnections)
	return r
}

func (r *routed) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.hosts = append(r.hosts, request.URL.Host)
	r.mu.Unlock()
	return r.Transport.RoundTrip(request)
}

// Each row changes one key of settings that work, and shows what the store is sent.
func TestEverySettingForABucketHasItsEffect(t *testing.T) {
	t.Parallel()
	const settings = `{"credentials": {"type": "s3", "bucket_name": "BUCKET", "endpoint": "http://store.example:9000", "region": "eu-west-1", "path_style": true,
		"metadata": {"source": "rossum"}, "server_side_encryption": "AES256", "conditional_put": true},
		"export_rules": [{"path_to_directory": "out", "export_object_configurations": [
			{"type": "custom_format", "export_reference_key": "csv", "filename_template": "a.csv"}]}]}`
	for _, c := range []struct {
		key, from, to, host, err string
		header                   [4]string // region, metadata, encryption and condition
	}{
		{"nothing", ``, ``, "store.example:9000", "", [4]string{"/eu-west-1/s3/", "rossum", "AES256", "*"}},
		{"bucket_name", `BUCKET`, `other`, "store.example:9000", "there is no bucket with the name in credentials.bucket_name", [4]string{}},
		{"endpoint", `store.example`, `elsewhere.example`, "elsewhere.example:9000", "", [4]string{"/eu-west-1/s3/", "rossum", "AES256", "*"}},
		{"region", `"region": "eu-west-1", `, ``, "store.example:9000", "", [4]string{"/us-east-1/s3/", "rossum", "AES256", "*"}},
		{"path_style", `, "path_style": true`, ``, "BUCKET.store.example:9000", "NoSuchBucket", [4]string{}},
		{"metadata", `"metadata": {"source": "rossum"}, `, ``, "store.example:9000", "", [4]string{"/eu-west-1/s3/", "", "AES256", "*"}},
		{"server_side_encryption", `"server_side_encryption": "AES256", `, ``, "store.example:9000", "", [4]string{"/eu-west-1/s3/", "rossum", "", "*"}},
		{"conditional_put", `"conditional_put": true`, `"conditional_put": false`, "store.example:9000", "", [4]string{"/eu-west-1/s3/", "rossum", "AES256", ""}},
	} {
		t.Run(c.key, func(t *testing.T) {
			t.Parallel()
			s := newS3(t)
			client := newRouted(t, strings.TrimPrefix(s.URL, "http://"))
			text := strings.ReplaceAll(changed(t, settings, c.from, c.to), "BUCKET", s3test.Bucket)
			err := exportedBy(t, text, s3Call(s), pipeline.WithHTTPClient(&http.Client{Transport: client}))
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
			host := strings.ReplaceAll(c.host, "BUCKET", s3test.Bucket)
			if slices.ContainsFunc(client.hosts, func(h string) bool { return h != host }) || len(client.hosts) == 0 {
				t.Errorf("the hosts are %q, want %s", client.hosts, host)
			}
			o := s.Objects()["out/a.csv"]
			if o == nil {
				if c.err == "" {
					t.Error("there is no object")
				}
				return
			}
			got := [4]string{"", o.Metadata["source"], o.Header.Get("X-Amz-Server-Side-Encryption"), o.Header.Get("If-None-Match")}
			if strings.Contains(o.Header.Get("Authorization"), c.header[0]) {
				got[0] = c.header[0]
			}
			if got != c.header {
				t.Errorf("got %q, want %q", got, c.header)
			}
		})
	}
}
