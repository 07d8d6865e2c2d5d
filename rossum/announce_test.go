package rossum_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// remembering makes each call once, and answers the next one like it from memory.
type remembering struct {
	calls   []string
	answers map[string]*rossum.APIReply
	refuses error
}

func (r *remembering) Announce(
	ctx context.Context,
	call rossum.APICall,
	send func(context.Context) (*rossum.APIReply, error),
) (*rossum.APIReply, error) {
	what := fmt.Sprintf("%s %s %s", call.Method, call.URL, call.Body)
	r.calls = append(r.calls, what)
	if r.refuses != nil {
		return nil, r.refuses
	}
	if r.answers[what] == nil {
		answer, err := send(ctx)
		if err != nil {
			return nil, err
		}
		r.answers[what] = answer
	}
	return r.answers[what], nil
}

func TestAnAnnouncerMakesTheCallsOfAClient(t *testing.T) {
	t.Parallel()
	platform := rossumtest.NewServer()
	defer platform.Close()
	plain, err := rossum.NewClient(platform.URL, rossumtest.Token, rossum.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	memory := &remembering{answers: make(map[string]*rossum.APIReply)}
	client := plain.Announced(memory)
	for range 2 {
		if err := client.SetHookSecrets(t.Context(), 7, rossum.Secrets{"token": "abc"}); err != nil {
			t.Error(err)
		}
		if _, err := client.Document(t.Context(), 1); !errors.Is(err, rossum.ErrNotFound) {
			t.Errorf("document 1: %v, want what was answered at first", err)
		}
		platform.AddDocument(1, "a.txt", "text/plain", nil)
	}
	want := []string{"PATCH " + platform.URL + `/api/v1/hooks/7 {"secrets":{"token":"abc"}}`, "GET " + platform.URL + "/api/v1/documents/1 "}
	if !slices.Equal(memory.calls, append(want, want...)) || len(platform.Calls()) != 2 {
		t.Errorf("announced %q, made %q", memory.calls, platform.Calls())
	}
	memory.refuses = errors.New("the ledger is full")
	if err := client.DeleteDocument(t.Context(), 1); !errors.Is(err, memory.refuses) || len(platform.Calls()) != 2 {
		t.Errorf("%v, made %q", err, platform.Calls())
	}
	if _, err := client.Announced(nil).Document(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestADocumentIsFoundAgainByItsNameAndMetadata(t *testing.T) {
	t.Parallel()
	platform := rossumtest.NewServer()
	defer platform.Close()
	client, err := rossum.NewClient(platform.URL, rossumtest.Token, rossum.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a.txt", "a.txt", "b.txt"} {
		if _, err := client.CreateDocument(t.Context(), rossum.NewDocument{Name: name, Data: []byte("x"), Metadata: map[string]any{"n": i}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		since time.Duration
		want  []string
	}{
		{"a.txt", -24 * time.Hour, []string{`{"n":0}`, `{"n":1}`}},
		{"c.txt", -24 * time.Hour, nil},
		{"a.txt", 48 * time.Hour, nil},
	} {
		var got []string
		for d, err := range client.FindDocuments(t.Context(), tt.name, time.Now().Add(tt.since)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(d.Metadata))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s since %v: %q, want %q", tt.name, tt.since, got, tt.want)
		}
	}
}
