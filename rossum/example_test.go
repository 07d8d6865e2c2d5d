package rossum_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func ExampleVerifySignature() {
	body := []byte(`{"request_id":"1"}`)
	header := http.Header{}
	rossum.Sign(header, body, "of the hook") // as the platform does
	fmt.Println(rossum.CheckSignatureHeader(header))
	fmt.Println(rossum.VerifySignature(header, body, "the new secret", "of the hook"))
	fmt.Println(errors.Is(rossum.VerifySignature(header, []byte("changed"), "of the hook"), rossum.ErrWrongSignature))
	fmt.Println(errors.Is(rossum.CheckSignatureHeader(http.Header{}), rossum.ErrNoSignature))
	// Output:
	// <nil>
	// <nil>
	// true
	// true
}

func ExampleIDOf() {
	fmt.Println(rossum.IDOf("https://acme.rossum.app/api/v1/queues/8199"), rossum.IDOf("https://acme.rossum.app"))
	// Output: 8199 0
}

func ExampleParseDecimal() {
	d, err := rossum.ParseDecimal("1250.50")
	fmt.Println(d.Rat(), d.Scale(), err)
	_, err = rossum.ParseDecimal("1e3")
	fmt.Println(err != nil)
	// Output:
	// 2501/2 2 <nil>
	// true
}

func ExampleParseContent() {
	content, err := rossum.ParseContent([]byte(`[{"id": 1, "schema_id": "basic_info", "category": "section", "children": [
		{"id": 2, "schema_id": "document_id", "category": "datapoint", "content": {"value": "2026-0042"}}]}]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	number, err := content.Field("document_id")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(number.ID(), number.Value(), number.Parent().SchemaID())
	// Output: 2 2026-0042 basic_info
}

// A key that cannot be read is noted, and the others are read all the same.
func ExampleParseHook() {
	hook, err := rossum.ParseHook([]byte(`{"id": 7, "name": "Export", "active": "yes", "events": ["annotation_content.export"]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook, hook.ListensTo("annotation_content", "export"), hook.Unreadable("active"))
	// Output: "Export" (id 7) true true
}

func ExampleNewClient() {
	platform := rossumtest.NewServer()
	defer platform.Close()
	platform.AddHook([]byte(`{"id": 7, "name": "Export", "active": true}`))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client, err := rossum.NewClient(
		platform.URL,
		rossum.Secret(platform.Token),
		rossum.ClientOptions{HTTPClient: &http.Client{Transport: transport}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	hook, err := client.Hook(context.Background(), 7)
	fmt.Println(hook, err)
	_, err = rossum.NewClient("http://acme.rossum.app", "token", rossum.ClientOptions{})
	fmt.Println(err != nil) // the token would be readable on the way
	// Output:
	// "Export" (id 7) <nil>
	// true
}
