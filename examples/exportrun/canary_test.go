package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// canary is a secret of the payload, of the secrets' file, of the settings and of flags.
const canary = "c4nary-0f-the-command-line"

// shownCanary returns where a text shows it, "" if it does not.
func shownCanary(text string) string {
	lower := strings.ToLower(text)
	for _, form := range []string{canary, canary[:17], hex.EncodeToString([]byte(canary)), strings.Trim(fmt.Sprint([]byte(canary)), "[]")} {
		if at := strings.Index(lower, form); at >= 0 {
			return text[max(0, at-150):min(len(text), at+100)]
		}
	}
	return ""
}

// world is a folder with what the commands take.
type world struct{ hooks, payload, secrets, report string }

const canaryHookFile = `{"id": 1, "url": "https://acme.rossum.app/api/v1/hooks/1", "type": "webhook", "name": "ERP", "active": true, "events": ["annotation_content.export"],
	"queues": ["https://acme.rossum.app/api/v1/queues/8199"], "run_after": [], "config": {"url": "https://us.rest-api-export.rossum-ext.app/"},
	"settings": {"request": {"url": "http://user:CANARY@127.0.0.1:1/x?api_key=CANARY", "method": "POST", "content": "{\"password\": \"CANARY\"}",
		"headers": {"Authorization": "Bearer CANARY", "X-Key": "{secret.api_key}"}}}}`

const canaryPayload = `{"request_id": "r", "timestamp": "2026-01-01T00:00:00Z", "base_url": "http://127.0.0.1:1", "rossum_authorization_token": "CANARY", "hook": "https://acme.rossum.app/api/v1/hooks/1",
	"event": "annotation_content", "action": "export", "settings": {}, "secrets": {"api_key": "CANARY"},
	"annotation": {"id": 1, "url": "https://acme.rossum.app/api/v1/annotations/1", "queue": "https://acme.rossum.app/api/v1/queues/8199", "content": []}}`

const canarySecrets = `{"ERP": {"api_key": "CANARY"}}`

func newWorld(t *testing.T, hook, payload, secrets string) world {
	t.Helper()
	dir := t.TempDir()
	w := world{filepath.Join(dir, "hooks"), filepath.Join(dir, "payload.json"), filepath.Join(dir, "secrets.json"), filepath.Join(dir, "report.json")}
	for file, text := range map[string]string{filepath.Join(w.hooks, "ERP_[1].json"): hook, w.payload: payload, w.secrets: secrets} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "CANARY", canary)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// broken are texts cut off, with secrets of wrong types, and with what no URL is.
func broken(text string) []string {
	all := []string{
		text, "[" + text + "]", text + "CANARY", `"CANARY"`, "CANARY",
		strings.ReplaceAll(text, `"CANARY"`, `["CANARY"]`), strings.ReplaceAll(text, `"CANARY"`, `{"x": "CANARY"}`),
		strings.ReplaceAll(text, "CANARY@127.0.0.1:1", "CANARY@[::1"), strings.ReplaceAll(text, "http://user", "ftp://user"), strings.ReplaceAll(text, "CANARY@", "CANARY%zz@"),
		strings.ReplaceAll(text, `Bearer CANARY`, `Bearer CANARY{`), strings.ReplaceAll(text, "POST", "http://user:CANARY@erp.example/"),
	}
	for n := len(text) / 12; n < len(text); n += len(text) / 12 {
		all = append(all, text[:n])
	}
	return all
}

// Whatever is wrong with its files and flags, no command shows a secret that they have. The
// commands are those that the program knows: a new one is tried as well.
func TestNoCommandShowsASecret(t *testing.T) {
	t.Parallel()
	var worlds []world
	for _, hook := range broken(canaryHookFile) {
		worlds = append(worlds, newWorld(t, hook, canaryPayload, canarySecrets))
	}
	for _, payload := range broken(canaryPayload) {
		worlds = append(worlds, newWorld(t, canaryHookFile, payload, canarySecrets))
	}
	for _, secrets := range broken(canarySecrets) {
		worlds = append(worlds, newWorld(t, canaryHookFile, canaryPayload, secrets))
	}
	withSecret := "https://user:" + canary + "@127.0.0.1:1/?api_key=" + canary
	codes := make(map[int]int)
	for _, c := range commands() {
		for _, args := range [][]string{
			{"-hooks", "HOOKS", "-payload", "PAYLOAD", "-secrets", "SECRETS"}, {"-hooks", "HOOKS", "-payload", "PAYLOAD"},
			{"-hooks", "HOOKS"}, {"-payload", "PAYLOAD"},
			{"-hooks", "HOOKS", "-payload", "PAYLOAD", "-secrets", "SECRETS", "-report", "REPORT", "-send"},
			{"-payload", "PAYLOAD", "-hook", "ERP", "-hooks", "HOOKS"}, {"PAYLOAD"},
			{"-hooks", "HOOKS", "-secrets", "SECRETS", "-unsigned", "-listen", "127.0.0.1:0"}, {"-help"},
		} {
			some := worlds
			if slices.Contains(args, "-send") {
				some = worlds[:2] // it waits for a server that is not there
			}
			for _, w := range some {
				codes[checkCommandShowsNothing(t, c, w, args)]++
			}
		}
		w := worlds[0]
		for _, args := range [][]string{
			{"-rossum-origin", withSecret, "-hooks", "HOOKS"}, {"-rossum-origin", "ftp" + withSecret, "-hooks", "HOOKS"},
			{"-allow-host", withSecret, "-hooks", "HOOKS", "-payload", "PAYLOAD"},
			{"-payload", "PAYLOAD", "-url", "ftp" + withSecret}, {"-payload", "PAYLOAD", "-url", "user:" + canary + "@erp.example"},
			{"-listen", withSecret}, {withSecret}, {"-" + withSecret},
			{"-secrets", withSecret, "-hooks", "HOOKS"}, {"-payload", withSecret, "-hooks", "HOOKS"}, {"-org", withSecret},
			{"-hooks", withSecret}, {"-secrets=" + withSecret, "-hooks", "HOOKS"},
		} {
			checkCommandShowsNothing(t, c, w, args)
		}
	}
	if codes[answered] == 0 || codes[failed] == 0 || codes[unusable] == 0 {
		t.Errorf("not every kind of end was seen: %v", codes)
	}
}

func checkCommandShowsNothing(t *testing.T, c command, w world, args []string) int {
	t.Helper()
	filled := []string{c.name}
	for _, arg := range args {
		filled = append(filled, strings.NewReplacer("HOOKS", w.hooks, "PAYLOAD", w.payload, "SECRETS", w.secrets, "REPORT", w.report).Replace(arg))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if c.name == "serve" || c.name == "capture" || c.name == "workbench" {
		cancel() // they would serve
	}
	var stdout, stderr bytes.Buffer
	code := runContext(ctx, filled, &stdout, &stderr)
	report, _ := os.ReadFile(w.report)
	for name, text := range map[string]string{"standard output": stdout.String(), "standard error": stderr.String(), "report": string(report)} {
		if found := shownCanary(text); found != "" {
			t.Errorf("%q: the %s shows a secret: %s", filled, name, found)
		}
	}
	return code
}

func TestTheCanaryOfTheCommandLineIsFound(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x" + canary + "x", strings.ToUpper(canary), fmt.Sprintf("%x", canary), fmt.Sprint([]byte(canary)), canary[:20]} {
		if shownCanary(text) == "" {
			t.Errorf("it is not found in %s", text)
		}
	}
}
