package pipeline

import (
	"encoding/json"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
)

// FuzzHistory reads records as another version, or a damaged ledger, may have them.
func FuzzHistory(f *testing.F) {
	kinds := []RecordKind{
		recordBegun, recordStarted, recordCall, recordReply, recordStep, recordChain, recordVerdict, recordStopped, recordEnd,
		recordReplaced, recordDelivered, "unknown",
	}
	const id = `"step":"/create","call":"request","item":0,"try":1`
	for kind, data := range map[byte]string{
		0: `{"request":"r","seed":"AQID","started":"2026-11-26T08:00:00Z","payload":{"annotation":{"id":1}}}`,
		1: `{"step":"/create","at":"2026-11-26T08:00:00Z"}`,
		2: `{` + id + `,"name":"create","what":"POST","request":{"method":"POST","url":"https://erp.example"}}`, 3: `{` + id + `,"answer":{"status":201,"body":"eA=="}}`,
		4: `{"step":"/create","messages":[{"type":"info","content":"x"}],"files":[{"Key":"k"}],"report":{"name":"create"}}`,
		5: `{"fingerprint":"f","moves":[{"from":"/a","to":"/b"}]}`,
		6: `{` + id + `,"there":true}`, 8: `{"response":{"messages":[]},"error":"e","report":{"steps":[]}}`, 10: `{}`, 11: `null`,
	} {
		f.Add(kind, data, kind, `{"step":"/create","files":[null],"report":null}`)
		f.Add(byte(2), `{`+id+`}`, kind, data)
	}
	j, err := NewJournal(MemoryLedger(), JournalOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind1 byte, data1 string, kind2 byte, data2 string) {
		run := Run{RunInfo: RunInfo{ID: "run", Key: RunKey{Annotation: 1}}}
		for i, one := range []struct {
			kind byte
			data string
		}{{kind1, data1}, {kind2, data2}} {
			run.Records = append(
				run.Records,
				Record{
					Kind:    kinds[int(one.kind)%len(kinds)],
					Version: int(one.kind) / len(kinds) % 3,
					Data:    []byte(one.data),
					Seq:     int64(i + 1),
				},
			)
		}
		h, err := j.history(t.Context(), run)
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		for _, path := range h.order {
			if h.steps[path] == nil {
				t.Errorf("step %q is in the order, and not there", path)
			}
		}
		l := newRunLog(j, Lease{}, h.RunInfo, h)
		_, _ = l.made(), l.sentence()
		if _, err := j.beginning(h); err != nil {
			fuzzing.CheckMessage(t, err.Error())
		}
	})
}

// FuzzReport reads a report: it comes back as it was written, whatever of it is missing.
func FuzzReport(f *testing.F) {
	f.Add(
		[]byte(
			`{"annotation":1,"started":"2026-11-26T08:00:00Z","duration_ms":1.5,"steps":[{"name":"a","calls":[{"method":"POST","url":"https://x","reply":{"status":200}}],"steps":[]}],"findings":[{"severity":"error","cause":"c"}]}`,
		),
	)
	f.Add([]byte(`{"steps":[null],"findings":[null],"messages":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r, again Report
		if json.Unmarshal(data, &r) != nil {
			return
		}
		for _, s := range r.All() {
			_ = s.Name
		}
		out, err := json.Marshal(&r)
		if err != nil {
			t.Fatalf("%q was read, and cannot be written: %v", data, err)
		}
		if err := json.Unmarshal(out, &again); err != nil {
			t.Fatalf("%q became %s: %v", data, out, err)
		}
		if second, err := json.Marshal(&again); err != nil || string(second) != string(out) {
			t.Errorf("%q became %s, and then %s, %v", data, out, second, err)
		}
	})
}

func TestAReportWithNullInItIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"steps":[null]}`: "steps[0] is null", `{"steps":[{"name":"a"},{"steps":[{},null]}]}`: "steps[1] is null",
		`{"findings":[null]}`: "findings[0] is null",
		`null`:                "", `{"steps":null}`: "", `{"steps":[{"name":"a","steps":[{"name":"b"}]}]}`: "",
	} {
		var r Report
		err := json.Unmarshal([]byte(text), &r)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
