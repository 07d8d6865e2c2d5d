package pipeline

import (
	"testing"
	"testing/synctest"
	"time"
)

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
