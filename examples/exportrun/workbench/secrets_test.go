package workbench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asked are what the page can ask, by the handler's name. The state comes first: it reads the files.
func asked(t *testing.T) map[string][]string {
	t.Helper()
	edited := func(id int64, settings string) string {
		edits := map[int64]any{id: map[string]string{"settings": settings}}
		body, err := json.Marshal(map[string]any{"id": id, "settings": settings, "edits": edits})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	all := map[string][]string{
		"state": {`{}`}, "hook": {`{"id": 1}`, `{"id": 2}`, `{"id": 3}`}, "data": {`{"query": ""}`, `{"query": "canary"}`},
		"run": {`{}`}, "try": {`{"id": 1}`, `{"id": 2}`}, "save": {`{"id": 3, "settings": "{}"}`},
	}
	for _, template := range []string{
		`{{ payload }}`, `{{ payload.secrets | tojson }}`, `{{ payload.secrets.api_key }}`,
		`{{ payload.rossum_authorization_token / 0 }}`, `{{ 1 / payload }}`,
		`{{ payload.secrets`, `{% include payload.secrets.api_key %}`, `{{ payload[payload.secrets.api_key] }}`,
	} {
		quoted, _ := json.Marshal(template) // of a text
		all["try"] = append(all["try"],
			fmt.Sprintf(`{"id": 1, "text": {"place": "export_configs[0].file_content_template", "text": %s}}`, quoted),
			edited(1, fmt.Sprintf(`{"export_configs": [{"export_reference_key": "csv", "file_content_template": %s}]}`, quoted)))
	}
	for _, request := range []string{
		`{"url": "https://erp.example/{secret.api_key}", "content": "{secret.api_key}"}`,
		`{"url": "{secret.api_key}://x"}`, `{"url": "https://{secret.token}:x/"}`,
		`{"url": "https://[{secret.api_key}"}`,
		`{"url": "https://erp.example/{secret.none}", "headers": {"X": "{secret.api_key}"}}`,
		`{"url": "https://erp.example/", "headers": {"X": "{secret.api_key}\n"}}`, `{"url": "https://erp.example/", "headers": {"{secret.api_key}": "x"}}`,
		`{"url": "https://erp.example/", "method": "{secret.api_key}"}`,
		`{"url": "https://u:{secret.api_key}@erp.example/?api_key={secret.token}", "data": {"x": "{secret.api_key}"}}`,
		`{"url": "https://erp.example/", "auth": {"type": "basic", "username": "u", "password": "{secret.api_key}"}}`,
		`{"url": 7, "x": "{secret.api_key}"}`, `{`,
	} {
		settings := fmt.Sprintf(`{"export_reference_key": "csv", "request": %s}`, request)
		all["try"] = append(all["try"], edited(2, settings))
		all["run"] = append(all["run"], edited(2, settings))
		all["save"] = append(all["save"], edited(2, settings))
	}
	return all
}

// Whatever the page asks, with whatever settings, and with hooks' files that are broken, no answer
// and no page of a run shows a secret.
func TestNoAnswerShowsASecretWhateverIsAsked(t *testing.T) {
	t.Parallel()
	statuses, requests := make(map[int]int), 0
	check := func(what string, code int, text string) {
		statuses[code]++
		requests += strings.Count(text, "erp.example")
		for _, canary := range canaries {
			for _, form := range []string{canary, canary[:14], fmt.Sprintf("%x", canary)} {
				if at := strings.Index(text, form); at >= 0 {
					t.Errorf("%s: %d …%s…", what, code, text[max(0, at-200):min(len(text), at+60)])
				}
			}
		}
	}
	for _, broken := range []func(string) string{
		func(text string) string { return text },
		func(text string) string { return text[:len(text)-3] },
		func(text string) string { return text + text },
		func(text string) string { return strings.Replace(text, `"secret": "`, `"secret": ["`, 1) },
		func(text string) string {
			return strings.Replace(text, `"canary-config-secret"`, `{"x": "canary-config-secret"}`, 1)
		},
		func(text string) string { return strings.Replace(text, "https://", "canary-config-secret%zz://", 1) },
		func(string) string { return `"canary-config-secret"` },
	} {
		b, dir := newBench(t)
		if err := os.WriteFile(filepath.Join(dir, "CSV_[1].json"), []byte(broken(templateHook)), 0o640); err != nil {
			t.Fatal(err)
		}
		all := asked(t)
		for _, name := range []string{"state", "hook", "data", "try", "run", "save", "state"} {
			for _, body := range all[name] {
				some := []string{body, body + "x", "[" + body + "]", `"x"`}
				for n := len(body) / 5; n > 0 && n < len(body); n += len(body) / 5 {
					some = append(some, body[:n])
				}
				for _, body := range some {
					w := call(b, "POST", "/api/"+name, body, nil)
					check(name+" "+body, w.Code, w.Body.String())
					var page struct{ Page string }
					if json.Unmarshal(w.Body.Bytes(), &page) == nil && page.Page != "" {
						w = call(b, "GET", page.Page, "", func(r *http.Request) { r.Header.Del(tokenHeader) })
						check("the page of "+name+" "+body, w.Code, w.Body.String())
					}
				}
			}
		}
	}
	if statuses[http.StatusOK] < 100 || statuses[http.StatusUnprocessableEntity] < 100 || requests < 50 {
		t.Errorf("too little was tried: statuses %v, %d requests", statuses, requests)
	}
}
