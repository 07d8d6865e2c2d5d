package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// erp counts what it was asked for: one thing for each call, or for each key where it
// honours keys.
type erp struct {
	*httptest.Server
	mu   sync.Mutex
	has  map[deed]int
	keys map[string]bool
}

// deed is a call, such as /key/create, for an annotation.
type deed struct {
	call       string
	annotation int64
}

func startERP() *erp {
	e := &erp{has: make(map[deed]int), keys: make(map[string]bool)}
	e.Server = httptest.NewServer(e)
	return e
}

func (e *erp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/has" {
		var annotation int64
		_, _ = fmt.Sscan(r.URL.Query().Get("annotation"), &annotation) // 0 is none
		e.mu.Lock()
		defer e.mu.Unlock()
		_ = json.NewEncoder(w).Encode(e.has[deed{r.URL.Query().Get("call"), annotation}] > 0) // who has gone asks again
		return
	}
	var body struct{ Annotation int64 }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	work() // before it acts, and after: a caller may go meanwhile
	e.act(deed{r.URL.Path, body.Annotation}, r.Header.Get("Idempotency-Key"))
	work()
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"id":%d}`, body.Annotation)
}

func work() { time.Sleep(time.Duration(5+rand.IntN(60)) * time.Millisecond) }

func (e *erp) act(d deed, key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if strings.HasPrefix(d.call, "/key/") {
		if e.keys[d.call+key] {
			return
		}
		e.keys[d.call+key] = true
	}
	e.has[d]++
}

// verdict prints the counts. The error says what must not be.
func (e *erp) verdict(results []result) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var faults []error
	for _, v := range variants {
		exports, invoices, messages := 0, 0, 0
		for _, r := range results {
			if r.variant != v {
				continue
			}
			exports++
			if r.message != "" {
				messages++
			}
			n := e.has[deed{fmt.Sprintf("/%s/create", v), r.annotation}]
			invoices += n
			faults = append(faults, e.check(r))
		}
		fmt.Printf("%-8s %4d exports: %4d invoices, %d messages that ask a person\n", v, exports, invoices, messages)
	}
	return errors.Join(faults...)
}

// check holds an export to what must be.
func (e *erp) check(r result) error {
	var faults []error
	for _, name := range calls {
		path := fmt.Sprintf("/%s/%s", r.variant, name)
		n := e.has[deed{path, r.annotation}]
		switch {
		case n > 1:
			faults = append(faults, fmt.Errorf("annotation %d: %s was done %d times", r.annotation, path, n))
		case n == 0 && r.message == "":
			faults = append(faults, fmt.Errorf("annotation %d: %s was never done, and nobody was told", r.annotation, path))
		}
	}
	switch {
	case r.message == "":
	case r.variant != neither:
		faults = append(faults, fmt.Errorf("annotation %d (%s) ended with a message: %s", r.annotation, r.variant, r.message))
	case !strings.Contains(r.message, "POST "+e.URL+"/neither/"):
		faults = append(faults, fmt.Errorf("annotation %d ended with a message that names no call: %s", r.annotation, r.message))
	}
	return errors.Join(faults...)
}
