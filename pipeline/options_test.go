package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// An option that can have no effect, or another one than was meant, is found before
// anything runs: when a server is made, when a chain is checked, when a run begins.
func TestAnOptionThatIsWrongIsNamedBeforeAnythingRuns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		option pipeline.Option
		want   string
	}{
		{"a negative time", pipeline.WithTimeout(-time.Second), "pipeline.WithTimeout: -1s is negative"},
		{"a negative limit", pipeline.WithTreeLimit(-1), "pipeline.WithTreeLimit: -1 is negative"},
		{"a pattern", pipeline.WithOnlyHosts("erp.example", "*.erp.example"), `pipeline.WithOnlyHosts: "*.erp.example" is not a host; write a host (erp.example), a host with a port (erp.example:8443) or an origin (https://erp.example)`},
		{"an empty host", pipeline.WithOnlyHosts(""), `pipeline.WithOnlyHosts: "" is not a host; `},
		{"a path", pipeline.WithAllowedHosts("erp.example/api"), `pipeline.WithAllowedHosts: "erp.example/api" is not a host; `},
		{"a URL with a path", pipeline.WithAllowedHosts("https://erp.example/api"), `pipeline.WithAllowedHosts: "https://erp.example/api" is not a host; `},
		{"a scheme alone", pipeline.WithAllowedHosts("https://"), `pipeline.WithAllowedHosts: "https://" is not a host; `},
		{"a port that is not a number", pipeline.WithAllowedHosts("erp.example:https"), `pipeline.WithAllowedHosts: "erp.example:https" is not a host; `},
		{"an origin without a scheme", pipeline.WithRossumOrigin("acme.rossum.app"), `pipeline.WithRossumOrigin: "acme.rossum.app" is not an address of Rossum; write it as https://acme.rossum.app`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ran := false
			chain, err := pipeline.New(
				pipeline.Named("own", pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran = true; return nil })),
			)
			if err != nil {
				t.Fatal(err)
			}
			options := []pipeline.Option{pipeline.WithLogger(nil), tt.option}
			_, errExport := chain.Export(t.Context(), rossumtest.Annotation().Payload(), options...)
			_, errServer := hookserver.New(hookserver.Options{Chain: chain, Unsigned: true, Run: options})
			_, errKept := chain.Keep(t.Context(), rossumtest.Annotation().Payload(), pipeline.KeepOptions{}, options...)
			for where, err := range map[string]error{"Export": errExport, "hookserver.New": errServer, "Check": chain.Check(nil, options...).Err(), "Keep": errKept} {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got %v\nwant %s", where, err, tt.want)
				}
			}
			if ran {
				t.Error("the step ran")
			}
		})
	}
}

// All that is wrong is said at once, and what is right is taken.
func TestAllOptionsThatAreWrongAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	chain, err := pipeline.New(pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = hookserver.New(
		hookserver.Options{
			Chain:    chain,
			Unsigned: true,
			Keep:     -1,
			Run:      []pipeline.Option{pipeline.WithTimeout(-1), pipeline.WithTreeLimit(-2)},
		},
	)
	for _, want := range []string{"hook server: Keep is negative", "pipeline.WithTimeout: -1ns is negative", "pipeline.WithTreeLimit: -2 is negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	right := []pipeline.Option{
		pipeline.WithOnlyHosts(
			"ERP.example ",
			"erp.example:8443",
			"https://erp.example",
			"http://[::1]:80/",
			"[::1]",
			"::1",
			"10.0.0.1",
			"sftp://files.example",
			"büro.example",
		),
		pipeline.WithOnlyHosts(), pipeline.WithAllowedHosts(), pipeline.WithRossumOrigin("https://acme.rossum.app/", "https://acme.rossum.app/api/v1"), pipeline.WithTimeout(0), pipeline.WithTreeLimit(0),
	}
	if _, err := hookserver.New(hookserver.Options{Chain: chain, Unsigned: true, Run: right}); err != nil {
		t.Errorf("right options are refused: %v", err)
	}
}
