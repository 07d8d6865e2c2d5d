package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// reply is an entry of a replies file.
type reply struct {
	Method  string            `json:"method"` // any if ""
	URL     string            `json:"url"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`

	header http.Header // of a report
	text   *string
}

// answers reads the replies file.
func (a *runArguments) answers() (func(pipeline.DryCall) (pipeline.DryReply, bool), error) {
	if a.replies == "" {
		return nil, nil
	}
	data, err := os.ReadFile(a.replies)
	if err != nil {
		return nil, err
	}
	list, err := readReplies(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.replies, err)
	}
	return answerFrom(list), nil
}

// readReplies reads a list of replies, or those of a report.
func readReplies(data []byte) ([]reply, error) {
	if strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		return repliesOfReport(data)
	}
	var list []reply
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		return nil, fmt.Errorf("is neither a list of replies nor a report: %w", err)
	}
	for i, r := range list {
		if r.URL == "" {
			return nil, fmt.Errorf("reply %d has no url", i+1)
		}
		if r.Status != 0 && (r.Status < 100 || r.Status > 599) {
			return nil, fmt.Errorf("reply %d: %d is not a valid status", i+1, r.Status)
		}
	}
	return list, nil
}

func repliesOfReport(data []byte) ([]reply, error) {
	var report pipeline.Report
	if err := json.Unmarshal(data, &report); err != nil {
		return nil, fmt.Errorf("is not a report: %w", err)
	}
	var list []reply
	for _, s := range report.All() {
		for _, c := range s.Calls {
			if c.Reply == nil || c.Reply.Hidden != "" {
				continue
			}
			if c.Reply.Cut {
				return nil, fmt.Errorf("the reply of %s %s has %d bytes, of which the report has the beginning only", c.Method, c.URL, c.Reply.Size)
			}
			list = append(list, reply{Method: c.Method, URL: c.URL, Status: c.Status, header: c.Reply.Header, text: &c.Reply.Body})
		}
	}
	if len(list) == 0 {
		return nil, errors.New("the report has no replies; it must be one that exportrun run -report has written")
	}
	return list, nil
}

// answerFrom answers calls from a list. Several entries for one call are taken one after
// the other, and the last one again and again.
func answerFrom(list []reply) func(pipeline.DryCall) (pipeline.DryReply, bool) {
	var mu sync.Mutex
	used := make(map[int]bool)
	return func(c pipeline.DryCall) (pipeline.DryReply, bool) {
		mu.Lock()
		defer mu.Unlock()
		last := -1
		for i := range list {
			if !list[i].fits(c) {
				continue
			}
			if last = i; !used[i] {
				break
			}
		}
		if last < 0 {
			return pipeline.DryReply{}, false
		}
		used[last] = true
		return list[last].answer(), true
	}
}

func (r *reply) fits(c pipeline.DryCall) bool {
	if r.Method != "" && !strings.EqualFold(r.Method, c.Method) {
		return false
	}
	if prefix, ok := strings.CutSuffix(r.URL, "*"); ok {
		return strings.HasPrefix(c.URL, prefix)
	}
	return r.URL == c.URL
}

func (r *reply) answer() pipeline.DryReply {
	answer := pipeline.DryReply{Status: r.Status, Header: r.header.Clone(), Body: []byte(r.Body)}
	if answer.Header == nil {
		answer.Header = make(http.Header)
	}
	for name, value := range r.Headers {
		answer.Header.Set(name, value)
	}
	var text string
	switch {
	case r.text != nil:
		answer.Body = []byte(*r.text)
	case len(r.Body) > 0 && r.Body[0] == '"' && json.Unmarshal(r.Body, &text) == nil:
		answer.Body = []byte(text)
	case len(r.Body) > 0 && answer.Header.Get("Content-Type") == "":
		answer.Header.Set("Content-Type", "application/json")
	}
	return answer
}

// readReport reads a report that was written as JSON.
func readReport(file string) (*pipeline.Report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var report pipeline.Report
	if err := json.Unmarshal(data, &report); err != nil {
		return nil, fmt.Errorf("%s: is not a report: %w", file, err)
	}
	if report.Started.IsZero() {
		return nil, fmt.Errorf(`%s: is not a report of a run, as "exportrun run -report FILE" writes it`, file)
	}
	return &report, nil
}
