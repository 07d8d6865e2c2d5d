package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// platform calls the hook as Rossum does: again, until it gets an answer.
type platform struct {
	fleet   *fleet
	ended   atomic.Int64 // exports
	repeats atomic.Int64 // calls
}

// result is what an annotation's export ended with.
type result struct {
	annotation int64
	variant    variant
	message    string // of an error; "" if it was exported
}

func (p *platform) exportAll(ctx context.Context, o options) []result {
	results := make([]result, o.exports)
	next := make(chan int)
	var all sync.WaitGroup
	for range o.atOnce {
		all.Go(func() {
			for i := range next {
				r := result{annotation: int64(i + 1), variant: variants[i%len(variants)]}
				r.message = p.export(ctx, r)
				results[i] = r
				p.ended.Add(1)
			}
		})
	}
	for i := range results {
		next <- i
	}
	close(next)
	all.Wait()
	return results
}

// Times of the platform.
const (
	hookTime    = 35 * time.Second // for an answer
	repeatPause = 200 * time.Millisecond
	mostCalls   = 300
)

// export calls the hook until it is answered, and returns the error message that a person
// would see.
func (p *platform) export(ctx context.Context, r result) string {
	body := hookCall(r)
	last := ""
	for n := range mostCalls {
		if n > 0 {
			p.repeats.Add(1)
			time.Sleep(repeatPause)
		}
		answer, err := p.call(ctx, body)
		if ctx.Err() != nil {
			return ctx.Err().Error()
		}
		if err != nil {
			last = err.Error()
			continue
		}
		for _, m := range answer.Messages {
			if m.Type == rossum.MessageError {
				return m.Content
			}
		}
		return ""
	}
	return fmt.Sprintf("the hook was called %d times without an answer: %s", mostCalls, last)
}

// call makes one call through the balancer.
func (p *platform) call(ctx context.Context, body []byte) (*rossum.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.fleet.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	rossum.Sign(req.Header, body, hookSecret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusAccepted {
		_ = resp.Body.Close()
		return p.poll(ctx, resp.Header.Get("Location"))
	}
	return answerOf(resp, http.StatusOK)
}

// answerOf reads an answer that has the status.
func answerOf(resp *http.Response, status int) (*rossum.Response, error) {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != status {
		return nil, fmt.Errorf("%s: %s", resp.Status, text)
	}
	answer := &rossum.Response{}
	return answer, json.Unmarshal(text, answer)
}

// poll asks at an export's address, any replica, until it has ended or ctx has.
func (p *platform) poll(ctx context.Context, location string) (*rossum.Response, error) {
	_, query, _ := strings.Cut(location, "?")
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.fleet.URL+"?"+query, nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil && resp.StatusCode != http.StatusAccepted && resp.StatusCode < http.StatusInternalServerError {
			return answerOf(resp, http.StatusCreated)
		}
		if err == nil {
			_ = resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(repeatPause):
		}
	}
}

// hookCall is the hook call of an annotation in the variant's queue.
func hookCall(r result) []byte {
	var call map[string]any
	_ = json.Unmarshal(rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("document_id", fmt.Sprint(r.annotation))).Bytes(), &call) // it is JSON
	annotation := call["annotation"].(map[string]any)
	annotation["id"] = r.annotation
	annotation["url"] = fmt.Sprintf("%v/api/v1/annotations/%d", call["base_url"], r.annotation)
	annotation["queue"] = fmt.Sprintf("%v/api/v1/queues/%d", call["base_url"], r.variant)
	body, _ := json.Marshal(call) // of what was JSON
	return body
}
