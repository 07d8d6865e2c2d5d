package workday

import (
	"context"
	"net/http"
	"os"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

func FuzzSettings(f *testing.F) {
	for _, settings := range fuzzing.Settings(f) {
		f.Add(settings)
	}
	f.Add(
		[]byte(
			`{"configurations": [{"queues": [1, "https://x/api/v1/queues/2"], "excluded_queues": [1], "wsdl": {"domain": "wd3.example.com", "tenant": "t", "api_version": "v42.2"},
		"request": {"service": "Resource_Management", "operation": "Submit_Supplier_Invoice", "mapping": {"a": "@{b}"}, "timeout_s": 30}, "result_schema_id": "r"}]}`,
		),
	)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.CheckSettings(t, data, func() *Step { return new(Step) })
	})
}

// FuzzReply reads what a server may answer: an answer, or words for what is wrong with it.
func FuzzReply(f *testing.F) {
	text, err := os.ReadFile("testdata/wsdl/Models.wsdl")
	if err != nil {
		f.Fatal(err)
	}
	document, err := wsdl.Parse(f.Context(), text, wsdl.Options{})
	if err != nil {
		f.Fatal(err)
	}
	operation, err := document.Operation(document.Operations()[0])
	if err != nil {
		f.Fatal(err)
	}
	p := &prepared{operation: operation, mapping: pyvalue.NewDict().Value()}
	const envelope = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>`
	for _, body := range []string{
		`<r xmlns="urn:x"><A_Reference><ID type="WID">1</ID></A_Reference></r>`,
		`<e:Fault><faultcode>Client.validationError</faultcode><faultstring>s</faultstring><detail><Validation_Fault xmlns="urn:com.workday/bsvc"><Validation_Error><Message>m</Message><Xpath>/wd:a[1]/wd:b[2]</Xpath></Validation_Error></Validation_Fault></detail></e:Fault>`,
	} {
		f.Add(200, []byte(envelope+body+`</e:Body></e:Envelope>`))
		f.Add(500, []byte(envelope+body+`</e:Body></e:Envelope>`))
	}
	f.Add(503, []byte("<html>down</html>"))
	f.Add(200, []byte("<?xml version='1.0' encoding='utf-16'?><a/>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		answer, err := p.read(context.WithoutCancel(t.Context()), &httpcall.Reply{Status: status, Header: http.Header{}, Body: body})
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		_, _ = newObject(answer)
		_ = answer.Decode()
	})
}
