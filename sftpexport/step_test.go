package sftpexport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// custom is a rule of custom formats: what its names come from is below.
func custom(names ...string) string {
	var list []string
	for _, name := range names {
		list = append(list, fmt.Sprintf(`{"type": "custom_format", "export_reference_key": "csv", "filename_template": %q}`, name))
	}
	return `"path_to_directory": "/out", "export_object_configurations": [` + strings.Join(list, ",") + `]`
}

func rules(list ...string) string { return `{"export_rules": [{` + strings.Join(list, "}, {") + `}]}` }

func TestEverySettingHasItsEffect(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("CET", 3600))
	for _, c := range []struct {
		name, settings string
		want           map[string]string // nil for an error
		text           string            // of the error, or of the report
	}{
		{"variables", rules(custom("{year}{month}{day}T{hour}{minute}{second}-{queue.id}-{document.id}-{document.original_file_name}")),
			map[string]string{"out/20260304T040607-8199-314621-invoice.pdf": "a;b"}, ""},
		{"fields and directories in names", rules(custom("{sftp_folder}/{document_id}.csv")), map[string]string{"out/acme/2026-0042.csv": "a;b"}, ""},
		{"template variables of an object", `{"export_rules": [{"path_to_directory": "/out", "export_object_configurations": [
			{"type": "custom_format", "export_reference_key": "csv", "filename_template": "{n}.csv", "template_variables": [{"name": "n", "type": "datapoint", "schema_id": "document_id"}]}]}]}`,
			map[string]string{"out/2026-0042.csv": "a;b"}, ""},
		{"template variables of a rule", rules(custom("{n}.csv") + `, "template_variables": [{"name": "n", "schema_id": "document_id"}]`), map[string]string{"out/2026-0042.csv": "a;b"}, ""},
		{"a condition that is false", rules(custom("a.csv")+`, "condition": "@{empty}"`, custom("b.csv")), map[string]string{"out/b.csv": "a;b"}, "skipped: condition is"},
		{"a condition that holds", rules(custom("a.csv") + `, "condition": "@{document_id}"`), map[string]string{"out/a.csv": "a;b"}, ""},
		{"done file", rules(custom("a.csv", "b.csv") + `, "done_file": "{annotation.id}.done"`), map[string]string{"out/a.csv": "a;b", "out/b.csv": "a;b", "out/314528.done": ""}, ""},
		{"done file for each file", rules(custom("a.csv", "b.csv") + `, "done_file": "{filename}.done"`),
			map[string]string{"out/a.csv": "a;b", "out/b.csv": "a;b", "out/a.csv.done": "", "out/b.csv.done": ""}, ""},
		{"numbers", rules(custom("{seq}-a.csv", "{seq}-b.csv")), map[string]string{"out/1-a.csv": "a;b", "out/1-b.csv": "a;b", "out/.exportpipeline-seq-000000000001": ""}, ""},
		{"a value that is empty", rules(custom("{empty}.csv")), nil, "export_rules[0].export_object_configurations[0].filename_template: {empty}: the value is empty"},
		{"a field that is not there", rules(custom("{document_idd}.csv")), nil, "document_idd"},
		{"two files with one name", rules(custom("{annotation.id}.csv", "314528.csv")), nil, "gets the same name"},
		{"no directories to be made", `{"create_directories": false, ` + rules(custom("a.csv"))[1:], nil, "create_directories is false"},
		{"an artefact that is not there", `{"export_rules": [{"path_to_directory": "/out", "export_object_configurations": [
			{"type": "custom_format", "export_reference_key": "nothing", "filename_template": "a.csv"}]}]}`, nil, "no file under this reference key"},
		{"native exports of no platform", `{"annotation_content_source": "rossum", "export_rules": [{"path_to_directory": "/out", "export_object_configurations": [
			{"type": "annotation_content", "format": "csv", "filename_template": "a.csv"}]}]}`, nil, "no client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			step := decode(t, s, c.settings)
			var report string
			_, err := chain(t, file("csv", "a;b"), step).Export(t.Context(), call(s).Payload(),
				pipeline.WithClock(func() time.Time { return at }),
				pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r.Text() }))
			if (err == nil) != (c.want != nil) || err != nil && !strings.Contains(err.Error(), c.text) ||
				err == nil && !strings.Contains(report, c.text) {
				t.Errorf("error %v, report %s", err, report)
			}
			wantTree(t, s.Dir, c.want)
		})
	}
}

func TestNumbersGoOn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := chain(t, file("csv", "a;b"), decode(t, s, rules(custom("{seq}.csv"))))
	for range 3 {
		if _, err := c.Export(t.Context(), call(s).Payload()); err != nil {
			t.Fatal(err)
		}
	}
	wantTree(
		t,
		s.Dir,
		map[string]string{"out/1.csv": "a;b", "out/2.csv": "a;b", "out/3.csv": "a;b", "out/.exportpipeline-seq-000000000003": ""},
	)
}

func TestAllFilesAreStagedBeforeTheFirstAppears(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	step := decode(t, s, rules(custom("a.csv", "b.csv")+`, "done_file": "done"`))
	if _, err := chain(t, file("csv", "a;b"), step).Export(t.Context(), call(s).Payload()); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, op := range s.Ops() {
		if name, _, _ := strings.Cut(op, " "); (name == "open" || name == "link") && !strings.Contains(op, "probe") {
			order = append(order, name)
		}
	}
	if got := strings.Join(order, " "); got != "open open open link link link" {
		t.Errorf("the order is %s", got)
	}
	if ops := s.Ops(); !strings.HasSuffix(ops[len(ops)-2], " /out/done") {
		t.Errorf("the done file is not the last: %v", ops)
	}
}

func TestAFileThatCannotBeStagedKeepsTheOthersBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if err := errors.Join(os.Mkdir(filepath.Join(s.Dir, "out"), 0o755), os.WriteFile(filepath.Join(s.Dir, "out", "b.csv"), []byte("old"), 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err := chain(t, file("csv", "a;b"), decode(t, s, rules(custom("a.csv", "b.csv")))).Export(t.Context(), call(s).Payload())
	if !errors.Is(err, sftpexport.ErrExists) {
		t.Errorf("the error is %v", err)
	}
	wantTree(t, s.Dir, map[string]string{"out/b.csv": "old"})
}

func TestTheErrorSaysWhatIsThereAlready(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fail(sftptest.Fault{Op: "link"}, sftptest.Fault{Op: "link", Before: func() {
		_ = os.WriteFile(filepath.Join(s.Dir, "out", "b.csv"), []byte("faster"), 0o644)
	}})
	_, err := chain(t, file("csv", "a;b"), decode(t, s, rules(custom("a.csv", "b.csv")))).Export(t.Context(), call(s).Payload())
	if !errors.Is(err, sftpexport.ErrExists) || !strings.Contains(err.Error(), "/out/a.csv of this export had its name already") {
		t.Errorf("the error is %v", err)
	}
	wantTree(t, s.Dir, map[string]string{"out/a.csv": "a;b", "out/b.csv": "faster"})
}

func TestSkippedArtefactsAreLeftOut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	skip := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		x.Files.Skip("csv", "its call was not due")
		return nil
	})
	if _, err := chain(t, skip, decode(t, s, rules(custom("a.csv")))).Export(t.Context(), call(s).Payload()); err != nil {
		t.Error(err)
	}
	wantTree(t, s.Dir, nil)
}

func TestNativeExportsComeFromRossum(t *testing.T) {
	t.Parallel()
	s, api := newServer(t), rossumtest.NewServer()
	defer api.Close()
	api.AddExport("csv", []byte("id;amount"))
	api.AddDocument(rossumtest.DocumentID, "invoice.pdf", "application/pdf", []byte("%PDF"))
	step := decode(t, s, `{"export_rules": [{"path_to_directory": "/out", "export_object_configurations": [
		{"type": "annotation_content", "format": "csv", "filename_template": "invoice_data-{annotation.id}.csv"},
		{"type": "document", "filename_template": "invoice_file-{annotation.id}"}]}]}`)
	if _, err := chain(t, step).Export(t.Context(), call(s, rossumtest.On(api)).Payload()); err != nil {
		t.Fatal(err)
	}
	wantTree(t, s.Dir, map[string]string{"out/invoice_data-314528.csv": "id;amount", "out/invoice_file-314528.pdf": "%PDF"})
}

func journal(t *testing.T, l pipeline.Ledger) pipeline.Option {
	t.Helper()
	j, err := pipeline.NewJournal(l, pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.WithJournal(j)
}

// crashed runs a chain in a process that dies when it has given the last of so many files
// its name, before it could note that.
func crashed(t *testing.T, s *sftptest.Server, step pipeline.Step, files int) pipeline.Ledger {
	t.Helper()
	ledger := pipeline.MemoryLedger()
	// The writes are the claim, and for each file that it gets its name and that it has it.
	dying, ctx := mortal.New(t.Context(), ledger, 1+2*files, false)
	_, _ = chain(t, file("csv", "a;b"), step).Export(ctx, call(s).Payload(), journal(t, dying))
	if err := dying.Bury(t.Context()); err != nil || !dying.Dead() {
		t.Fatal(err, dying.Dead())
	}
	return ledger
}

func TestARunThatWasCutShortDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, settings string
		before         func(s *sftptest.Server) // the next run
		maybe          bool
		want           map[string]string
	}{
		{"after the file got its name", rules(custom("a.csv")), nil, false, map[string]string{"out/a.csv": "a;b"}},
		{"after the first of two", rules(custom("a.csv", "b.csv")), nil, false, map[string]string{"out/a.csv": "a;b", "out/b.csv": "a;b"}},
		{"after the file was taken by its reader", rules(custom("a.csv")),
			func(s *sftptest.Server) { _ = os.Remove(filepath.Join(s.Dir, "out", "a.csv")) }, true, nil},
		{"after another file came under the name", rules(custom("a.csv")),
			func(s *sftptest.Server) { _ = os.WriteFile(filepath.Join(s.Dir, "out", "a.csv"), []byte("x"), 0o644) }, true, map[string]string{"out/a.csv": "x"}},
		{"with a numbered name", rules(custom("a.csv") + `, "filename_collision": {"number": true}`), nil, true, map[string]string{"out/a.csv": "a;b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			step := decode(t, s, c.settings)
			ledger := crashed(t, s, step, strings.Count(c.settings, "filename_template"))
			if c.before != nil {
				c.before(s)
			}
			_, err := chain(t, file("csv", "a;b"), step).Export(t.Context(), call(s).Payload(), journal(t, ledger))
			if errors.Is(err, pipeline.ErrMaybeSent) != c.maybe || err != nil && !c.maybe {
				t.Errorf("the error is %v", err)
			}
			wantTree(t, s.Dir, c.want)
		})
	}
}

// TestNamesAreTheSameWhenARunGoesOn: a number and a time that were other ones would make a
// second file.
func TestNamesAreTheSameWhenARunGoesOn(t *testing.T) {
	t.Parallel()
	for _, done := range []bool{false, true} {
		s, ledger := newServer(t), pipeline.MemoryLedger()
		step := decode(t, s, rules(custom("{seq}-{year}-{second}.csv")))
		at := func(second int) pipeline.Option {
			return pipeline.WithClock(func() time.Time { return time.Date(2026, 11, 24, 10, 0, second, 0, time.UTC) })
		}
		dying, ctx := mortal.New(t.Context(), ledger, 3, done) // claim, name, it has it
		_, _ = chain(t, file("csv", "a;b"), step).Export(ctx, call(s).Payload(), journal(t, dying), at(7))
		if err := dying.Bury(t.Context()); err != nil || !dying.Dead() {
			t.Fatal(err, dying.Dead())
		}
		if _, err := chain(t, file("csv", "a;b"), step).Export(t.Context(), call(s).Payload(), journal(t, ledger), at(8)); err != nil {
			t.Errorf("done %v: %v", done, err)
		}
		wantTree(t, s.Dir, map[string]string{"out/1-2026-07.csv": "a;b", "out/.exportpipeline-seq-000000000001": ""})
	}
}

func TestExtensionsAreFoundByTheirAddress(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	settings, err := json.Marshal(map[string]any{
		"credentials": map[string]any{
			"type":     "sftp",
			"host":     "127.0.0.1",
			"port":     fmt.Sprint(int(s.Credentials().Port)),
			"username": sftptest.Username,
		},
		"export_rules": []any{map[string]any{"path_to_directory": "/out", "export_object_configurations": []any{
			map[string]any{"type": "document", "filename_template": "{annotation.id}"},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	hook, err := rossum.ParseHook([]byte(`{"id": 1, "type": "webhook", "name": "SFTP", "events": ["annotation_content.export"], "active": true,
		"config": {"url": "https://shared-eu2.rossum.app/svc/file-storage-export/api/v1/export"}, "queues": [], "run_after": [], "settings": ` + string(settings) + `}`))
	if err != nil {
		t.Fatal(err)
	}
	var r organisation.Registry
	sftpexport.Register(
		&r,
		sftpexport.RegisterOptions{HostKeys: []string{"[127.0.0.1]:" + fmt.Sprint(int(s.Credentials().Port)) + " " + s.HostKey()}},
	)
	c, err := organisation.FromHooks([]*rossum.Hook{hook}, &r, organisation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Export(t.Context(), call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF"))); err != nil {
		t.Error(err)
	}
	wantTree(t, s.Dir, map[string]string{"out/314528.pdf": "%PDF"})
	var plain organisation.Registry
	sftpexport.Register(&plain, sftpexport.RegisterOptions{})
	if _, err := organisation.FromHooks([]*rossum.Hook{hook}, &plain, organisation.Options{}); err == nil ||
		!strings.Contains(err.Error(), "ssh-keyscan") {
		t.Errorf("without a host key the error is %v", err)
	}
}

func TestOriginalsAreStreamedToTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	content := streamed{data: bytes.Repeat(invoice, 6), lag: &lag{sent: func() (n int64) {
		paths, _ := filepath.Glob(filepath.Join(s.Dir, "out", sftpexport.HiddenPrefix+"*"))
		for _, p := range paths {
			if info, err := os.Stat(p); err == nil {
				n += info.Size()
			}
		}
		return n
	}}}
	step := decode(t, s, fmt.Sprintf(outSettings, "null"))
	if _, err := chain(t, step).Export(t.Context(), call(s).Payload(), pipeline.WithOriginal(content)); err != nil {
		t.Fatal(err)
	}
	// 64 writes of 32 KB are under way at most; the rest is on the wire.
	if content.lag.most > 8<<20 {
		t.Errorf("%d bytes of %d were read ahead of what has arrived", content.lag.most, content.Size())
	}
}
