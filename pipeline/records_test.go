package pipeline

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// eager hides that a ledger is a memory ledger, so that it gets records as a durable one.
type eager struct{ Ledger }

// recordsIn are the data of records as the ledger that wrap makes gives them back, after
// what they were made of has changed.
func recordsIn(t *testing.T, wrap func(Ledger) Ledger) []string {
	t.Helper()
	ledger := MemoryLedger()
	j, err := NewJournal(wrap(ledger), JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := rossum.ParsePayload(
		[]byte(`{"request_id":"r","secrets":{"a":"canary"},"annotation":{"id":1}, "rossum_authorization_token" : "canary"}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	seed, at := []byte{1, 2, 3}, time.Date(2026, 11, 26, 8, 0, 0, 123456789, time.UTC)
	id := callID{Step: "/create", Call: "request", Try: 1}
	body := []byte("body")
	sent := &Request{Method: "POST", URL: "https://erp.example", Header: http.Header{"A": {"b"}}, Body: Bytes(body)}
	request := sent.record(func(text string) string { return text })
	answer := &recordedAnswer{Status: 201, Header: http.Header{"C": {"d"}}, Body: []byte("reply"), Value: []byte(`[ "<x>" ]`)}
	messages := []rossum.Message{{Type: rossum.MessageInfo, Content: "first"}}
	response := &rossum.Response{
		Messages:   []rossum.Message{{Type: rossum.MessageInfo, Content: "last"}},
		Operations: []rossum.Operation{{Op: "remove", ID: 7}},
	}
	step := &StepReport{Name: "create", Status: StatusDone, Started: at, Decisions: []string{"made"}}
	reply := &replyRecord{callID: id, At: at, Answer: answer, Fence: 3}
	var records []Record
	for _, one := range []struct {
		kind  RecordKind
		value recordValue
	}{
		{recordBegun, begunRecord{Request: "r", Path: "/p", Seed: seed, Started: at, call: p}},
		{recordBegun, begunRecord{Request: "r", Started: at, call: &rossum.Payload{}}},
		{recordStarted, &startedRecord{"/create", at}},
		{recordCall, &callRecord{callID: id, Name: "create", What: "POST", Started: at, Limit: time.Second, Request: request}},
		{recordCall, &callRecord{callID: id, Reads: true}},
		{recordReply, reply},
		{recordReply, &replyRecord{callID: id, Error: "lost", Sent: true}},
		{recordStep, &stepRecord{
			Step: "/create", Messages: messages, Changes: []byte(`[{"id":1,"value":"x"}]`), Keys: []string{"k"}, Files: []*File{{Key: "k", Data: []byte("file")}}, Report: step,
		}},
		{recordChain, chainRecord{Fingerprint: "f", Moves: []movedStep{{"/a", "/b"}}}},
		{recordVerdict, verdictRecord{id, Verdict{There: true, Body: []byte("v")}}},
		{recordReplaced, mark{}},
		{recordEnd, endRecord{Response: response, Error: "e", Report: &Report{Started: at, Steps: []*StepReport{step}}}},
	} {
		r, err := j.record("place", one.kind, one.value)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	claimed, err := ledger.Claim(t.Context(), RunKey{Annotation: 1}, ClaimOptions{Lease: time.Minute, First: records})
	if err != nil {
		t.Fatal(err)
	}
	seed[0], body[0], answer.Body[0], answer.Status, reply.Fence = 9, 'X', 'X', 500, 9
	sent.Header["A"][0], answer.Header["C"][0], messages[0].Content, response.Messages[0].Content, response.Operations[0].ID = "X", "X", "X", "X", 9
	run, err := ledger.Load(context.Background(), claimed.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	var data []string
	for _, r := range run.Records {
		if r.later != nil {
			t.Errorf("record %d still has to be made", r.Seq)
		}
		data = append(data, string(r.Kind)+" "+string(r.Data))
	}
	return data
}

func TestAMemoryLedgerGivesTheRecordsThatADurableOneGets(t *testing.T) {
	t.Parallel()
	want := recordsIn(t, func(l Ledger) Ledger { return eager{l} })
	got := recordsIn(t, func(l Ledger) Ledger { return l })
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("record %d\n got %s\nwant %s", i+1, got[i], want[i])
		}
	}
	const begun = `begun {"payload":{"request_id":"r","secrets":null,"annotation":{"id":1}, "rossum_authorization_token" : null},"request":"r","path":"/p","seed":"AQID","started":"2026-11-26T08:00:00.123456789Z"}`
	if want[0] != begun {
		t.Errorf("got %s", want[0])
	}
}

func TestAnAnswerThatIsNoJSONIsRefusedByEveryLedger(t *testing.T) {
	t.Parallel()
	for name, ledger := range map[string]Ledger{"memory": MemoryLedger(), "durable": eager{MemoryLedger()}} {
		j, err := NewJournal(ledger, JournalOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.record("", recordReply, &replyRecord{Answer: &recordedAnswer{Value: []byte("{")}}); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}
