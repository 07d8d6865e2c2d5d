package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A hook that sideloads no schema gets its formulas computed by that of the folder, as in
// exportrun run.
func TestServeTakesSchemasFromTheFolder(t *testing.T) {
	t.Parallel()
	dir := organisationIn(t, "formula-false-cycle", newERP(t))
	body, err := os.ReadFile(filepath.Join(dir, "payload.json"))
	if err != nil {
		t.Fatal(err)
	}
	var payload map[string]json.RawMessage
	if err := json.Unmarshal(body, &payload); err != nil {
		t.Fatal(err)
	}
	delete(payload, "schemas")
	if body, err = json.Marshal(payload); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	hook, pages, err := newServer(&arguments{org: dir}, true, &terminal{stdout: &log, stderr: &log})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	hook.ServeHTTP(w, r)
	if err := hook.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	page := httptest.NewRecorder()
	pages.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/run/1", nil))
	if w.Code != http.StatusOK || !strings.Contains(page.Body.String(), "Formulas computed again") {
		t.Errorf("%d %s\n%s", w.Code, w.Body, log.String())
	}
}
