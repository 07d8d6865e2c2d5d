package address

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"
)

func TestURLsAreThoseOfPythonsRequests(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/urls.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		URL, Template, Value string
		Want                 json.RawMessage
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 50 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, tt := range cases {
		if tt.URL != "" {
			var want string
			_ = json.Unmarshal(tt.Want, &want)
			for _, value := range []string{"", "@{url}"} { // of the settings, and of a field
				got, err := Join([]Part{{Text: tt.URL, Value: value}}, Known{"erp.example"}.Allows)
				if err != nil || got != want {
					t.Errorf("%s:\n got %s, %v\nwant %s", tt.URL, got, err, want)
				}
			}
			continue
		}
		var want struct {
			Path  string
			Query [][2]string
		}
		_ = json.Unmarshal(tt.Want, &want)
		before, after, _ := strings.Cut(tt.Template, "{}")
		got, err := Join([]Part{{Text: before}, {Text: tt.Value, Value: "@{x}"}, {Text: after}}, nil)
		if err != nil {
			t.Errorf("%s with %q: %v", tt.Template, tt.Value, err)
			continue
		}
		u, err := url.Parse(got)
		if err != nil || u.Path != want.Path || u.Fragment != "" {
			t.Errorf("%s with %q: %s, %v, want path %s", tt.Template, tt.Value, got, err, want.Path)
		}
		values, err := url.ParseQuery(u.RawQuery)
		if err != nil || len(values) != len(want.Query) {
			t.Errorf("%s with %q: query %s, %v", tt.Template, tt.Value, u.RawQuery, err)
		}
		for _, pair := range want.Query {
			if values.Get(pair[0]) != pair[1] {
				t.Errorf("%s with %q: query %s, want %v", tt.Template, tt.Value, u.RawQuery, want.Query)
			}
		}
	}
}
