package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestTheERPGetsTheInvoice(t *testing.T) {
	for status, messages := range map[int]int{http.StatusCreated: 0, http.StatusBadRequest: 1} {
		var got string
		erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Api-Key") + "\n" + string(body)
			w.WriteHeader(status)
		}))
		defer erp.Close()

		chain, err := newChain(erp.URL)
		if err != nil {
			t.Fatal(err)
		}
		response, err := chain.Export(t.Context(), invoice().Payload())
		if err != nil {
			t.Fatal(err)
		}
		if want := "POST /invoices key-of-the-erp\nnumber,item,amount\n2026-0042,Paper,12.50\n2026-0042,Toner,25.00\n"; got != want {
			t.Errorf("the ERP got\n%swant\n%s", got, want)
		}
		if shown := errorsOf(response); len(shown) != messages {
			t.Errorf("status %d: Rossum shows %q", status, shown)
		}
	}
}

func errorsOf(r *rossum.Response) (texts []string) {
	for _, m := range r.Messages {
		if m.Type == rossum.MessageError {
			texts = append(texts, m.Content)
		}
	}
	return texts
}
