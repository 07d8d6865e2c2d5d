package main

import (
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// FuzzReadReplies reads files of replies, and reports of runs, and answers calls from them.
func FuzzReadReplies(f *testing.F) {
	f.Add(
		[]byte(
			`[{"method": "POST", "url": "https://erp.example/*", "status": 201, "headers": {"A": "b"}, "body": {"id": 7}}, {"url": "https://x", "body": "text"}]`,
		),
	)
	f.Add(
		[]byte(
			`{"steps": [{"name": "a", "calls": [{"method": "GET", "url": "https://x", "reply": {"status": 200, "body": "x"}}], "steps": [null]}]}`,
		),
	)
	f.Add([]byte(`{"steps": [null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := readReplies(data)
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		answers := answerFrom(list)
		for _, r := range list {
			answers(pipeline.DryCall{Method: r.Method, URL: r.URL})
		}
	})
}
