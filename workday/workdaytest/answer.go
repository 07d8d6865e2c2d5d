package workdaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

const envelopeStart = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
	`<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wd="urn:com.workday/bsvc"><SOAP-ENV:Body>`

const envelopeEnd = `</SOAP-ENV:Body></SOAP-ENV:Envelope>`

// respond answers a call with what JSON-like values say.
func respond(w http.ResponseWriter, op *wsdl.Operation, answer any) {
	body, namespaces, err := encode(op, answer)
	if err != nil {
		SOAPFault(w, "Server", "The answer of the test is unusable: "+err.Error(), "")
		return
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	fmt.Fprint(w, `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"`+namespaces+`><SOAP-ENV:Body>`)
	_, _ = w.Write(body) // the client may hang up
	fmt.Fprint(w, envelopeEnd)
}

func encode(op *wsdl.Operation, answer any) ([]byte, string, error) {
	if op.Output == nil {
		return nil, "", nil
	}
	if answer == nil {
		answer = map[string]any{}
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return nil, "", err
	}
	template, err := jsontemplate.Compile(data, jsontemplate.Options{})
	if err != nil {
		return nil, "", err
	}
	value, err := template.Render(context.Background(), nil)
	if err != nil {
		return nil, "", err
	}
	m, err := message.Encode(context.Background(), []wsdl.Part{{Element: op.Output}}, nil, value)
	if err != nil {
		return nil, "", err
	}
	r, err := m.Body.Open(context.Background())
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	return all, m.Namespaces, err
}

// SOAPFault answers with a fault; detail is XML, in which wd is Workday's
// namespace.
func SOAPFault(w http.ResponseWriter, code, text, detail string) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprintf(w, `%s<SOAP-ENV:Fault><faultcode>SOAP-ENV:%s</faultcode><faultstring>%s</faultstring>`, envelopeStart, escape(code), escape(text))
	if detail != "" {
		fmt.Fprintf(w, `<detail>%s</detail>`, detail)
	}
	fmt.Fprint(w, `</SOAP-ENV:Fault>`+envelopeEnd)
}

// ValidationFault answers with a validation fault. Parts of an error that are ""
// are left out, as Workday does.
func ValidationFault(w http.ResponseWriter, text string, errs ...workday.ValidationError) {
	var detail bytes.Buffer
	detail.WriteString(`<wd:Validation_Fault>`)
	for _, e := range errs {
		detail.WriteString(`<wd:Validation_Error>`)
		for _, part := range [][2]string{{"Message", e.Message}, {"Detail_Message", e.Detail}, {"Xpath", e.XPath}} {
			if part[1] != "" {
				fmt.Fprintf(&detail, `<wd:%s>%s</wd:%s>`, part[0], escape(part[1]), part[0])
			}
		}
		detail.WriteString(`</wd:Validation_Error>`)
	}
	detail.WriteString(`</wd:Validation_Fault>`)
	SOAPFault(w, "Client.validationError", "Validation error occurred. "+text, detail.String())
}

// ProcessingFault answers that the user may not do this.
func ProcessingFault(w http.ResponseWriter) {
	const text = "Processing error occurred. The task submitted is not authorized."
	SOAPFault(w, "Server.processingError", text, `<wd:Processing_Fault><wd:Detail_Message>`+text+`</wd:Detail_Message></wd:Processing_Fault>`)
}

func validationErrors(problems []message.Problem) []workday.ValidationError {
	errs := make([]workday.ValidationError, len(problems))
	for i, p := range problems {
		errs[i] = workday.ValidationError{Message: p.Text, XPath: p.XPath}
	}
	return errs
}

func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer never fails
	return b.String()
}
