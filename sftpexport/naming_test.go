package sftpexport_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// exported runs a step of settings on a fresh server, and returns what is there and
// the report's text.
func exported(t *testing.T, settings string, parts ...rossumtest.Part) (files map[string]string, report string, err error) {
	t.Helper()
	s := newServer(t)
	keep := pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r.Text() })
	_, err = chain(t, file("csv", "a;b"), decode(t, s, settings)).
		Export(t.Context(), annotation(s, parts...).Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")), keep)
	return tree(t, s.Dir), report, err
}

// annotation is a call with fields of its own.
func annotation(s *sftptest.Server, parts ...rossumtest.Part) *rossumtest.Call {
	c := rossumtest.Annotation(append(parts, rossumtest.Offline())...)
	for name, secret := range s.Secrets() {
		c.With(rossumtest.Secret(name, secret))
	}
	return c
}

func TestAFieldNamesAFolderWithSlashes(t *testing.T) {
	t.Parallel()
	hook, err := os.ReadFile(filepath.Join("testdata", "dynamic-folder-hook.json"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := rossum.ParseHook(hook)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{"EU/invoices": "EU/invoices/f-314528.pdf", " .ssh": "_ssh/f-314528.pdf", "\u00a0.ssh/x": "_ssh/x/f-314528.pdf"} {
		files, report, err := exported(t, string(parsed.Settings), rossumtest.Field("sftp_folder", value))
		if !maps.Equal(files, map[string]string{want: "%PDF"}) || err != nil {
			t.Errorf("%q: there is %v: %v", value, files, err)
		}
		if replaced := strings.Contains(report, "is written"); replaced != strings.Contains(value, ".ssh") {
			t.Errorf("%q: the report is\n%s", value, report)
		}
	}
	for _, value := range []string{"../secret", "a/../../b", "/", ".", " .. "} {
		files, _, err := exported(t, string(parsed.Settings), rossumtest.Field("sftp_folder", value))
		var named *sftpexport.NameError
		if len(files) > 0 || !errors.As(err, &named) || named.Variable != "sftp_folder" {
			t.Errorf("%q: there is %v: %v", value, files, err)
		}
	}
}

func TestReplacedCharactersAreInTheReport(t *testing.T) {
	t.Parallel()
	_, report, err := exported(t, `{"path": "/out", "exports": [{"type": "document", "filename_template": "{document_id}"}]}`, rossumtest.Field("document_id", "A/1:2"))
	if err != nil || !strings.Contains(report, `exports[0].filename_template: {document_id}: "A/1:2" is written "A_1_2"`) {
		t.Errorf("%v\n%s", err, report)
	}
}

func TestSequencesCountWithinADirectory(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	step := decode(t, s, `{
		"path": "/upload", "sftp_version": "3",
		"exports": [
			{"type": "annotation_content", "format": "json", "filename_template": "{doc_id}-{year}-{seq_1}.json"},
			{"type": "document", "filename_template": "{doc_id}-{seq_1}-{wide}-{seq}"}
		],
		"template_variables": [
			{"name": "doc_id", "type": "datapoint", "schema_id": "document_id"},
			{"name": "wide", "type": "sequence", "start": 100, "increment": 10, "digits": 4}
		]
	}`)
	step.Source = "local"
	c := chain(t, step)
	for range 3 {
		x := call(s).Payload()
		if _, err := c.Export(t.Context(), x, pipeline.WithOriginal(pipeline.Bytes("%PDF"))); err != nil {
			t.Fatal(err)
		}
	}
	files := tree(t, s.Dir)
	for _, want := range []string{"upload/2026-0042-00000-0100-1.pdf", "upload/2026-0042-00001-0110-2.pdf", "upload/2026-0042-00002-0120-3.pdf"} {
		if files[want] == "" {
			t.Errorf("%s is missing: %v", want, files)
		}
	}
}

func TestObjectsWithOneNameAreFoundWhenTheStepIsBuilt(t *testing.T) {
	t.Parallel()
	credentials := `"credentials": {"type": "sftp", "host": "sftp.example.com", "port": "22", "username": "rossum-demo", "insecure_ignore_host_key": true}`
	for _, c := range []struct{ name, rules, fault string }{
		{
			"the published example", `"export_rules": [{"path_to_directory": "/export", "export_object_configurations": [
			{"type": "annotation_content", "format": "csv", "filename_template": "invoice_data-{annotation.id}.csv"},
			{"type": "document", "filename_template": "invoice_file-{annotation.id}"},
			{"type": "custom_format", "filename_template": "invoice_data-{annotation.id}.csv", "export_reference_key": "export_annotation_to_csv"}]}]`,
			"export_object_configurations[2].filename_template: gives the same name as export_rules[0].export_object_configurations[0].filename_template; tell them apart",
		},
		{"in two rules", `"export_rules": [{"path_to_directory": "/a", "export_object_configurations": [{"type": "document", "filename_template": "x"}]},
			{"path_to_directory": "/a", "export_object_configurations": [{"type": "document", "filename_template": "x"}]}]`, "gives the same name"},
		{"by two names for a field", `"template_variables": [{"name": "a", "schema_id": "f"}, {"name": "b", "schema_id": "f"}], "export_rules": [
			{"path_to_directory": "/a", "export_object_configurations": [
			{"type": "document", "filename_template": "{a}"}, {"type": "document", "filename_template": "{b}"}]}]`, "gives the same name"},
		{"numbered", `"filename_collision": {"number": true}, "export_rules": [{"path_to_directory": "/a", "filename_collision": {"number": true},
			"export_object_configurations": [{"type": "document", "filename_template": "x"}, {"type": "document", "filename_template": "x"}]}]`, ""},
		{"under conditions", `"export_rules": [{"path_to_directory": "/a", "condition": "@{f}", "export_object_configurations": [{"type": "document", "filename_template": "x"}]},
			{"path_to_directory": "/a", "condition": "@{g}", "export_object_configurations": [{"type": "document", "filename_template": "x"}]}]`, ""},
		{"in two directories", `"export_rules": [{"path_to_directory": "/a", "export_object_configurations": [{"type": "document", "filename_template": "x"}]},
			{"path_to_directory": "/b", "export_object_configurations": [{"type": "document", "filename_template": "x"}]}]`, ""},
		{"in two formats", `"export_rules": [{"path_to_directory": "/a", "export_object_configurations": [
			{"type": "annotation_content", "format": "csv", "filename_template": "x"}, {"type": "annotation_content", "format": "xml", "filename_template": "x"},
			{"type": "annotation_content", "format": "json", "filename_template": "x"}]}]`, ""},
		{"in one format", `"export_rules": [{"path_to_directory": "/a", "export_object_configurations": [
			{"type": "annotation_content", "format": "csv", "filename_template": "x"}, {"type": "annotation_content", "format": "xml", "filename_template": "x"},
			{"type": "annotation_content", "format": "xml", "filename_template": "x"}]}]`, "gives the same name"},
	} {
		step := &sftpexport.Step{}
		err := json.Unmarshal([]byte("{"+credentials+", "+c.rules+"}"), step)
		if err == nil {
			err = step.Validate()
		}
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTwoFormatsUnderOneNameGetTwoExtensions(t *testing.T) {
	t.Parallel()
	files, _, err := exported(t, `{"annotation_content_source": "local", "path": "/out", "exports": [
		{"type": "annotation_content", "format": "csv", "filename_template": "{annotation.id}"},
		{"type": "annotation_content", "format": "json", "filename_template": "{annotation.id}"}]}`)
	if err != nil || !slices.Equal(slices.Sorted(maps.Keys(files)), []string{"out/314528.csv", "out/314528.json"}) {
		t.Errorf("there is %v: %v", files, err)
	}
}

// TestVersionsOfTheProtocol: all are spoken as version 3, so what counts is which are taken.
func TestVersionsOfTheProtocol(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]sftpexport.SFTPVersion{
		`0`: 0, `"0"`: 0, `""`: 0, `null`: 0, `3`: 3, `"3"`: 3, `6`: 6, `"6"`: 6,
		`2`: -1, `"2"`: -1, `7`: -1, `-3`: -1, `3.0`: -1, `256`: -1, `"three"`: -1, `true`: -1, `[]`: -1,
	} {
		for _, place := range []string{"sftp_version", "credentials.sftp_version"} {
			step := new(sftpexport.Step)
			settings, got := fmt.Sprintf(`{"sftp_version": %s}`, text), &step.ProtocolVersion
			if place != "sftp_version" {
				settings, got = fmt.Sprintf(`{"credentials": %s}`, settings), &step.Credentials.ProtocolVersion
			}
			err := step.UnmarshalJSON([]byte(settings))
			switch {
			case want >= 0 && (err != nil || *got != want):
				t.Errorf("%s: %d, %v", settings, *got, err)
			case want < 0 && (err == nil || !strings.Contains(err.Error(), place+": ") || !strings.Contains(err.Error(), "expected 3 to 6")):
				t.Errorf("%s: the error is %v", settings, err)
			}
			*got = 7 // as in Go
			if err := step.Validate(); err == nil || !strings.Contains(err.Error(), place+": 7 is not a version") {
				t.Errorf("%s: the error is %v", place, err)
			}
		}
	}
}
