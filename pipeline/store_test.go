package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// saving keeps a file under each key, all of them at once.
func saving(text string, keys ...string) pipeline.Step {
	return pipeline.Named("saving "+text, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		var files []pipeline.File
		for _, key := range keys {
			files = append(files, pipeline.File{Key: key, Name: key + ".txt", Data: []byte(text)})
		}
		return x.Files.Put(ctx, files...)
	}))
}

func TestAFileTakesTwoCallsOfRossum(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before []pipeline.Step // of an export before
		steps  []pipeline.Step
		calls  string // sorted; {id} for numbers
		kept   string
	}{
		"one file":                 {nil, []pipeline.Step{saving("1", "a")}, "POST document_relations, POST documents", "a=1"},
		"one file after Cleaning":  {nil, []pipeline.Step{&steps.Purge{}, saving("1", "a")}, "GET document_relations, POST document_relations, POST documents", "a=1"},
		"two at once":              {nil, []pipeline.Step{saving("1", "a", "b")}, "POST document_relations x2, POST documents x2", "a=1 b=1"},
		"one that this run made":   {nil, []pipeline.Step{saving("1", "a"), saving("2", "a")}, "DELETE documents/{id}, PATCH document_relations/{id}, POST document_relations, POST documents x2", "a=2"},
		"one in place of another":  {[]pipeline.Step{saving("1", "a")}, []pipeline.Step{saving("2", "a")}, "DELETE documents/{id}, GET document_relations, PATCH document_relations/{id}, POST document_relations, POST documents", "a=2"},
		"one beside another":       {[]pipeline.Step{saving("1", "a")}, []pipeline.Step{saving("2", "b")}, "POST document_relations, POST documents", "a=1 b=2"},
		"again, after Cleaning":    {[]pipeline.Step{saving("1", "a", "b")}, []pipeline.Step{&steps.Purge{}, saving("2", "a")}, "DELETE document_relations/{id} x2, DELETE documents/{id} x2, GET document_relations, POST document_relations, POST documents", "a=2"},
		"purged after it was made": {nil, []pipeline.Step{saving("1", "a"), &steps.Purge{}, saving("2", "a")}, "DELETE document_relations/{id}, DELETE documents/{id}, GET document_relations, POST document_relations x2, POST documents x2", "a=2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rossumtest.NewServer()
			defer s.Close()
			export := func(all []pipeline.Step) {
				transport := &http.Transport{}
				defer transport.CloseIdleConnections()
				_, err := chainOf(t, all...).Export(t.Context(), rossumtest.Annotation(rossumtest.On(s)).Payload(),
					pipeline.WithStore(pipeline.InRossum()), pipeline.WithHTTPClient(&http.Client{Transport: transport}))
				if err != nil {
					t.Fatal(err)
				}
			}
			if tt.before != nil {
				export(tt.before)
			}
			calls := len(s.Calls())
			export(tt.steps)
			if got := counted(s.Calls()[calls:]); got != tt.calls {
				t.Errorf("calls:\n %s, want\n %s", got, tt.calls)
			}
			var kept []string
			for key, data := range s.Artefacts(rossumtest.AnnotationID) {
				kept = append(kept, key+"="+string(data))
			}
			slices.Sort(kept)
			if got := strings.Join(kept, " "); got != tt.kept || s.DocumentCount() != len(kept) {
				t.Errorf("kept %s in %d documents, want %s", got, s.DocumentCount(), tt.kept)
			}
		})
	}
}

// counted lists calls with how often they were made, without their ids.
func counted(calls []string) string {
	times := make(map[string]int)
	var all []string
	for _, c := range calls {
		name := strings.TrimRight(c, "0123456789")
		if name != c {
			name += "{id}"
		}
		if times[name]++; times[name] == 1 {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	for i, name := range all {
		if n := times[name]; n > 1 {
			all[i] = fmt.Sprintf("%s x%d", name, n)
		}
	}
	return strings.Join(all, ", ")
}

// A relation that goes while the export runs, or that another hook makes, is not a failure.
func TestARelationMayGoOrComeWhileAnExportRuns(t *testing.T) {
	t.Parallel()
	s := rossumtest.NewServer()
	defer s.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	call := rossumtest.Annotation(rossumtest.On(s))
	others := func(do ...pipeline.Step) pipeline.Step {
		return pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error {
			_, err := chainOf(
				t,
				do...).Export(ctx, call.Payload(), pipeline.WithStore(pipeline.InRossum()), pipeline.WithHTTPClient(&http.Client{Transport: transport}))
			return err
		})
	}
	for name, all := range map[string][]pipeline.Step{
		"went": {saving("1", "a"), others(&steps.Purge{}), saving("2", "a")},
		"came": {&steps.Purge{}, others(saving("1", "a")), saving("2", "a")},
	} {
		_, err := chainOf(
			t,
			all...).Export(t.Context(), call.Payload(), pipeline.WithStore(pipeline.InRossum()), pipeline.WithHTTPClient(&http.Client{Transport: transport}))
		if got := s.Artefacts(rossumtest.AnnotationID); err != nil || string(got["a"]) != "2" || s.DocumentCount() != 1 {
			t.Errorf("%s: %v, %q, %d documents", name, err, got, s.DocumentCount())
		}
	}
}

func TestARefusedRelationThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	s := rossumtest.NewServer()
	defer s.Close()
	s.Fail(rossumtest.Fault{Method: "POST", Path: "document_relations", Status: 400})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	_, err := chainOf(t, saving("1", "a")).Export(t.Context(), rossumtest.Annotation(rossumtest.On(s)).Payload(),
		pipeline.WithStore(pipeline.InRossum()), pipeline.WithHTTPClient(&http.Client{Transport: transport}))
	if err == nil || !strings.Contains(err.Error(), `keeping file "a": Rossum API: POST`) || !strings.Contains(err.Error(), "status 400") {
		t.Errorf("got %v", err)
	}
}

// storeOf is a store whose Put is a function.
type storeOf func(f *pipeline.File) error

func (s storeOf) Put(_ context.Context, _ *pipeline.Export, f *pipeline.File) error { return s(f) }
func (s storeOf) Load(context.Context, *pipeline.Export, string) (*pipeline.File, error) {
	return nil, pipeline.ErrNoFile
}
func (s storeOf) Purge(context.Context, *pipeline.Export, ...string) (int, error) { return 0, nil }

func TestFilesAreKeptSideBySideAndOneFailureDoesNotLoseTheOthers(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	together := make(chan bool)
	store := storeOf(func(f *pipeline.File) error {
		switch f.Key { // a and b wait for each other
		case "a":
			together <- true
		case "b":
			<-together
		case "c":
			return refused
		case "d":
			panic("a defect")
		}
		f.Document = "of " + f.Key
		return nil
	})
	var keys []string
	document := ""
	_, err := chainOf(
		t,
		saving("1", "a", "b", "c", "d"),
		pipeline.Finally(pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			keys = x.Files.Keys()
			f, err := x.Files.Get(ctx, "b")
			if err == nil {
				document = f.Document
			}
			return err
		})),
	).Export(t.Context(), rossumtest.Annotation(rossumtest.Offline()).Payload(), pipeline.WithStore(store))
	if !errors.Is(err, refused) || !errors.Is(err, pipeline.ErrPanic) || fmt.Sprint(keys) != "[a b]" || document != "of b" {
		t.Errorf("%v, keys %v, document %q", err, keys, document)
	}
	if !strings.Contains(err.Error(), `keeping file "c": refused`) {
		t.Errorf("got %v", err)
	}
	if _, err := chainOf(t, saving("1", "a", "b", "a")).Export(
		t.Context(), rossumtest.Annotation(rossumtest.Offline()).Payload(),
	); err == nil ||
		!strings.Contains(err.Error(), `duplicate key "a"`) {
		t.Errorf("got %v", err)
	}
}
