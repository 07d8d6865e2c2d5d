package pipelinetest_test

import (
	"errors"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func TestStepsRunOneAfterTheOtherOnTheFilesOfTheTest(t *testing.T) {
	t.Parallel()
	reply := pipelinetest.WithFiles(pipeline.File{Key: "reply", Data: []byte(`{"id": 7}`)})
	extract := &steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}}}}
	call := rossumtest.Annotation(rossumtest.Field("erp_id", ""))
	check := &steps.Evaluate{Check: steps.Check{Condition: "r.field.erp_id != '7'"}}
	if r := pipelinetest.Run(t, pipelinetest.Steps(extract, check), call, reply); r.Err != nil || r.Response.Failed() ||
		r.Values["erp_id"] != "7" {
		t.Errorf("%v, %+v", r.Err, r.Response)
	}
	if r := pipelinetest.Run(t, pipelinetest.Steps(&steps.Purge{}, extract), call, reply); !errors.Is(r.Err, pipeline.ErrNoFile) {
		t.Errorf("after a purge: %v", r.Err)
	}
	if r := pipelinetest.Run(t, extract, call, reply); r.Err != nil {
		t.Errorf("the purge of another run: %v", r.Err)
	}
}
