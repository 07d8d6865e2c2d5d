package shadow_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver/shadow"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// A hook that runs after the last one of the hosted chain reports what this chain would do
// differently; recordings are those of a proxy, a file for each annotation.
func ExampleNew() {
	chain, err := pipeline.New(&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "csv", Template: "{{ field.document_id }}"}}})
	if err != nil {
		log.Fatal(err)
	}
	hook, err := shadow.New(shadow.Options{
		Chain:            chain,
		SignatureSecrets: []string{"of the hook"}, // from the environment, or a vault
		Recorded:         recordingOf,
		Compared:         func(_ context.Context, c *shadow.Comparison) { log.Print(c.Text()) },
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/shadow", hook)
	unsigned := httptest.NewRecorder() // a call that is not Rossum's
	hook.ServeHTTP(unsigned, httptest.NewRequest(http.MethodPost, "/shadow", strings.NewReader("{}")))
	fmt.Println(unsigned.Code)
	// Output: 401
}

// recordingOf reads the recording of an annotation; without one only files and fields are
// compared.
func recordingOf(_ context.Context, p *rossum.Payload) (*shadow.Recording, error) {
	file, err := os.Open(fmt.Sprintf("recordings/%d.har", p.Annotation.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return shadow.ReadRecording(file)
}

// A recording of the hosted chain, such as a HAR file of the proxy in front of the ERP, is
// compared with what this chain would send for the same hook call.
func ExampleCompare() {
	const har = `{"log": {"entries": [{
		"request": {"method": "POST", "url": "https://erp.example/invoices",
			"headers": [{"name": "Content-Type", "value": "text/csv; charset=utf-8"}, {"name": "User-Agent", "value": "hosted"}],
			"postData": {"text": "number;amount\n2026-0042;12.50\n"}},
		"response": {"status": 201, "headers": [], "content": {"text": "{\"id\": 7}"}}}]}}`
	chain, err := pipeline.New(
		&steps.CustomFormat{
			Exports: []steps.ExportConfig{{Key: "csv", Template: "number;amount\n{{ field.document_id }};{{ field.amount_total }}\n\n"}},
		},
		pipeline.Named("create", &steps.RESTExport{Key: "csv", Request: steps.Request{
			URL: "https://erp.example/invoices", Headers: map[string]string{"Content-Type": "text/csv"}, Content: "#{file_content}",
		}}),
	)
	if err != nil {
		log.Fatal(err)
	}
	recording, err := shadow.ReadRecording(strings.NewReader(har))
	if err != nil {
		log.Fatal(err)
	}
	call := rossumtest.Annotation(
		rossumtest.Offline(),
		rossumtest.Field("document_id", "2026-0042"),
		rossumtest.Field("amount_total", "12,50"),
	)
	fmt.Print(shadow.Compare(context.Background(), chain, call.Payload(), recording, pipeline.WithLogger(nil)).Text())
	// Output:
	// annotation 314528: 2 differences
	//   POST https://erp.example/invoices of step "create": header Content-Type differs at byte 8, line 1: hosted "; charset=utf-8", here "" (23 and 8 bytes)
	//   POST https://erp.example/invoices of step "create": body differs at byte 26, line 2: hosted ".50\n", here ",50\n" (30 and 30 bytes)
	//     @@ -1,2 +1,2 @@
	//      number;amount
	//     -2026-0042;12.50
	//     +2026-0042;12,50
}

// Record stands in front of a proxy to the ERP that the hosted hooks call.
func ExampleRecord() {
	erp := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	var recording shadow.Recording
	proxy := shadow.Record(erp, func(c shadow.RecordedCall) { recording.Calls = append(recording.Calls, c) })
	request := httptest.NewRequest(http.MethodPost, "/invoices", strings.NewReader("number;amount"))
	request.Host = "erp.example"
	proxy.ServeHTTP(httptest.NewRecorder(), request)
	for _, c := range recording.Calls {
		fmt.Println(c.Method, c.URL, c.Status, string(c.Body))
	}
	// Output: POST https://erp.example/invoices 201 number;amount
}
