package requestprocessor_test

import (
	"strings"
	"testing"
)

func TestTheContentTreeIsReadAsItIsInThePayload(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"content[0].category":                                 `"section"`,
		"content[0].children[0].schema_id":                    `"number"`,
		"content[0].children[0].content.value":                `"2026/0042"`,
		"content[0].children[1].content.normalized_value":     `"1234.50"`,
		"content[0]['children'][0]['schema_id']":              `"number"`,
		"content[-1].children[-1].category":                   `"multivalue"`,
		"content[-1].children[-1].children[1].children[0].id": "",
		"content.@[0].schema_id":                              "",
		"content[9]":                                          "there is no [9]",
		"content[0].nope":                                     "has no nope",
		"content.nope":                                        "is a list of",
	} {
		got := sent(t, offline(), `["{payload.annotation.`+path+`}"]`)
		if !strings.Contains(got, want) || want == "" && !strings.HasPrefix(got, "[") {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	if got := sent(t, offline(), `["{payload.annotation.content[0].children[0]}"]`); !strings.Contains(got, `"schema_id": "number"`) || !strings.Contains(got, `"value": "2026/0042"`) {
		t.Errorf("a node is %s", got)
	}
	if got := sent(t, offline(), `["{payload.annotation.content}"]`); !strings.HasPrefix(got, "[[{") || strings.Count(got, `"schema_id"`) < 15 {
		t.Errorf("the tree is %s", got)
	}
}
