package sftpexport_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newServer(t testing.TB) *sftptest.Server {
	t.Helper()
	s, err := sftptest.NewServer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// call is an annotation with what names are made of, and the server's secrets.
func call(s *sftptest.Server, parts ...rossumtest.Part) *rossumtest.Call {
	c := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-0042"), rossumtest.Field("sftp_folder", "acme"), rossumtest.Field("empty", ""),
		rossumtest.Offline())
	for name, secret := range s.Secrets() {
		c.With(rossumtest.Secret(name, secret))
	}
	return c.With(parts...)
}

// file puts an artefact into an export.
func file(key, text string) pipeline.Step {
	return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: key, Data: []byte(text)})
	})
}

// tree is what is in a directory, hidden files included, by path.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if got := tree(t, dir); !maps.Equal(got, want) {
		t.Errorf("the directory has %q, want %q", got, want)
	}
}

// decode makes a step of settings, with credentials for the server.
func decode(t testing.TB, s *sftptest.Server, settings string) *sftpexport.Step {
	t.Helper()
	step := &sftpexport.Step{}
	if err := json.Unmarshal([]byte(settings), step); err != nil {
		t.Fatal(err)
	}
	step.Credentials = s.Credentials()
	return step
}

func chain(t testing.TB, steps ...pipeline.Step) *pipeline.Chain {
	t.Helper()
	c, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A connection that one export has made serves none whose program does not allow the host.
func TestAConnectionServesOnlyExportsThatMayMakeIt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := chain(
		t,
		decode(
			t,
			s,
			`{"export_rules": [{"path_to_directory": "/", "export_object_configurations": [{"type": "document", "filename_template": "{annotation.id}"}]}]}`,
		),
	)
	for _, tt := range []struct {
		options []pipeline.Option
		works   bool
	}{
		{nil, true}, {[]pipeline.Option{pipeline.WithOnlyHosts("other.example")}, false},
		{[]pipeline.Option{pipeline.WithPublicAddressesOnly()}, false},
	} {
		_, err := c.Export(t.Context(), call(s).Payload(), append(tt.options, pipeline.WithOriginal(pipeline.Bytes("%PDF")))...)
		if (err == nil) != tt.works {
			t.Errorf("with %d options: %v", len(tt.options), err)
		}
	}
}

func TestDocumentedSettingsRun(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	step := decode(t, s, `{
		"export_rules": [{
			"path_to_directory": "/{sftp_folder}",
			"export_object_configurations": [
				{"type": "document", "filename_template": "invoice_file-{annotation.id}"},
				{"type": "custom_format", "filename_template": "invoice_data-{annotation.id}.csv", "export_reference_key": "csv"}
			]
		}]
	}`)
	c := chain(t, file("csv", "a;b"), step)
	if _, err := c.Export(t.Context(), call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF"))); err != nil {
		t.Fatal(err)
	}
	wantTree(t, s.Dir, map[string]string{"acme/invoice_file-314528.pdf": "%PDF", "acme/invoice_data-314528.csv": "a;b"})
}

func TestOlderSettingsRun(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	step := decode(t, s, `{
		"path": "/export/{number}",
		"exports": [{"type": "custom_format", "filename_template": "{number}.csv", "export_id": "csv"}],
		"template_variables": [{"name": "number", "type": "datapoint", "schema_id": "document_id"}]
	}`)
	if _, err := chain(t, file("csv", "a;b"), step).Export(t.Context(), call(s).Payload()); err != nil {
		t.Fatal(err)
	}
	wantTree(t, s.Dir, map[string]string{"export/2026-0042/2026-0042.csv": "a;b"})
}

func TestStepKeepsItsPromises(t *testing.T) {
	s := newServer(t)
	step := decode(t, s, `{"export_rules": [{
		"path_to_directory": "/out", "filename_collision": {"replace": true}, "done_file": "{filename}.done",
		"export_object_configurations": [{"type": "document", "filename_template": "{annotation.id}"}]
	}]}`)
	original := pipeline.WithOriginal(pipeline.Bytes("%PDF"))
	pipelinetest.TestStep(
		t,
		step,
		pipelinetest.Case{Name: "puts", Call: call(s), Options: []pipeline.Option{original}},
		pipelinetest.Case{
			Name:    "wrong password",
			Call:    call(s, rossumtest.Secret("password", "wrong-password")),
			Options: []pipeline.Option{original},
			Fails:   true,
		},
	)
	for name := range tree(t, s.Dir) {
		if strings.Contains(name, sftpexport.HiddenPrefix) {
			t.Errorf("%s was left", name)
		}
	}
}
