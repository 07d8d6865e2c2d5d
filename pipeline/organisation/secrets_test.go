package organisation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// systems stands for the systems that hooks call: each has a path of its own, and
// notes everything that it gets.
type systems struct {
	*httptest.Server
	mu  sync.Mutex
	got map[string]string
}

func newSystems(t *testing.T) *systems {
	s := &systems{got: make(map[string]string)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *systems) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	system := strings.Split(r.URL.Path, "/")[1]
	s.mu.Lock()
	s.got[system] += fmt.Sprintf("%s %s %v %s\n", r.Method, r.URL, r.Header, body)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/token") {
		fmt.Fprintf(w, `{"access_token": "canary-token-%s."}`, system)
		return
	}
	fmt.Fprint(w, `{"id": 4711}`)
}

func (s *systems) of(system string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[system]
}

// restHook posts to a system of its own, with the secrets that every hook calls alike.
func restHook(t *testing.T, s *systems, id int64, after ...int64) *rossum.Hook {
	t.Helper()
	h := hook(id, "rest-api-export", after...)
	settings, err := json.Marshal(map[string]any{
		"request": map[string]any{
			"url":     fmt.Sprintf("%s/%d/post", s.URL, id),
			"content": "{secret.password}",
			"headers": map[string]string{"X-Key": "{secret.api_key}"},
		},
		"auth": map[string]any{
			"url":  fmt.Sprintf("%s/%d/token", s.URL, id),
			"data": map[string]string{"client_secret": "{secret.client_secret}"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Settings = settings
	return h
}

// canaries are the secrets of a hook. The dot ends the number.
func canaries(id int64) rossum.Secrets {
	s := make(rossum.Secrets)
	for _, name := range []string{"api_key", "password", "client_secret"} {
		s[name] = fmt.Sprintf("canary-%s-%d.", name, id)
	}
	return s
}

func stepsRegistry() *organisation.Registry {
	r := &organisation.Registry{}
	steps.Register(r, steps.RegisterOptions{})
	return r
}

// calledFor is a call of a hook, with that hook's secrets.
func calledFor(id int64, secrets rossum.Secrets, parts ...rossumtest.Part) *rossum.Payload {
	c := invoice(rossumtest.Sideload("hook", fmt.Sprintf("%s/hooks/%d", api, id)))
	for name, value := range secrets {
		c = c.With(rossumtest.Secret(name, value))
	}
	return c.With(parts...).Payload()
}

func TestNoSystemSeesTheSecretsOfAnotherHook(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 12))
			s, platform := newSystems(t), rossumtest.NewServer()
			t.Cleanup(platform.Close)
			count := 2 + random.Int64N(6)
			var hooks []*rossum.Hook
			given := make(map[string]rossum.Secrets)
			for id := int64(1); id <= count; id++ {
				var after []int64
				for before := int64(1); before < id; before++ {
					if random.IntN(3) == 0 {
						after = append(after, before)
					}
				}
				hooks = append(hooks, restHook(t, s, id, after...))
				given[strconv.FormatInt(id, 10)] = canaries(id)
			}
			called := 1 + random.Int64N(count)
			delete(given, strconv.FormatInt(called, 10)) // the payload has them
			provider, err := organisation.SecretsByHook(hooks, given)
			if err != nil {
				t.Fatal(err)
			}
			chain, err := organisation.FromHooks(hooks, stepsRegistry(), organisation.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer chain.Close()
			var log bytes.Buffer
			var report *pipeline.Report
			answer, err := chain.Export(t.Context(), calledFor(called, canaries(called), rossumtest.On(platform)), pipeline.WithSecrets(provider),
				pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
			if err != nil || answer.Failed() {
				t.Fatalf("%v %+v", err, answer)
			}
			fmt.Fprint(&log, report.Text(), answer)
			if strings.Contains(log.String(), "canary") {
				t.Errorf("a secret is shown: %s", &log)
			}
			for _, h := range hooks {
				checkCanaries(t, s.of(strconv.FormatInt(h.ID, 10)), h.ID, count)
			}
		})
	}
}

// checkCanaries looks in what a system got for its own secrets, and for others'.
func checkCanaries(t *testing.T, got string, id, count int64) {
	t.Helper()
	for other := int64(1); other <= count; other++ {
		for _, name := range []string{"api_key", "password", "client_secret", "token"} {
			if has := strings.Contains(got, fmt.Sprintf("canary-%s-%d.", name, other)); has != (other == id) {
				t.Errorf("system %d got %s of %d: %v\n%s", id, name, other, has, got)
			}
		}
	}
}

func TestATokenIsKeptWithTheHookThatOwnsIt(t *testing.T) {
	t.Parallel()
	s := newSystems(t)
	var mu sync.Mutex
	patched := make(map[string]string)
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		patched[r.Method+" "+r.URL.Path] += string(body)
		mu.Unlock()
		fmt.Fprint(w, "{}")
	}))
	defer platform.Close()
	chain, err := organisation.FromHooks([]*rossum.Hook{restHook(t, s, 1), restHook(t, s, 2, 1)}, stepsRegistry(), organisation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	client, err := rossum.NewClient(platform.URL, "token", rossum.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	provider := func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) { return canaries(h.ID), nil }
	if answer, err := chain.Export(t.Context(), calledFor(1, nil), pipeline.WithSecrets(provider), pipeline.WithRossum(client)); err != nil ||
		answer.Failed() {
		t.Fatalf("%v %+v", err, answer)
	}
	mu.Lock()
	defer mu.Unlock()
	for id, token := range map[int]string{1: "canary-token-1.", 2: "canary-token-2."} {
		if got := patched[fmt.Sprintf("PATCH /api/v1/hooks/%d", id)]; !strings.Contains(got, token) || strings.Count(got, "canary") != 1 {
			t.Errorf("hook %d got %q", id, got)
		}
	}
}

func TestTheSecretsOfThePayloadAreThoseOfTheHookThatWasCalled(t *testing.T) {
	t.Parallel()
	s := newSystems(t)
	one, two := restHook(t, s, 1), restHook(t, s, 2)
	asked := errors.New("the vault is sealed")
	for name, tt := range map[string]struct {
		hooks    []*rossum.Hook
		options  organisation.Options
		called   int64
		provider pipeline.SecretsOf
		want     string // "" for success
	}{
		"the hook itself":               {hooks: []*rossum.Hook{one}, called: 1},
		"a hook that stands for it":     {hooks: []*rossum.Hook{one}, called: 7001},
		"another hook that is left out": {hooks: []*rossum.Hook{one, two}, options: organisation.Options{LeaveOut: []string{"2"}}, called: 2, want: `hook "h1" (id 1), settings.request.headers.X-Key: secret "api_key": the hook has no such secret`},
		"one of several":                {hooks: []*rossum.Hook{one, two}, called: 1, want: `hook "h2" (id 2), settings.request.headers.X-Key: secret "api_key": the hook has no such secret`},
		"none of several":               {hooks: []*rossum.Hook{one, two}, called: 7001, want: `hook "h1" (id 1), settings.request.headers.X-Key: secret "api_key": the hook has no such secret`},
		"a provider that fails": {
			hooks: []*rossum.Hook{one}, called: 1, want: `getting the secrets of hook "h1" (id 1): the vault is sealed`,
			provider: func(context.Context, *rossum.Hook) (rossum.Secrets, error) { return nil, asked },
		},
		"a provider that adds": {
			hooks: []*rossum.Hook{one, two}, called: 1,
			provider: func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) {
				if h.ID == 2 {
					return canaries(2), nil
				}
				return nil, nil
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain, err := organisation.FromHooks(tt.hooks, stepsRegistry(), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			defer chain.Close()
			_, err = chain.Export(t.Context(), calledFor(tt.called, canaries(1)), pipeline.WithSecrets(tt.provider))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAFunctionSeesItsOwnSettingsAndSecrets(t *testing.T) {
	t.Parallel()
	function := func(id int64, settings string) *rossum.Hook {
		h := hook(id, "")
		h.Type, h.Settings, h.Config.URL = "function", json.RawMessage(settings), ""
		h.Config.Code = `def rossum_hook_request_handler(payload):
    secrets = payload["secrets"]
    return {"messages": [{"type": "info", "content": payload["settings"]["name"] + " " + str(len(secrets["api_key"])) + " " + payload["hook"]}]}
`
		return h
	}
	chain, err := organisation.FromHooks(
		[]*rossum.Hook{function(1, `{"name": "one"}`), function(2, `{"name": "two"}`)},
		stepsRegistry(),
		organisation.Options{},
	)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := chain.Export(
		t.Context(),
		calledFor(1, rossum.Secrets{"api_key": "1"}, rossumtest.Settings(map[string]string{"name": "of the call"})),
		pipeline.WithSecrets(func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) {
			return rossum.Secrets{"api_key": strings.Repeat("x", int(h.ID)*10)}, nil
		}),
	)
	if err != nil || len(answer.Messages) != 2 || answer.Messages[0].Content != "one 10 "+api+"/hooks/1" ||
		answer.Messages[1].Content != "two 20 "+api+"/hooks/2" {
		t.Errorf("%v %+v", err, answer)
	}
}

func TestSecretsBelongToExactlyOneHook(t *testing.T) {
	t.Parallel()
	same := hook(3, "known")
	same.Name = "h2"
	hooks := []*rossum.Hook{hook(1, "known"), hook(2, "known"), same}
	one := rossum.Secrets{"a": "canary"}
	for name, tt := range map[string]struct {
		secrets map[string]rossum.Secrets
		want    string
	}{
		"unknown":  {map[string]rossum.Secrets{"h9": one}, `secrets of "h9": there is no such hook; did you mean "h1"?`},
		"no id":    {map[string]rossum.Secrets{"77777777": one}, `secrets of "77777777": no hook has this name or id`},
		"same":     {map[string]rossum.Secrets{"h2": one}, `secrets of "h2": both "h2" (id 2) and "h2" (id 3) are called so; use the id`},
		"twice":    {map[string]rossum.Secrets{"h1": one, "1": one}, `secrets of "h1": hook "h1" (id 1) has another entry`},
		"several":  {map[string]rossum.Secrets{"h9": one, "h2": one}, "use the id\nsecrets of \"h9\""},
		"suitable": {map[string]rossum.Secrets{"h1": one, "3": one}, ""},
	} {
		if _, err := organisation.SecretsByHook(hooks, tt.secrets); fmt.Sprint(err) != "<nil>" && tt.want == "" ||
			!strings.Contains(fmt.Sprint(err), tt.want) ||
			strings.Contains(fmt.Sprint(err), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
