package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// A run that is gone on with has no secrets of a hook call any more, so that a program must be
// able to give them to a chain that it has composed itself.
func TestAChainWithoutHooksGetsTheSecretsOfTheHookThatWasCalled(t *testing.T) {
	t.Parallel()
	var asked []rossum.Hook
	vault := pipeline.WithSecrets(func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) {
		asked = append(asked, *h)
		return rossum.Secrets{"given": "CANARY-of-the-vault", "both": "of the vault"}, nil
	})
	var seen, payload rossum.Secrets
	look := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		seen, payload = x.Secrets, x.Payload.Secrets
		return errors.New("it has " + x.Secrets["given"])
	})
	call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("both", "of the call"), rossumtest.Secret("called", "of the call"))
	p := call.Payload()
	answer, err := chainOf(t, look).Export(t.Context(), p, vault, pipeline.WithLogger(nil))
	for name, want := range map[string]string{"given": "CANARY-of-the-vault", "both": "of the vault", "called": "of the call"} {
		if seen[name] != want || payload[name] != want {
			t.Errorf("%s: %q, in the payload %q; want %q", name, seen[name], payload[name], want)
		}
	}
	if len(asked) != 1 || asked[0].URL != p.Hook || asked[0].ID != rossum.IDOf(p.Hook) {
		t.Errorf("asked for %+v", asked)
	}
	if text := texts(answer); err == nil || strings.Contains(err.Error()+text, "CANARY") {
		t.Errorf("%v, %s", err, text)
	}
	if p.Secrets["given"] != "" || p.Secrets["both"] != "of the call" {
		t.Errorf("the caller's payload was changed: %v", p.Secrets)
	}
}

func TestAVaultThatFailsStopsAChainWithoutHooks(t *testing.T) {
	t.Parallel()
	errVault := errors.New("the vault is sealed")
	ran := false
	step := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran = true; return nil })
	p := rossumtest.Annotation(rossumtest.Offline()).Payload()
	_, err := chainOf(t, step).Export(t.Context(), p, pipeline.WithLogger(nil),
		pipeline.WithSecrets(func(context.Context, *rossum.Hook) (rossum.Secrets, error) { return nil, errVault }))
	if !errors.Is(err, errVault) || !strings.Contains(err.Error(), p.Hook) || ran {
		t.Errorf("%v; the step ran: %v", err, ran)
	}
}
