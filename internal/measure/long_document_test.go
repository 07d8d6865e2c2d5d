package measure

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// longDocument is a document of many line items, of which steps are to make something.
type longDocument struct {
	name string // with which those of its rows begin
	call func() *rossumtest.Call
}

// request sends it by a REST export.
func (d longDocument) request(name string, r steps.Request) row {
	return attack(d.name+name, 400, func(t testing.TB) func(context.Context) error {
		r.URL, r.Method = server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) }), "POST"
		return exports(t, d.call(), &steps.RESTExport{Request: r})
	})
}

// processor sends it by a Request Processor.
func (d longDocument) processor(name, call string) row {
	return attack(d.name+"processor, "+name, 400, func(t testing.TB) func(context.Context) error {
		url := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
		return exports(t, d.call(), settingsOf[requestprocessor.Step](t, fmt.Sprintf(
			`{"stages":[{"call_api":[{"name":"c","request":{"url":%q,"method":"POST","timeout":60,%s}]}]}`, url, call,
		)))
	})
}

// function runs code on it.
func (d longDocument) function(code string) row {
	return attack(d.name+"function: "+code, 400, func(t testing.TB) func(context.Context) error {
		return exports(t, d.call(), &steps.Function{Code: "import re\nimport json\nfrom decimal import Decimal\nfrom txscript import *\n" +
			"def rossum_hook_request_handler(payload):\n    t = TxScript.from_payload(payload)\n    " +
			strings.ReplaceAll(code, "\n", "\n    ") + "\n    return t.hook_response()\n"})
	})
}
