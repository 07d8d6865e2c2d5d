package jsontemplate

import (
	"fmt"
	"strings"
	"testing"
)

func TestUsesListsWhatATemplateNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, template, want string }{
		{"a placeholder", `"@{a}"`, "field a at p single"},
		{"placeholders within text", `"x-@{a}-@{ b }"`, "field a at p single; field b at p single"},
		{"a placeholder many times", `"@{a} @{a} {secret.s} {secret.s} @{a}"`, "field a at p single; secret s at p"},
		{"a placeholder of two texts", `["@{a} @{a}", "@{a} @{a}"]`, "field a at p[0] single; field a at p[1] single"},
		{"what is none, many times", `["{ field.a } { field.a } @{a} { field.a }", "{ field.a }"]`,
			"field a at p[0] single; text { field.a } at p[0]; text { field.a } at p[1]"},
		{"lists and objects", `{"k": ["@{a}", {"l": "{secret.s}"}]}`, "field a at p.k[0] single; secret s at p.k[1].l"},
		{"files", `["#{file_content}", "#{original_file}", {"$GET_DOCUMENT_CONTENT$": null}]`,
			"file at p[0]; original at p[1]; original at p[2].$GET_DOCUMENT_CONTENT$"},
		{"a typed value", `{"$DATAPOINT_VALUE$": {"schema_id": "a", "value_type": "integer"}}`, "field a at p.$DATAPOINT_VALUE$ single"},
		{"a fetched document", `{"$FETCH_DOCUMENT_CONTENT$": {"datapoint": "a"}}`, "field a at p.$FETCH_DOCUMENT_CONTENT$ single"},
		{"a count", `{"$CHILD_COUNT$": {"schema_id": "t"}}`, "field t at p.$CHILD_COUNT$ single group"},
		{"a loop", `{"$FOR_EACH_SCHEMA_ID$": {"schema_id": "t", "mapping": "@{a}", "fallback_mapping": "@{b}"}}`,
			"field t at p.$FOR_EACH_SCHEMA_ID$ optional; field a at p.$FOR_EACH_SCHEMA_ID$.mapping single within t looped; " +
				"field b at p.$FOR_EACH_SCHEMA_ID$.fallback_mapping single if t choose $FOR_EACH_SCHEMA_ID$.fallback_mapping"},
		{"presence", `{"$IF_SCHEMA_ID$": {"schema_id": "t", "mapping": "@{a}"}}`,
			"field t at p.$IF_SCHEMA_ID$ optional; field a at p.$IF_SCHEMA_ID$.mapping single if t choose $IF_SCHEMA_ID$.mapping within t"},
		{"a comparison", `{"$IF_DATAPOINT_VALUE$": {"schema_id": "t", "value": "@{v}", "mapping": "@{a}", "fallback_mapping": "@{b}"}}`,
			"field t at p.$IF_DATAPOINT_VALUE$ single; field v at p.$IF_DATAPOINT_VALUE$.value single; " +
				"field a at p.$IF_DATAPOINT_VALUE$.mapping single if t,v choose $IF_DATAPOINT_VALUE$.mapping; " +
				"field b at p.$IF_DATAPOINT_VALUE$.fallback_mapping single if t,v choose $IF_DATAPOINT_VALUE$.fallback_mapping"},
		{"a choice by value", `{"$DATAPOINT_MAPPING$": {"schema_id": "t", "mapping": {"x|y": "@{a}", "z": "@{b}"}}}`,
			"field t at p.$DATAPOINT_MAPPING$ single; field a at p.$DATAPOINT_MAPPING$.mapping.x|y single if t choose $DATAPOINT_MAPPING$.mapping.x|y; " +
				"field b at p.$DATAPOINT_MAPPING$.mapping.z single if t choose $DATAPOINT_MAPPING$.mapping.z"},
		{"loops within loops", `{"$FOR_EACH_SCHEMA_ID$": {"schema_id": "t", "mapping":
			{"$FOR_EACH_SCHEMA_ID$": {"schema_id": "u", "mapping": "@{a}"}}}}`,
			"field t at p.$FOR_EACH_SCHEMA_ID$ optional; field u at p.$FOR_EACH_SCHEMA_ID$.mapping.$FOR_EACH_SCHEMA_ID$ optional within t looped; " +
				"field a at p.$FOR_EACH_SCHEMA_ID$.mapping.$FOR_EACH_SCHEMA_ID$.mapping single within t,u looped"},
		{"text alone", `"plain"`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			compiled, err := Compile([]byte(test.template), Options{Place: "p"})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, u := range compiled.Uses() {
				got = append(got, describeUse(u))
			}
			if text := strings.Join(got, "; "); text != test.want {
				t.Errorf("uses\n%s\nwant\n%s", text, test.want)
			}
		})
	}
}

func describeUse(u Use) string {
	text := map[UseKind]string{UseField: "field", UseSecret: "secret", UseFile: "file", UseOriginal: "original", UseText: "text"}[u.Kind]
	if u.Name != "" {
		text += " " + u.Name
	}
	text += " at " + u.Place
	for _, flag := range []struct {
		on   bool
		name string
	}{{u.Single, "single"}, {u.Group, "group"}, {u.Optional, "optional"}} {
		if flag.on {
			text += " " + flag.name
		}
	}
	if u.Branch != "" {
		text += " if " + strings.Join(u.Deciding, ",") + " choose " + strings.TrimPrefix(u.Branch, "p.")
	}
	if len(u.Within) > 0 {
		text += fmt.Sprintf(" within %s", strings.Join(u.Within, ","))
	}
	if u.Looped {
		text += " looped"
	}
	return text
}

func TestChosenSaysWhichBranchesAreRendered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, template, want string }{
		{"equal", `{"$IF_DATAPOINT_VALUE$": {"schema_id": "document_id", "value": "INV-1", "mapping": "x", "fallback_mapping": "y"}}`, "$IF_DATAPOINT_VALUE$.mapping"},
		{"not equal", `{"$IF_DATAPOINT_VALUE$": {"schema_id": "document_id", "value": "1", "mapping": "x", "fallback_mapping": "y"}}`, "$IF_DATAPOINT_VALUE$.fallback_mapping"},
		{"not equal without a fallback", `{"$IF_DATAPOINT_VALUE$": {"schema_id": "document_id", "value": "1", "mapping": "x"}}`, ""},
		{"compared with another field", `{"$IF_DATAPOINT_VALUE$": {"schema_id": "document_id", "value": "@{document_id}", "mapping": "x"}}`, "$IF_DATAPOINT_VALUE$.mapping"},
		{"there", `{"$IF_SCHEMA_ID$": {"schema_id": "document_id", "mapping": "x"}}`, "$IF_SCHEMA_ID$.mapping"},
		{"not there", `{"$IF_SCHEMA_ID$": {"schema_id": "nope", "mapping": "x", "fallback_mapping": "y"}}`, "$IF_SCHEMA_ID$.fallback_mapping"},
		{"one of several values", `{"$DATAPOINT_MAPPING$": {"schema_id": "document_id", "mapping": {"1|INV-1": "x", "2": "y"}}}`, "$DATAPOINT_MAPPING$.mapping.1|INV-1"},
		{"in some row", `{"$FOR_EACH_SCHEMA_ID$": {"schema_id": "line_items", "mapping": {"$IF_DATAPOINT_VALUE$": {"schema_id": "item_code", "value": "B", "mapping": "x"}}}}`,
			"$FOR_EACH_SCHEMA_ID$.mapping.$IF_DATAPOINT_VALUE$.mapping"},
		{"in no row", `{"$FOR_EACH_SCHEMA_ID$": {"schema_id": "line_items", "mapping": {"$IF_DATAPOINT_VALUE$": {"schema_id": "item_code", "value": "C", "mapping": "x"}}}}`, ""},
		{"no rows", `{"$FOR_EACH_SCHEMA_ID$": {"schema_id": "nope", "mapping": "x", "fallback_mapping": "y"}}`, "$FOR_EACH_SCHEMA_ID$.fallback_mapping"},
		{"what cannot be decided", `[{"$IF_DATAPOINT_VALUE$": {"schema_id": "nope", "value": "1", "mapping": "x"}}, {"$IF_SCHEMA_ID$": {"schema_id": "document_id", "mapping": "x"}}]`,
			"[1].$IF_SCHEMA_ID$.mapping"},
	} {
		compiled, err := Compile([]byte(test.template), Options{Place: "p"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for name := range compiled.Chosen(t.Context(), data()) {
			got = append(got, strings.TrimPrefix(strings.TrimPrefix(name, "p"), "."))
		}
		if text := strings.Join(got, "; "); text != test.want {
			t.Errorf("%s: chosen %q, want %q", test.name, text, test.want)
		}
	}
}
