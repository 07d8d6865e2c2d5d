package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/looked"
)

// durable is a ledger that outlives the process, as far as it says.
type durable struct{ Ledger }

func (durable) Durable() bool { return true }

func TestADurableLedgerNeedsAKeyUnlessItsDiskIsTrusted(t *testing.T) {
	t.Parallel()
	key := SealKey{ID: "1", Secret: []byte(strings.Repeat("k", 32))}
	for name, tt := range map[string]struct {
		ledger Ledger
		o      JournalOptions
		want   string // "" for a journal
	}{
		"in memory":            {MemoryLedger(), JournalOptions{}, ""},
		"sealed":               {durable{MemoryLedger()}, JournalOptions{Key: key}, ""},
		"on a trusted disk":    {durable{MemoryLedger()}, JournalOptions{TrustDisk: true}, ""},
		"neither":              {durable{MemoryLedger()}, JournalOptions{}, "give JournalOptions a Key, or set TrustDisk"},
		"with older keys only": {durable{MemoryLedger()}, JournalOptions{OlderKeys: []SealKey{key}}, "OlderKeys are given, but no Key"},
		"with a short key":     {durable{MemoryLedger()}, JournalOptions{Key: SealKey{ID: "1", Secret: []byte("short")}}, "keeping runs: "},
		"a negative lease":     {MemoryLedger(), JournalOptions{Lease: -1}, "Lease is negative"},
	} {
		_, err := NewJournal(tt.ledger, tt.o)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

// TestALateAnswerDoesNotReplaceThatOfTheOwner has a process that lost its run learn of its
// answer while, or after, the new owner makes the call again.
func TestALateAnswerDoesNotReplaceThatOfTheOwner(t *testing.T) {
	for _, order := range [][]int64{{1, 2}, {2, 1}} {
		synctest.Test(t, func(t *testing.T) {
			ledger := MemoryLedger()
			j, err := NewJournal(ledger, JournalOptions{})
			if err != nil {
				t.Fatal(err)
			}
			id := callID{Step: "/create", Call: "request", Try: 1}
			var run RunID
			record := func(kind RecordKind, value recordValue) Record {
				r, err := j.record(string(run), kind, value)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			for range 2 {
				c, err := ledger.Claim(t.Context(), RunKey{Annotation: 1}, ClaimOptions{Lease: time.Second})
				if err != nil {
					t.Fatal(err)
				}
				run = c.Run.ID
				if err := ledger.Append(t.Context(), c.Lease, record(recordCall, &callRecord{callID: id})); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
			}
			for _, fence := range order {
				reply := &replyRecord{callID: id, Fence: fence, Answer: &recordedAnswer{Status: 400 + int(fence)}}
				if err := ledger.Note(t.Context(), run, record(recordReply, reply)); err != nil {
					t.Fatal(err)
				}
			}
			h, err := j.load(t.Context(), run)
			if err != nil || len(h.calls) != 1 || h.calls[0].reply.Answer.Status != 402 {
				t.Errorf("order %v: %v, %+v, want the answer that the owner got", order, err, h.calls[0].reply)
			}
		})
	}
}

// TestTheLatestRunOfAKeyWithEmptyPartsIsItsOwn: to a query an empty part means any, and a
// hook call may come without the address of its organisation.
func TestTheLatestRunOfAKeyWithEmptyPartsIsItsOwn(t *testing.T) {
	t.Parallel()
	whole := RunKey{
		Organization: "https://acme.rossum.app",
		Hook:         "https://acme.rossum.app/api/v1/hooks/1",
		Annotation:   1,
		Event:        "annotation_content.export",
	}
	for name, empty := range map[string]func(*RunKey){
		"organisation": func(k *RunKey) { k.Organization = "" }, "hook": func(k *RunKey) { k.Hook = "" },
		"annotation": func(k *RunKey) { k.Annotation = 0 }, "event": func(k *RunKey) { k.Event = "" },
	} {
		ledger := MemoryLedger()
		j, err := NewJournal(ledger, JournalOptions{})
		if err != nil {
			t.Fatal(err)
		}
		key := whole
		empty(&key)
		if info, ok, err := j.Latest(t.Context(), key); ok || err != nil {
			t.Errorf("without %s: got %+v, %v", name, info, err)
		}
		var first RunID
		for _, k := range []RunKey{key, whole} {
			c, err := ledger.Claim(t.Context(), k, ClaimOptions{Lease: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = c.Run.ID
			}
		}
		if info, ok, err := j.Latest(t.Context(), key); !ok || err != nil || info.ID != first {
			t.Errorf("without %s: got run %q, %t, %v, want %q", name, info.ID, ok, err, first)
		}
	}
}

// A run may have left thousands of records, and some of them are large.
func TestReadingARunEndsWithItsContextAndIsNotItsEnd(t *testing.T) {
	t.Parallel()
	j, err := NewJournal(MemoryLedger(), JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	key := RunKey{Organization: "o", Hook: "h", Annotation: 1, Event: "e"}
	claimed, err := j.ledger.Claim(t.Context(), key, ClaimOptions{Owner: "a", Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := j.ledger.Append(t.Context(), claimed.Lease, Record{Kind: recordDelivered, Version: recordVersion, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	run, err := j.ledger.Load(t.Context(), claimed.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for look := 1; look <= len(run.Records); look++ {
		ctx := looked.EndsAt(t.Context(), look)
		if _, err := j.history(ctx, run); !errors.Is(err, context.Canceled) || ctx.Looks() < look {
			t.Errorf("look %d of %d: %v", look, ctx.Looks(), err)
		}
	}
	all := looked.EndsAt(t.Context(), 1000)
	if _, err := j.history(all, run); err != nil || all.Looks() != len(run.Records) {
		t.Errorf("%d looks at %d records: %v", all.Looks(), len(run.Records), err)
	}
	if _, err := j.loadToGoOn(looked.EndsAt(t.Context(), 3), claimed.Run.ID); !errors.Is(err, ErrNotNoted) {
		t.Errorf("whoever comes later may go on: %v", err)
	}
}
