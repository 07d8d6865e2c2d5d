package hookserver

import (
	"context"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestWithANegativeAfterAnExportThatHasEndedAlreadyIsPolledToo(t *testing.T) {
	t.Parallel()
	s := &Server{o: Options{Async: &Async{After: -1}}}
	for range 100 { // a select of two channels that are ready takes either
		j := &job{payload: &rossum.Payload{Annotation: new(rossum.Annotation)}, begun: make(chan pipeline.RunInfo, 1), done: make(chan struct{})}
		j.kept.Response = new(rossum.Response)
		j.begun <- pipeline.RunInfo{ID: "run"}
		close(j.done)
		if a, again := s.await(context.Background(), j, ""); again || a.run != "run" || a.response != nil {
			t.Fatalf("answered with run %q and response %v, again %v", a.run, a.response, again)
		}
	}
}
