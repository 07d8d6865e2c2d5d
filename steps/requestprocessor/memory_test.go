//go:build linux && !race

package requestprocessor_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// largeCall names a file with a hook call that a process of its own exports, and the
// settings.
const largeCall, largeSettings = "REQUESTPROCESSOR_LARGE_CALL", "REQUESTPROCESSOR_LARGE_SETTINGS"

// TestARunOnALargePayloadTakesThreeTimesItsSize measures whole processes, of which the
// payload's own bytes are a third: what a function of Rossum's may take, or a container.
func TestARunOnALargePayloadTakesThreeTimesItsSize(t *testing.T) {
	if path := os.Getenv(largeCall); path != "" {
		exportLarge(t, path, os.Getenv(largeSettings))
		return
	}
	a := serve(t, nil)
	call := filepath.Join(t.TempDir(), "call.json")
	size := writeInvoice(t, call, int(int64(36<<20)*10_000/int64(len(invoiceOf(10_000)))))
	for name, content := range map[string]string{
		"fields": `{"number":"{field.number}","total":"{field.total}"}`,
		"the payload": `{"number":"{payload.annotation.id}","file":"{payload.document.original_file_name}",` +
			`"first":"{payload.annotation.content[0].schema_id}"}`,
	} {
		t.Run(name, func(t *testing.T) {
			settings := `{"stages":[{"evaluate":[{"name":"e","condition":{"payload.annotation.automated":{"$ne":null}}}],"call_api":[{"name":"c",
				"request":{"url":"API","method":"POST","content_type":"json","content":` + content + `},
				"response_handlers":[{"target_type":"schema_id","target_key":"status","value":{"response":{"$jmespath":"status_code"}}}]}]}]}`
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestARunOnALargePayloadTakesThreeTimesItsSize$")
			c.Env = append(os.Environ(), largeCall+"="+call, largeSettings+"="+strings.ReplaceAll(settings, "API", a.URL))
			out, err := c.CombinedOutput()
			found := peakMemory.FindSubmatch(out)
			if err != nil || found == nil {
				t.Fatalf("%v: %s", err, out)
			}
			peak, err := strconv.ParseInt(string(found[1]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			peak <<= 10 // from KiB
			t.Logf("%d MB for %d MB", peak>>20, size>>20)
			if peak > 3*size {
				t.Errorf("the process takes %d MB, more than 3 times the %d MB of its payload", peak>>20, size>>20)
			}
		})
	}
}

// peakMemory is how the kernel names the peak of a process. What getrusage says of a process
// that another one has started begins at the memory of that one.
var peakMemory = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// exportLarge is the program that is measured.
func exportLarge(t *testing.T, path, settings string) {
	s := new(requestprocessor.Step)
	if err := json.Unmarshal([]byte(settings), s); err != nil {
		t.Fatal(err)
	}
	chain, err := pipeline.New(s)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := rossum.ParsePayload(data)
	if err != nil {
		t.Fatal(err)
	}
	r, err := chain.Export(t.Context(), payload, client(t))
	if err != nil || r.Failed() {
		t.Fatalf("%v: %v", err, r)
	}
	if answer, err := json.Marshal(r); err != nil || !strings.Contains(string(answer), "201") {
		t.Errorf("%s, %v", answer, err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", peakMemory.Find(status))
}

// writeInvoice writes a call with so many lines, and returns how many bytes it has.
func writeInvoice(t *testing.T, path string, lines int) int64 {
	t.Helper()
	data := invoiceOf(lines)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return int64(len(data))
}
