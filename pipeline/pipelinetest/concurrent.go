package pipelinetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// together is how many exports with different data a step runs at once.
const together = 8

// checkConcurrent compares what exports with different data get from one step
// alone with what they get at the same time.
func checkConcurrent(ctx context.Context, step pipeline.Step, c Case) error {
	chain, err := observed(step)
	if err != nil {
		return err
	}
	defer chain.Close()
	now := time.Now()
	options := append([]pipeline.Option{pipeline.WithClock(func() time.Time { return now })}, c.Options...)
	alone, err := runTogether(ctx, chain, c.Call, 1, options)
	if err != nil {
		return err
	}
	again, err := runTogether(ctx, chain, c.Call, 1, options)
	if err != nil {
		return err
	}
	// What differs by itself, such as a random boundary, proves nothing.
	random := differences(alone[0], again[0])
	for _, what := range []string{"failed", "operations"} {
		if slices.Contains(random, what) {
			return fmt.Errorf("%w: %s is %q, and in a second run %q", errConcurrent, what, alone[0][what], again[0][what])
		}
	}
	for range 2 {
		beside, err := runTogether(ctx, chain, c.Call, together, options)
		if err != nil {
			return err
		}
		for i, got := range beside {
			found := slices.DeleteFunc(differences(alone[i], got), func(what string) bool { return slices.Contains(random, what) })
			if len(found) > 0 {
				return fmt.Errorf("%w: %s alone %q, beside others %q", errConcurrent, found[0], alone[i][found[0]], got[found[0]])
			}
		}
	}
	return nil
}

// runTogether runs the variants of a call, so many at once, and returns what each
// of them left.
func runTogether(ctx context.Context, chain *pipeline.Chain, call *rossumtest.Call, atOnce int, options []pipeline.Option) ([]map[string]string, error) {
	left, faults := make([]map[string]string, together), make([]error, together)
	var wait sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range together {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			payload, err := varied(call, i)
			if err != nil {
				faults[i] = err
				return
			}
			left[i] = parts(runChain(ctx, chain, payload, options...))
		})
	}
	wait.Wait()
	for _, err := range faults {
		if err != nil {
			return nil, err
		}
	}
	return left, nil
}

// parts are what a run left, by name.
func parts(r Result) map[string]string {
	left := map[string]string{"failed": fmt.Sprint(failed(r)), "error": fmt.Sprint(r.Err)}
	if r.Response != nil {
		left["operations"] = string(encode(r.Response.Operations))
		left["messages"] = string(encode(r.Response.Messages))
	}
	for key, data := range r.Files {
		left["file "+key] = string(data)
	}
	for id, value := range r.Values {
		left["field "+id] = value
	}
	return left
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

// differences names what two runs do not have in common.
func differences(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	var found []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if a[name] != b[name] {
			found = append(found, name)
		}
	}
	return found
}

// varied returns the payload of a call whose fields have other numbers in them.
// Variant 0 is the call itself. Addresses stay: they lead to a test's servers.
func varied(call *rossumtest.Call, variant int) (*rossum.Payload, error) {
	if variant == 0 {
		return call.Payload(), nil
	}
	var payload map[string]any
	d := json.NewDecoder(bytes.NewReader(call.Bytes()))
	d.UseNumber()
	if err := d.Decode(&payload); err != nil {
		return nil, fmt.Errorf("pipelinetest: varying the call: %w", err)
	}
	if annotation, ok := payload["annotation"].(map[string]any); ok {
		vary(annotation["content"], variant)
	}
	return rossum.ParsePayload(encode(payload))
}

// vary changes the values of all fields below a part of a content tree.
func vary(v any, variant int) {
	switch v := v.(type) {
	case []any:
		for _, child := range v {
			vary(child, variant)
		}
	case map[string]any:
		if content, ok := v["content"].(map[string]any); ok {
			for _, key := range []string{"value", "normalized_value"} {
				if text, ok := content[key].(string); ok {
					content[key] = turned(text, variant)
				}
			}
		}
		vary(v["children"], variant)
	}
}

// turned adds to the first digit of a text, so that a number stays a number and a
// date a date.
func turned(text string, by int) string {
	i := strings.IndexAny(text, "0123456789")
	if i < 0 || strings.Contains(text, "://") {
		return text
	}
	return text[:i] + string('0'+(text[i]-'0'+byte(by))%10) + text[i+1:]
}
