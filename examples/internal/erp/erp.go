// Package erp is a small ERP on loopback for the examples: it hands out OAuth2
// tokens, takes draft invoices, attachments and submissions, checks what it
// gets, and refuses an invoice number that it has already.
package erp

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// Credentials that the ERP accepts for a token.
const (
	ClientID     = "rossum-export"
	ClientSecret = "erp-client-secret"
)

// Server is the running ERP. Its methods may be called while it serves.
type Server struct {
	// URL is where it listens, such as http://127.0.0.1:41234.
	URL string

	server *httptest.Server
	reject string

	mu       sync.Mutex
	tokens   map[string]bool
	invoices []*Invoice
	calls    []string
}

// Invoice is what the ERP keeps.
type Invoice struct {
	ID          string       `json:"id"`
	Number      string       `json:"number"`
	Supplier    string       `json:"supplier"`
	Currency    string       `json:"currency"`
	Total       string       `json:"total"`
	Lines       []Line       `json:"lines"`
	Status      string       `json:"status"`
	Attachments []Attachment `json:"attachments,omitempty"`
}

// Line is a line of an invoice; amounts are decimal numbers as text.
type Line struct {
	Description string `json:"description"`
	Quantity    string `json:"quantity"`
	Amount      string `json:"amount"`
	TaxRate     string `json:"tax_rate"`
}

// Attachment is a file of an invoice.
type Attachment struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int    `json:"size"`
}

// Start starts an ERP. With a text in reject it refuses every new invoice with
// that text. Call Close when done.
func Start(reject string) *Server {
	s := &Server{reject: reject, tokens: make(map[string]bool)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", s.token)
	mux.HandleFunc("POST /api/invoices", s.authorised(s.create))
	mux.HandleFunc("POST /api/invoices/{id}/attachments", s.authorised(s.attach))
	mux.HandleFunc("POST /api/invoices/{id}/submit", s.authorised(s.submit))
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls = append(s.calls, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	s.URL = s.server.URL
	return s
}

// Close stops the ERP.
func (s *Server) Close() { s.server.Close() }

// Invoices returns a copy of what the ERP holds, oldest first.
func (s *Server) Invoices() []Invoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Invoice, len(s.invoices))
	for i, inv := range s.invoices {
		list[i] = *inv
		list[i].Attachments = slices.Clone(inv.Attachments)
	}
	return list
}

// Calls returns method and path of every call, oldest first.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_id") != ClientID || r.FormValue("client_secret") != ClientSecret {
		fail(w, http.StatusUnauthorized, "client", "unknown client or wrong secret")
		return
	}
	token := rand.Text()
	s.mu.Lock()
	s.tokens[token] = true
	s.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
}

func (s *Server) authorised(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var token string
		if _, err := fmt.Sscanf(r.Header.Get("Authorization"), "Bearer %s", &token); err != nil {
			token = ""
		}
		s.mu.Lock()
		known := s.tokens[token]
		s.mu.Unlock()
		if !known {
			fail(w, http.StatusUnauthorized, "token", "missing, unknown or expired")
			return
		}
		next(w, r)
	}
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var inv Invoice
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(&inv); err != nil {
		fail(w, http.StatusBadRequest, "body", err.Error())
		return
	}
	if key, problem := check(inv); problem != "" {
		fail(w, http.StatusUnprocessableEntity, key, problem)
		return
	}
	if s.reject != "" {
		fail(w, http.StatusUnprocessableEntity, "supplier", s.reject)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.invoices {
		if other.Number == inv.Number && other.Supplier == inv.Supplier {
			fail(w, http.StatusConflict, "number", inv.Number+" is already invoice "+other.ID)
			return
		}
	}
	inv.ID, inv.Status = fmt.Sprintf("ERP-%04d", 1001+len(s.invoices)), "draft"
	s.invoices = append(s.invoices, &inv)
	answer(w, http.StatusCreated, map[string]string{"id": inv.ID, "status": inv.Status})
}

// check looks for what a bookkeeper would send back.
func check(inv Invoice) (key, problem string) {
	switch {
	case inv.Number == "":
		return "number", "is required"
	case inv.Supplier == "":
		return "supplier", "is required"
	case len(inv.Lines) == 0:
		return "lines", "is empty"
	}
	sum := new(big.Rat)
	for i, line := range inv.Lines {
		amount, ok := new(big.Rat).SetString(line.Amount)
		if !ok {
			return fmt.Sprintf("lines[%d].amount", i), fmt.Sprintf("%q is not a number", line.Amount)
		}
		sum.Add(sum, amount)
	}
	total, ok := new(big.Rat).SetString(inv.Total)
	if !ok {
		return "total", fmt.Sprintf("%q is not a number", inv.Total)
	}
	if total.Cmp(sum) != 0 {
		return "total", fmt.Sprintf("is %s, but the lines add up to %s", inv.Total, sum.FloatString(2))
	}
	return "", ""
}

// find returns the invoice that a path names. The lock must be held.
func (s *Server) find(r *http.Request) *Invoice {
	for _, inv := range s.invoices {
		if inv.ID == r.PathValue("id") {
			return inv
		}
	}
	return nil
}

func (s *Server) attach(w http.ResponseWriter, r *http.Request) {
	file, header, err := r.FormFile("file")
	if err != nil {
		fail(w, http.StatusBadRequest, "file", err.Error())
		return
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, 50<<20))
	if err != nil || len(data) == 0 {
		fail(w, http.StatusBadRequest, "file", "is empty or was cut short")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	inv := s.find(r)
	if inv == nil {
		fail(w, http.StatusNotFound, "id", "no such invoice")
		return
	}
	inv.Attachments = append(inv.Attachments, Attachment{header.Filename, header.Header.Get("Content-Type"), len(data)})
	answer(w, http.StatusCreated, map[string]any{"id": inv.ID, "attachments": len(inv.Attachments)})
}

func (s *Server) submit(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv := s.find(r)
	switch {
	case inv == nil:
		fail(w, http.StatusNotFound, "id", "no such invoice")
	case inv.Status != "draft":
		fail(w, http.StatusConflict, "status", "the invoice is "+inv.Status)
	case len(inv.Attachments) == 0:
		fail(w, http.StatusUnprocessableEntity, "attachments", "the original document is missing")
	default:
		inv.Status = "submitted"
		answer(w, http.StatusOK, map[string]string{"id": inv.ID, "status": inv.Status})
	}
}

func fail(w http.ResponseWriter, status int, key, text string) {
	answer(w, status, map[string]any{"errors": map[string][]string{key: {text}}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller notices a broken connection itself
}
