package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// netSuite is a fake of SuiteTalk's REST record service for vendor bills.
type netSuite struct {
	mu     sync.Mutex
	nonces map[string]bool
	bills  []*vendorBill
}

type vendorBill struct {
	ID      int    `json:"-"`
	eid     string // external id
	TranID  string `json:"tranId"`
	Expense struct {
		Items []struct {
			Amount json.Number
			Memo   string
		}
	}
}

func (b *vendorBill) String() string {
	return fmt.Sprintf("bill %d: %s with %d lines", b.ID, b.TranID, len(b.Expense.Items))
}

func startNetSuite() (*system, error) {
	n := &netSuite{nonces: make(map[string]bool)}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /services/rest/record/v1/vendorBill/{id}", n.upsert)
	return &system{
		hosts: hosts{"1234567-sb1.suitetalk.api.netsuite.com": n.signed(mux)},
		holds: each(&n.bills),
	}, nil
}

// signed lets calls pass that are signed by token-based authentication: OAuth 1.0a with
// HMAC-SHA256, the account as the realm, and a nonce that was not used before.
func (n *netSuite) signed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if why := n.refuse(r); why != "" {
			n.fail(w, http.StatusUnauthorized, "INVALID_LOGIN", why)
			return
		}
		next.ServeHTTP(w, r)
	})
}

var oauthParameter = regexp.MustCompile(`(\w+)="([^"]*)"`)

// refuse says what is wrong with the signature of a call.
func (n *netSuite) refuse(r *http.Request) string {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	given := make(map[string]string)
	for _, m := range oauthParameter.FindAllStringSubmatch(rest, -1) {
		given[m[1]], _ = url.PathUnescape(m[2])
	}
	switch {
	case scheme != "OAuth" || given["oauth_signature_method"] != "HMAC-SHA256":
		return "The call is not signed with HMAC-SHA256."
	case given["realm"] != "1234567_SB1":
		return "The realm is not the account."
	case n.nonces[given["oauth_nonce"]]:
		return "The nonce was used before."
	}
	n.nonces[given["oauth_nonce"]] = true
	var pairs []string
	for name, value := range given {
		if name != "realm" && name != "oauth_signature" {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	for name, values := range r.URL.Query() {
		pairs = append(pairs, escape(name)+"="+escape(values[0]))
	}
	slices.Sort(pairs)
	base := r.Method + "&" + escape("https://"+r.Host+r.URL.EscapedPath()) + "&" + escape(strings.Join(pairs, "&"))
	mac := hmac.New(sha256.New, []byte("consumer-secret-1&token-secret-1"))
	mac.Write([]byte(base))
	if base64.StdEncoding.EncodeToString(mac.Sum(nil)) != given["oauth_signature"] {
		return "The signature does not fit the call."
	}
	return ""
}

// escape is RFC 5849's percent encoding.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// upsert makes a bill, or changes the one that has the external id. Lines are added to
// those that are there, unless the query names their list in replace.
func (n *netSuite) upsert(w http.ResponseWriter, r *http.Request) {
	external, ok := strings.CutPrefix(r.PathValue("id"), "eid:")
	var sent vendorBill
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || !ok || r.Header.Get("Content-Type") != "application/json" {
		n.fail(w, http.StatusBadRequest, "INVALID_CONTENT", "The request could not be read.")
		return
	}
	at := slices.IndexFunc(n.bills, func(b *vendorBill) bool { return b.eid == external })
	if at < 0 {
		at = len(n.bills)
		n.bills = append(n.bills, &vendorBill{ID: 6001 + at, eid: external})
	}
	bill := n.bills[at]
	if r.URL.Query().Get("replace") == "expense" {
		bill.Expense.Items = nil
	}
	bill.TranID = sent.TranID
	bill.Expense.Items = append(bill.Expense.Items, sent.Expense.Items...)
	w.Header().Set("Location", fmt.Sprintf("https://%s/services/rest/record/v1/vendorBill/%d", r.Host, bill.ID))
	w.WriteHeader(http.StatusNoContent)
}

func (n *netSuite) fail(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/vnd.oracle.resource+json; type=error")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // who has gone does not need it
		"title": http.StatusText(status), "status": status,
		"o:errorDetails": []any{map[string]string{"detail": detail, "o:errorCode": code}},
	})
}
