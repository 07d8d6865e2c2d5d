package workday_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

func TestFewIDsOfANewObjectAreLookedAt(t *testing.T) {
	t.Parallel()
	tenant := workdaytest.NewTenant()
	defer tenant.Close()
	tenant.Next(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:r="urn:com.workday/bsvc"><e:Body>`+
			`<r:Submit_Supplier_Invoice_Response><r:Supplier_Invoice_Reference>`)
		for i := range 150 {
			_, _ = fmt.Fprintf(w, `<r:ID r:type="X">number-%d</r:ID>`, i)
		}
		_, _ = io.WriteString(w, `</r:Supplier_Invoice_Reference></r:Submit_Supplier_Invoice_Response></e:Body></e:Envelope>`)
	})
	chain, err := pipeline.New(&workday.Step{Configurations: []workday.Configuration{{
		WSDL: tenant.Coordinates(), ResultField: "found",
		Request: workday.Request{
			Service: "Resource_Management", Operation: "Submit_Supplier_Invoice",
			Mapping: json.RawMessage(`{"Supplier_Invoice_Data":{"Company_Reference":{}}}`),
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := chain.Export(t.Context(), rossumtest.Annotation(
		rossumtest.Field("found", ""), rossumtest.Offline(),
		rossumtest.Secret("workday_username", workdaytest.Username), rossumtest.Secret("workday_password", workdaytest.Password),
	).Payload())
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(answer.Messages)
	if !strings.Contains(text, "number-0 (X)") || !strings.Contains(text, "number-99 ") || strings.Contains(text, "number-100") {
		t.Errorf("%s", text)
	}
}
