package address

import (
	"net/url"
	"strings"
	"testing"
)

// A value within the quotes of a filter, or within a string of JSON, is one value for whoever
// reads the URL.
func TestAValueEndsNoLiteralOfAFilter(t *testing.T) {
	t.Parallel()
	const erp = "https://erp.example"
	for _, tt := range []struct{ template, value, want string }{
		{"/v?$filter=Name eq '<x>'", "O'Brien", "/v?$filter=Name eq 'O''Brien'"},
		{"/v?$filter=Name eq '<x>'&$top=1", "a' or Name ne 'b", "/v?$filter=Name eq 'a'' or Name ne ''b'&$top=1"},
		{"/v?$filter=Name%20eq%20%27<x>%27", "O'Brien", "/v?$filter=Name eq 'O''Brien'"},
		{"/v?$filter=Name eq '<x>'", "O''Brien", "/v?$filter=Name eq 'O''Brien'"},
		{"/v?$filter=Name eq '<x>'", "a%27%20or%20Name%20ne%20%27b", "/v?$filter=Name eq 'a'' or Name ne ''b'"},
		{"/v?$filter=Name eq '<x>'", "a'%2527b", "/v?$filter=Name eq 'a''%27b'"},
		{"/v?$filter=Name eq '<x>'", "'", "/v?$filter=Name eq ''''"},
		{"/v?$filter=Name eq '<x>'", "100% Müller", "/v?$filter=Name eq '100% Müller'"},
		{"/v?$filter=A eq '<x>' or B eq 'c' or D eq '<x>'", "e'", "/v?$filter=A eq 'e''' or B eq 'c' or D eq 'e'''"},
		{"/v?$search=<x>", "O'Brien", "/v?$search=O'Brien"},
		{"/Vendors('<x>')/Name", "O'Brien", "/Vendors('O''Brien')/Name"},
		{"/Vendors(Company='1',Id='<x>')", "a',Id='b", "/Vendors(Company='1',Id='a'',Id=''b')"},
		{"/v?name=<x>", "O'Brien", "/v?name=O'Brien"},
		{"/v?name='<x>'", "O'Brien", "/v?name='O'Brien'"},
		{"/it's/<x>", "O'Brien", "/it's/O'Brien"},
		{"/v?q=select Id from V where Name = '<x>'", "Brien", "/v?q=select Id from V where Name = 'Brien'"},
		{"/v?q=select Id from V where Name = '<x>'", `O\'Brien`, `/v?q=select Id from V where Name = 'O\'Brien'`},
		{"/v?q=select Id from V where Name = '<x>'", `O''Brien`, `/v?q=select Id from V where Name = 'O''Brien'`},
		{`/v?query={"name":"<x>"}`, `a","b":"c`, `/v?query={"name":"a\",\"b\":\"c"}`},
		{`/v?query=%7B%22name%22:%22<x>%22%7D&a=1`, `a%22,%22b%22:%22c`, `/v?query={"name":"a\",\"b\":\"c"}&a=1`},
		{`/v?query={"name":"<x>"}`, `a b`, `/v?query={"name":"a b"}`},
	} {
		got, err := Join(parts(erp+tt.template, map[string]string{"x": tt.value}), nil)
		if err != nil {
			t.Errorf("%s with %q: %v", tt.template, tt.value, err)
			continue
		}
		if read := unescape(strings.TrimPrefix(got, erp)); read != tt.want {
			t.Errorf("%s with %q:\n got %s\nwant %s", tt.template, tt.value, read, tt.want)
		}
	}
	for _, value := range []string{"O'Brien", `O\\'Brien`, `x\`, "a%27b"} {
		got, err := Join(parts(erp+"/v?q=select Id from V where Name = '<x>'", map[string]string{"x": value}), nil)
		if err == nil || !strings.Contains(err.Error(), "@{x}") || !strings.Contains(err.Error(), "formula") {
			t.Errorf("%q: %s, %v", value, got, err)
		}
	}
}

// Whatever a value is, the filter has one literal.
func FuzzAFilterHasOneLiteral(f *testing.F) {
	for _, seed := range []string{"a' or 'b", "a%27b", "''", "%2527'", `\'`, "a&b'#"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := Join(parts("https://erp.example/v?$filter=Name eq '<x>'&r=1", map[string]string{"x": value}), nil)
		if err != nil {
			return
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		literal, begins := strings.CutPrefix(u.Query().Get("$filter"), "Name eq '")
		literal, ends := strings.CutSuffix(literal, "'")
		if !begins || !ends || strings.Contains(strings.ReplaceAll(literal, "''", ""), "'") || u.Query().Get("r") != "1" {
			t.Errorf("%q: %s", value, got)
		}
	})
}
