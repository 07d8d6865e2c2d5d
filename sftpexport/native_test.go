package sftpexport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/native"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// nativeRule exports the annotation in every given format.
func nativeRule(source string, formats ...native.Format) string {
	var objects []string
	for _, f := range formats {
		objects = append(objects, fmt.Sprintf(`{"type": "annotation_content", "format": %q, "filename_template": "{document_id}.%s"}`, f, f))
	}
	return fmt.Sprintf(
		`{"annotation_content_source": %q, "export_rules": [{"path_to_directory": "/out", "export_object_configurations": [%s]}]}`,
		source,
		strings.Join(objects, ","),
	)
}

func TestNativeExportsAreMadeHereAsPackageNativeMakesThem(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := call(s, rossumtest.Table("line_items", rossumtest.Row("code", "A, B"), rossumtest.Row("code", "C")))
	change := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { return x.Set("empty", "filled by this run") })
	if _, err := chain(t, change, decode(t, s, nativeRule("local", native.Formats()...))).Export(t.Context(), c.Payload()); err != nil {
		t.Fatal(err)
	}
	p := c.Payload()
	n, err := p.Annotation.Content.Field("empty")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.SetValue("filled by this run"); err != nil {
		t.Fatal(err)
	}
	got := tree(t, s.Dir)
	for _, f := range native.Formats() {
		var want bytes.Buffer
		if err := native.Write(&want, f, native.Options{}, p); err != nil {
			t.Fatal(err)
		}
		if name := "out/2026-0042." + string(f); got[name] != want.String() {
			t.Errorf("%s: got %q, want %q", name, got[name], want.String())
		}
	}
}

func TestWhereNativeExportsComeFrom(t *testing.T) {
	t.Parallel()
	platform := rossumtest.NewServer()
	defer platform.Close()
	platform.AddExport("csv", []byte("of the platform"))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for name, tt := range map[string]struct {
		source          string
		online, changed bool
		schema          bool
		want, text      string
	}{
		"of the platform, if nothing has changed":  {"", true, false, true, "of the platform", ""},
		"here, if something has":                   {"", true, true, true, "here", ""},
		"here, without a client":                   {"", false, false, true, "here", ""},
		"of the platform, for want of a schema":    {"", true, true, false, "of the platform", "comes from Rossum, which does not know the fields that this run has changed"},
		"here, since the settings say so":          {"local", true, false, true, "here", ""},
		"of the platform, since the settings do":   {"rossum", true, true, true, "of the platform", ""},
		"nowhere, without a schema and a platform": {"", false, false, false, "", "no schema describes the fields"},
		"nowhere, if local has no schema":          {"local", true, false, false, "", "no schema describes the fields"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			c := call(s)
			if tt.online {
				c.With(rossumtest.On(platform))
			}
			if !tt.schema {
				c.With(rossumtest.Sideload("schemas", nil))
			}
			change := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
				if tt.changed {
					return x.Set("empty", "changed")
				}
				return nil
			})
			var report *pipeline.Report
			_, err := chain(t, change, decode(t, s, nativeRule(tt.source, native.FormatCSV))).Export(t.Context(), c.Payload(),
				pipeline.WithHTTPClient(&http.Client{Transport: transport}),
				pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
			got := tree(t, s.Dir)["out/2026-0042.csv"]
			switch {
			case tt.want == "":
				if !errors.Is(err, native.ErrNoSchema) || !strings.Contains(err.Error(), tt.text) || got != "" {
					t.Errorf("%v, %q", err, got)
				}
				return
			case err != nil:
				t.Fatal(err)
			case tt.want == "here":
				if !strings.HasPrefix(got, "document_id,sftp_folder,empty\r\n") {
					t.Errorf("got %q", got)
				}
			case got != tt.want:
				t.Errorf("got %q", got)
			}
			if !strings.Contains(report.Text(), tt.text) {
				t.Errorf("%q is missing in\n%s", tt.text, report.Text())
			}
		})
	}
}
