package rossumtest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCallsAreTheSameEveryTime(t *testing.T) {
	t.Parallel()
	c := rossumtest.Annotation(rossumtest.Fields(map[string]string{"b": "2", "a": "1"}), rossumtest.Table("line_items", rossumtest.Row("x", "1", "y")))
	if !bytes.Equal(c.Bytes(), c.Bytes()) {
		t.Error("two calls differ")
	}
	content := c.Payload().Annotation.Content
	if a := content.Find("a")[0]; a.ID() != 1002 || a.Value() != "1" || content.Find("y")[0].Value() != "" {
		t.Errorf("field a has id %d", a.ID())
	}
}

func ExampleAnnotation() {
	p := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-0042"),
		rossumtest.Table("line_items", rossumtest.Row("item_description", "Paper", "item_amount", "12.50")),
	).Payload()
	for _, row := range p.Annotation.Content.Find("line_item") {
		fmt.Println(row.Cell("item_description").Value(), row.Cell("item_amount").Value())
	}
	// Output: Paper 12.50
}

func ExampleServer() {
	platform := rossumtest.NewServer()
	defer platform.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client, err := rossum.NewClient(platform.URL, rossum.Secret(platform.Token), rossum.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		fmt.Println(err)
		return
	}
	platform.Fail(rossumtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: "0"})
	document, err := client.CreateDocument(context.Background(), "invoice.csv", "text/csv", []byte("a,b"))
	fmt.Println(document.OriginalFileName, err, platform.Calls())
	// Output: invoice.csv <nil> [POST documents POST documents]
}
