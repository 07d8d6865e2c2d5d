package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// sap is a fake of an S/4HANA system's OData service for supplier invoices.
type sap struct {
	mu       sync.Mutex
	sessions map[string]string // tokens against forged calls, by session
	invoices []*sapInvoice
}

type sapInvoice struct {
	ID      string `json:"-"`
	Number  string `json:"SupplierInvoiceIDByInvcgParty"`
	Party   string `json:"InvoicingParty"`
	Company string `json:"CompanyCode"`
	Date    string `json:"DocumentDate"`
	Gross   string `json:"InvoiceGrossAmount"` // a decimal is a text in OData 2
	Items   struct {
		Results []struct {
			Amount string `json:"SupplierInvoiceItemAmount"`
		} `json:"results"`
	} `json:"to_SupplierInvoiceItemGLAcct"`
}

func (i *sapInvoice) String() string {
	return fmt.Sprintf("invoice %s: %s of %s, %s with %d lines", i.ID, i.Number, i.Party, i.Gross, len(i.Items.Results))
}

func startSAP() (*system, error) {
	s := &sap{sessions: make(map[string]string)}
	mux := http.NewServeMux()
	const path = "/sap/opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice"
	mux.HandleFunc("GET "+path, s.find)
	mux.HandleFunc("POST "+path, s.create)
	return &system{
		hosts: hosts{"my300001-api.s4hana.ondemand.com": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if user, password, _ := r.BasicAuth(); user != "ROSSUM_COMM" || password != "pass-word-of-sap" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			mux.ServeHTTP(w, r)
		})},
		holds: each(&s.invoices),
	}, nil
}

// find answers a query, and hands out a token that is bound to the session of its cookie.
func (s *sap) find(w http.ResponseWriter, r *http.Request) {
	if strings.EqualFold(r.Header.Get("X-Csrf-Token"), "fetch") {
		session, token := rand.Text(), rand.Text()+"=="
		s.sessions[session] = token
		w.Header().Set("X-Csrf-Token", token)
		w.Header().Add("Set-Cookie", "sap-usercontext=sap-client=100; path=/")
		w.Header().Add("Set-Cookie", "SAP_SESSIONID_S4H_100="+session+"; path=/; secure; HttpOnly")
	}
	found := []any{}
	for _, i := range s.invoices {
		if r.URL.Query().Get("$filter") == fmt.Sprintf("SupplierInvoiceIDByInvcgParty eq '%s' and InvoicingParty eq '%s' and CompanyCode eq '%s'",
			strings.ReplaceAll(i.Number, "'", "''"), i.Party, i.Company) {
			found = append(found, map[string]string{"SupplierInvoice": i.ID, "FiscalYear": "2026"})
		}
	}
	answerJSON(w, http.StatusOK, map[string]any{"d": map[string]any{"results": found}})
}

// create posts an invoice. It is posted as often as it is sent.
func (s *sap) create(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie("SAP_SESSIONID_S4H_100")
	if err != nil || s.sessions[cookie.Value] == "" || s.sessions[cookie.Value] != r.Header.Get("X-Csrf-Token") {
		w.Header().Set("X-Csrf-Token", "Required")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "CSRF token validation failed")
		return
	}
	invoice := &sapInvoice{ID: fmt.Sprintf("51056%05d", 101+len(s.invoices))}
	if err := json.NewDecoder(r.Body).Decode(invoice); err != nil || !strings.HasSuffix(invoice.Date, "T00:00:00") {
		answerJSON(w, http.StatusBadRequest, map[string]any{"error": map[string]any{
			"code": "005056A509B11EE1B9A8FEC11C21578E", "message": map[string]string{"lang": "en", "value": "Malformed request."}}})
		return
	}
	s.invoices = append(s.invoices, invoice)
	answerJSON(w, http.StatusCreated, map[string]any{"d": map[string]string{"SupplierInvoice": invoice.ID, "FiscalYear": "2026"}})
}
