package messages

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3test"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

const oneDocument = `"path": "/out", "exports": [{"type": "document", "filename_template": "x.pdf"}]`

// wrongFiles are settings that can't work.
var wrongFiles = []struct{ when, settings string }{
	{"no settings", `{}`},
	{"an unknown type", `{"credentials": {"type": "ftp"}}`},
	{"no host key", `{"credentials": {"type": "sftp", "host": "sftp.example.com", "username": "u", "port": 2222}, ` + oneDocument + `}`},
	{
		"wrong credentials",
		`{"credentials": {"type": "sftp", "host": "sftp.example.com:22", "host_key": "what", "bucket_name": "b"}, ` + oneDocument + `}`,
	},
	{
		"a fingerprint that is cut short",
		`{"credentials": {"type": "sftp", "host": "h", "username": "u", "host_key": "SHA256:short"}, ` + oneDocument + `}`,
	},
	{
		"a wrong line of known hosts",
		`{"credentials": {"type": "sftp", "host": "h", "username": "u", "known_hosts": "nonsense"}, ` + oneDocument + `}`,
	},
	{"unknown keys", `{"credentials": {"hots": "x", "port": "x"}, "export_rules": [{"path_to_dir": "x"}]}`},
	{
		"wrong rules",
		`{"export_rules": [{"path_to_directory": "/{seq}/..", "filename_collision": {"replace": true, "number": ` +
			`true}, "condition": "@{", "done_file": "a/b"}]}`,
	},
	{"wrong objects", `{"path": "/a", "exports": [{"type": "document", "format": "csv", "export_reference_key": "x"},
		{"type": "annotation_content", "filename_template": "x/"}, {"type": "custom_format", "filename_template": "{nope.x}"}, {}]}`},
	{
		"wrong variables",
		`{` + oneDocument + `, "template_variables": [{"name": "seq", "schema_id": "a"}, {"name": "a"}, {"schema_id": "a"}, {"name": ` +
			`"b", "type": "x", "schema_id": "b"}]}`,
	},
	{"a bucket that this program has no backend for", `{"credentials": {"type": "s3", "bucket_name": "b"}, ` + oneDocument + `}`},
	{"a name of an empty field", `{"path": "/out", "exports": [{"type": "document", "filename_template": "{empty}.pdf"}]}`},
	{
		"a name of a field that the annotation lacks",
		`{"path": "/out", "exports": [{"type": "document", "filename_template": "{document_idd}.pdf"}]}`,
	},
	{
		"two files of one name",
		`{"path": "/out", "exports": [{"type": "document", "filename_template": "{annotation.id}"}, {"type": ` +
			`"document", "filename_template": "314528"}]}`,
	},
	{"a directory that may not be made", `{"create_directories": false, ` + oneDocument + `}`},
	{
		"a file that nothing made",
		`{"path": "/out", "exports": [{"type": "custom_format", "export_reference_key": "csv", "filename_template": "x.csv"}]}`,
	},
	{
		"native exports without Rossum",
		`{"annotation_content_source": "rossum", "path": "/out", "exports": [{"type": "annotation_content", ` +
			`"format": "csv", "filename_template": "x.csv"}]}`,
	},
}

// faultsOfServers are those of an SFTP server, with the secrets that are given.
var faultsOfServers = []struct {
	when    string
	secrets rossum.Secrets // nil for the right ones
	fail    []sftptest.Fault
	spoil   func(*sftptest.Server) error
}{
	{when: "no secrets", secrets: rossum.Secrets{}},
	{when: "secrets of S3", secrets: rossum.Secrets{"type": "s3", "password": sftptest.Password}},
	{when: "a wrong password", secrets: rossum.Secrets{"password": "wrong-password-1"}},
	{when: "a public key for a private one", secrets: rossum.Secrets{"ssh_key": "ssh-ed25519 AAAA user@host"}},
	{when: "a key in PuTTY's form", secrets: rossum.Secrets{"ssh_key": "PuTTY-User-Key-File-3: ssh-ed25519"}},
	{when: "a text for a key", secrets: rossum.Secrets{"ssh_key": "some secret text"}},
	{when: "another host key", spoil: (*sftptest.Server).NewHostKey},
	{when: "nobody listens", spoil: func(s *sftptest.Server) error { s.Stop(); return nil }},
	{when: "no permission", fail: []sftptest.Fault{{Op: "open", Err: os.ErrPermission, Times: -1}}},
	{when: "a disk that is full", spoil: func(s *sftptest.Server) error { s.SetFree(0); return nil }},
	{when: "a server that fails", fail: []sftptest.Fault{{Op: "write", Err: errors.New("quota exceeded"), Times: -1}}},
	{when: "a name that is taken", spoil: func(s *sftptest.Server) error {
		return errors.Join(os.MkdirAll(s.Dir+"/out", 0o700), os.WriteFile(s.Dir+"/out/x.pdf", []byte("another"), 0o600))
	}},
	{when: "a file where a directory should be", spoil: func(s *sftptest.Server) error { return os.WriteFile(s.Dir+"/out", nil, 0o600) }},
}

func ofSFTP(t *testing.T) []shown {
	t.Helper()
	var all []shown
	for _, w := range wrongFiles {
		s := sftpServer(t)
		all = append(all, shown{w.when, ofFiles(t, s.Credentials(), w.settings, s.Secrets())})
	}
	for _, f := range faultsOfServers {
		s := sftpServer(t)
		secrets := f.secrets
		if secrets == nil {
			secrets = s.Secrets()
		}
		credentials := s.Credentials() // before the server gets another key
		s.Fail(f.fail...)
		if f.spoil != nil {
			if err := f.spoil(s); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, shown{f.when, ofFiles(t, credentials, `{`+oneDocument+`}`, secrets)})
	}
	return all
}

// s3Backend is the one for buckets.
var s3Backend = map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}

func sftpServer(t *testing.T) *sftptest.Server {
	t.Helper()
	s, err := sftptest.NewServer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ofFiles puts a server's credentials into settings that have none.
func ofFiles(t *testing.T, c sftpexport.Credentials, settings string, secrets rossum.Secrets) string {
	t.Helper()
	step := new(sftpexport.Step)
	if err := json.Unmarshal([]byte(settings), step); err != nil {
		return "settings: " + err.Error()
	}
	if !strings.Contains(settings, "credentials") && settings != `{}` {
		step.Credentials = c
	}
	return ofRun(t, withSecrets(secrets), step)
}

func withSecrets(secrets rossum.Secrets) *rossumtest.Call {
	call := annotation()
	for name, secret := range secrets {
		call.With(rossumtest.Secret(name, secret))
	}
	return call
}

// ofS3 is what a bucket gets wrong.
func ofS3(t *testing.T) []shown {
	t.Helper()
	var all []shown
	for _, c := range []struct {
		when     string
		settings func(*sftpexport.Credentials)
		secrets  rossum.Secrets
		faults   []s3test.Fault
	}{
		{when: "wrong credentials", settings: func(c *sftpexport.Credentials) {
			c.Bucket, c.Endpoint, c.Host, c.ServerSideEncryption = "", "example.com", "h", "DES"
			c.Metadata = map[string]string{"a b": "c", "d": "é"}
		}},
		{when: "no keys", secrets: rossum.Secrets{}},
		{when: "wrong keys", faults: []s3test.Fault{{Status: 403, Code: "InvalidAccessKeyId", Times: -1}}},
		{when: "a wrong secret key", faults: []s3test.Fault{{Status: 403, Code: "SignatureDoesNotMatch", Times: -1}}},
		{when: "no permission", faults: []s3test.Fault{{Op: "PutObject", Status: 403, Code: "AccessDenied", Times: -1}}},
		{when: "no such bucket", faults: []s3test.Fault{{Status: 404, Code: "NoSuchBucket", Times: -1}}},
		{when: "a bucket in another region", faults: []s3test.Fault{{Status: 301, Code: "PermanentRedirect", Times: -1, Header: map[string][]string{"X-Amz-Bucket-Region": {"eu-west-3"}}}}},
		{when: "no space", faults: []s3test.Fault{{Op: "PutObject", Status: 507, Code: "InsufficientStorage", Times: -1}}},
		{when: "other bytes than were sent", faults: []s3test.Fault{{Op: "PutObject", Corrupt: true, Times: -1}}},
	} {
		s := s3test.NewServer()
		t.Cleanup(s.Close)
		s.Fail(c.faults...)
		step := &sftpexport.Step{Credentials: s.Credentials(), Backends: s3Backend,
			Path: "out", Exports: []sftpexport.Object{{Type: "document", Name: "x.pdf"}}}
		if c.settings != nil {
			c.settings(&step.Credentials)
		}
		secrets := c.secrets
		if secrets == nil {
			secrets = s.Secrets()
		}
		all = append(all, shown{c.when, ofRun(t, withSecrets(secrets), step)})
	}
	return all
}
