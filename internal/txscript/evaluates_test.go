package txscript

import (
	"slices"
	"testing"
)

func TestSettingsThatEvalGetsAreFoundThroughVariables(t *testing.T) {
	t.Parallel()
	for code, want := range map[string][]string{
		`eval(payload["settings"]["condition"])`:                                             {"condition"},
		`eval(payload["settings"].get("condition", "False"), {"r": 1})`:                      {"condition"},
		"settings = payload['settings']\n    eval(settings['condition'])":                    {"condition"},
		"settings = payload.get('settings', {})\n    c = settings.get('c')\n    eval(c, {})": {"c"},
		"a = b = payload['settings']\n    eval(a['x'])\n    eval(b['y'])":                    {"x", "y"},
		"s = payload['settings']\n    s = payload['secrets']\n    eval(s['x'])":              nil,
		"s = payload['settings']\n    s = payload['settings']\n    eval(s['x'])":             {"x"},
		"s = t\n    t = s\n    eval(s['x'])":                                                 nil,
		`eval(payload["secrets"]["condition"])`:                                              nil,
	} {
		p, err := Compile("def rossum_hook_request_handler(payload):\n    "+code+"\n", Options{})
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		if got := p.Evaluates(); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", code, got, want)
		}
	}
}
