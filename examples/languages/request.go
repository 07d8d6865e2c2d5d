package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// request is a run of the Request Processor that sends nothing.
type request struct {
	body   []byte // of the call; nil if none was due
	result string // the field
}

// process runs stages on the invoice; every call gets the reply.
func process(stages string) (*request, error) {
	var step requestprocessor.Step
	if err := json.Unmarshal([]byte(`{"stages": [`+stages+`]}`), &step); err != nil {
		return nil, ofRequest(err)
	}
	chain, err := pipeline.New(&step)
	if err != nil {
		return nil, ofRequest(err)
	}
	defer chain.Close()
	made := &request{}
	payload := invoice().Payload()
	dry := pipeline.DryRun{
		Made: func(c pipeline.DryCall) { made.body = append([]byte{}, c.Body...) },
		Reply: func(pipeline.DryCall) (pipeline.DryReply, bool) {
			header := http.Header{"Content-Type": {"application/json"}, "Location": {"/invoices/7"}}
			return pipeline.DryReply{Status: http.StatusCreated, Header: header, Body: []byte(reply)}, true
		},
	}
	if _, err := chain.Export(context.Background(), payload, pipeline.WithDryRun(dry), pipeline.WithLogger(nil)); err != nil {
		return nil, ofRequest(err)
	}
	n, err := payload.Annotation.Content.Field("result")
	if err != nil {
		return nil, err
	}
	made.result = n.Value()
	return made, nil
}

const call = `{"call_api": [{"name": "x", "request": {"url": "https://erp.example/", "method": "POST"%s}%s}]}`

// sent is the member result of the JSON that a request sends.
func sent(settings string) (string, error) {
	made, err := process(`{"call_api": [{"name": "x", "request": {"url": "https://erp.example/", ` + settings + `}}]}`)
	if err != nil {
		return "", err
	}
	var body struct{ Result json.RawMessage }
	err = json.Unmarshal(made.body, &body)
	return string(body.Result), err
}

// due tells whether a stage with a condition makes its call.
func due(condition string) (string, error) {
	stage := strings.Replace(fmt.Sprintf(call, "", ""), "{", `{"evaluate": [{"name": "c", "condition": `+condition+`}], `, 1)
	made, err := process(stage)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(made.body != nil), nil
}

// handled is what a response handler writes into a field.
func handled(value string) (string, error) {
	made, err := process(fmt.Sprintf(call, "", `, "response_handlers": [{"target_type": "schema_id", "target_key": "result", "value": `+value+`}]`))
	if err != nil {
		return "", err
	}
	return made.result, nil
}

var place = regexp.MustCompile(`^(?:nothing was sent, since the export would fail:\n)?(?:step )?Request Processor[,:] |stages\[0\]\S* (?:\(\w+\): )?`)

// ofRequest takes the name of the step and its setting off an error.
func ofRequest(err error) error {
	return errors.New(place.ReplaceAllString(place.ReplaceAllString(err.Error(), ""), ""))
}
