package requestprocessor_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// answers is a network on which every call gets the same reply.
type answers struct {
	contentType string
	body        string
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	header := http.Header{"Content-Type": {a.contentType}}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// seeds calls a function with settings of all kinds, each with the reply that they expect.
func seeds(f *testing.F, add func(settings, contentType, reply string)) {
	f.Helper()
	address := strings.NewReplacer("API", "https://erp.example", "AUTH", `{"url":"https://erp.example/t","method":"POST","credential_key":"id"}`)
	for _, s := range samples {
		add(address.Replace(s.settings), "application/json", `{"id":7}`)
	}
	for _, settings := range []string{everySetting, journeySettings()} {
		add(address.Replace(settings), "application/json", `{"id":7}`)
	}
	for _, settings := range fuzzing.Settings(f) {
		add(string(settings), "application/json", `{"id":7}`)
	}
	data, err := os.ReadFile("testdata/runs.json")
	if err != nil {
		f.Fatal(err)
	}
	var runs []struct {
		Settings json.RawMessage `json:"settings"`
		Replies  [][]any         `json:"replies"`
	}
	if err := json.Unmarshal(data, &runs); err != nil {
		f.Fatal(err)
	}
	for _, r := range runs {
		contentType, reply := "application/json", `{"id":7}`
		if len(r.Replies) > 0 && len(r.Replies[0]) > 2 {
			header, _ := r.Replies[0][1].(map[string]any)
			contentType, _ = header["Content-Type"].(string)
			reply, _ = r.Replies[0][2].(string)
		}
		add(address.Replace(string(r.Settings)), contentType, reply)
	}
}

// FuzzRun runs whatever settings can be compiled, against a network that answers
// everything alike. Secrets of the hook are in nothing that a failure says.
func FuzzRun(f *testing.F) {
	seeds(f, func(settings, contentType, reply string) { f.Add([]byte(settings), contentType, reply) })
	body := offline(rossumtest.Field("base", "https://erp.example"), rossumtest.Field("patch", "[]")).Bytes()
	quiet := pipeline.WithLogger(slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, data []byte, contentType, reply string) {
		s := new(requestprocessor.Step)
		if s.UnmarshalJSON(data) != nil {
			return
		}
		chain, err := pipeline.New(s)
		if err != nil {
			return
		}
		payload, err := rossum.ParsePayload(body)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		client := &http.Client{Transport: answers{contentType, reply}}
		_, err = chain.Export(ctx, payload, quiet, pipeline.WithRossum(nil), pipeline.WithOriginal(pipeline.Bytes("PDF")), pipeline.WithHTTPClient(client))
		if errors.Is(err, pipeline.ErrPanic) {
			t.Fatal(err)
		}
		const secret = "canary-client-secret"
		if err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(string(data), secret) {
			t.Errorf("a secret is shown: %v", err)
		}
	})
}

func FuzzSettings(f *testing.F) {
	seeds(f, func(settings, _, _ string) { f.Add([]byte(settings)) })
	f.Add([]byte(callWith(
		`"auth":{"type":"oauth1","consumer_key":"a","consumer_secret":"b","token_key":"c","token_secret":"d"}`,
		`"iterate_over":"field.lines"`,
	)))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.CheckSettings(t, data, func() *requestprocessor.Step { return new(requestprocessor.Step) })
	})
}
