package temporalrun_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"
)

func TestOptionsThatMakeNoSenseAreAllRefused(t *testing.T) {
	t.Parallel()
	codec, err := temporalrun.Sealed(sealKey())
	must(t, err)
	for name, tt := range map[string]struct {
		o    temporalrun.Options
		want []string
	}{
		"no client and no word of secrets": {
			temporalrun.Options{}, []string{"the client is nil", "set Codec, which encrypts them, or ProgramSecrets"},
		},
		"both": {temporalrun.Options{Codec: codec, ProgramSecrets: true}, []string{"both Codec and ProgramSecrets"}},
		"negative": {
			temporalrun.Options{Codec: codec, AtOnce: -1, StopTimeout: -1}, []string{"AtOnce is -1", "StopTimeout is -1ns"},
		},
	} {
		_, err := temporalrun.New(nil, tt.o)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
	c, err := client.NewLazyClient(client.Options{})
	must(t, err)
	t.Cleanup(c.Close)
	engine, err := temporalrun.New(c, temporalrun.Options{ProgramSecrets: true})
	must(t, err)
	if _, err := engine.Work(nil); err == nil || !strings.Contains(err.Error(), "server whose chains") {
		t.Error(err)
	}
}

func TestAWorkflowIsThatOfHookAndAnnotation(t *testing.T) {
	t.Parallel()
	key := pipeline.RunKey{
		Organization: "https://acme.rossum.app",
		Hook:         "https://acme.rossum.app/api/v1/hooks/7",
		Annotation:   314528,
		Event:        "annotation_content.export",
	}
	id := temporalrun.WorkflowID(key)
	if want := "export-314528-hook-7-"; !strings.HasPrefix(id, want) || len(id) > 200 {
		t.Error(id)
	}
	for name, other := range map[string]func(*pipeline.RunKey){
		"organisation": func(k *pipeline.RunKey) { k.Organization = "https://other.rossum.app" },
		"hook":         func(k *pipeline.RunKey) { k.Hook = "https://acme.rossum.app/other/hooks/7" },
		"annotation":   func(k *pipeline.RunKey) { k.Annotation++ },
		"event":        func(k *pipeline.RunKey) { k.Event = "annotation_status.changed" },
	} {
		changed := key
		if other(&changed); temporalrun.WorkflowID(changed) == id {
			t.Errorf("another %s has the same workflow", name)
		}
	}
}

func TestWhatIsSealedOpensWithItsKey(t *testing.T) {
	t.Parallel()
	if _, err := temporalrun.Sealed(pipeline.SealKey{ID: "1", Secret: []byte("short")}); err == nil {
		t.Error("a short key seals")
	}
	older, err := temporalrun.Sealed(sealKey())
	must(t, err)
	next := pipeline.SealKey{ID: "2", Secret: bytes.Repeat([]byte("n"), 32)}
	codec, err := temporalrun.Sealed(next, sealKey())
	must(t, err)
	stranger, err := temporalrun.Sealed(next)
	must(t, err)
	plain := []*commonpb.Payload{
		{Data: []byte(canarySecret)},
		{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte("{}")},
	}
	sealed, err := older.Encode(plain)
	must(t, err)
	if bytes.Contains(sealed[0].GetData(), []byte(canarySecret)) {
		t.Error("it is not sealed")
	}
	opened, err := codec.Decode(append(sealed, plain[1]))
	if err != nil || len(opened) != 3 || !proto.Equal(opened[0], plain[0]) || !proto.Equal(opened[1], plain[1]) ||
		!proto.Equal(opened[2], plain[1]) {
		t.Errorf("%v, %v", opened, err)
	}
	if _, err := stranger.Decode(sealed); err == nil {
		t.Error("another key opens it")
	}
}
