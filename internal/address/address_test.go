package address

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
)

// parts makes the parts of a template in which <name> stands for a value.
func parts(template string, values map[string]string) []Part {
	var all []Part
	for template != "" {
		before, rest, ok := strings.Cut(template, "<")
		all = append(all, Part{Text: before})
		if !ok {
			break
		}
		name, after, _ := strings.Cut(rest, ">")
		all = append(all, Part{Text: values[name], Value: "@{" + name + "}"})
		template = after
	}
	return all
}

func TestAValueIsEncodedForItsPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ template, value, want string }{
		{"https://erp.example/items/<x>", "50%", "https://erp.example/items/50%25"},
		{"https://erp.example/items/<x>", "Müller & Söhne #1 + more?", "https://erp.example/items/M%C3%BCller%20&%20S%C3%B6hne%20%231%20%2B%20more%3F"},
		{"https://erp.example/items/<x>/lines", "2024/17", "https://erp.example/items/2024%2F17/lines"},
		{"https://erp.example/vendors?$filter=Name eq '<x>'", "Müller Söhne", "https://erp.example/vendors?$filter=Name%20eq%20'M%C3%BCller%20S%C3%B6hne'"},
		{"https://erp.example/vendors?q=<x>&page=1", "a&page=2#x+y z", "https://erp.example/vendors?q=a%26page%3D2%23x%2By%20z&page=1"},
		{"https://erp.example/vendors?q=50%&r=<x>", "ü", "https://erp.example/vendors?q=50%25&r=%C3%BC"},
		{"https://erp.example/vendors?q=<x>", "already%20escaped", "https://erp.example/vendors?q=already%20escaped"},
		{"https://erp.example/vendors?q=<x>", "100%25 not escaped", "https://erp.example/vendors?q=100%2525%20not%20escaped"},
		{"https://<x>.erp.example/", "acme-1", "https://acme-1.erp.example/"},
		{"https://<x>:pw@erp.example/", "acme", "https://acme:pw@erp.example/"},
		{"https://erp.example/x?id=<x>", "2026/0042", "https://erp.example/x?id=2026/0042"},
		{" https://erp.example/<x> \n", " a ", "https://erp.example/%20a"},
		{" https://erp.example/<x>", " a \n", "https://erp.example/%20a"},
		{"<x>", " https://erp.example/a b?c=d e&f=50%#ü ", "https://erp.example/a%20b?c=d%20e&f=50%25#%C3%BC"},
		{"<x>/lines?v=<x>", "https://erp.example", "https://erp.example/lines?v=https://erp.example"},
		{"https://<x>/", "erp.example", "https://erp.example/"},
		{"https://erp.example<x>", "/api/1?x#y", "https://erp.example/api/1%3Fx%23y"},
		{"https://erp.example<x>/lines", "/api/1", "https://erp.example/api/1/lines"},
		{"https://erp.example?q=<x>", "1", "https://erp.example/?q=1"},
		{"https://erp.example", "", "https://erp.example/"},
	} {
		got, err := Join(parts(tt.template, map[string]string{"x": tt.value}), Known{"https://erp.example"}.Allows)
		if err != nil || got != tt.want {
			t.Errorf("%s with %q:\n got %s, %v\nwant %s", tt.template, tt.value, got, err, tt.want)
		}
	}
}

func TestAFormulaThatWritesThePathGivesTheRestOfTheURL(t *testing.T) {
	t.Parallel()
	all := []Part{{Text: "https://erp.example"}, {Text: "/api/1 2?q=a&r=ü", Value: "@{path}", Rest: true}}
	if got, err := Join(all, nil); got != "https://erp.example/api/1%202?q=a&r=%C3%BC" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAValueChoosesNoHostThatNobodyHasNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ template, value string }{
		{"http://@<x>.erp.example/", "evil:port/"}, {"http://erp@<x>", "@evil/"}, {"http://erp@<x>/", "evil"}, {"http://<x>.erp.example/", "evil.example/"},
		{"http://<x>.erp.example/", "evil.example#"}, {"http://<x>.erp.example/", `evil.example\`}, {"https://evil:<x>@erp.example/", "/"}, {"https://evil<x>.erp.example/", "/"}, {"https://<x><y>", "/evil.example"},
		{"https://evil<x><y>.erp.example/", "/"}, {"http://<x>.erp.example/", "evil.example?"},
		{"http://<x>.erp.example/", "a@evil.example/"}, {"http://erp.example<x>", ".evil.example/"}, {"http://erp.example<x>/", ".evil.example"},
		{"http://erp.example<x>/", "evil"}, {"http://<x>.example/", "evil"}, {"http://erp.<x>/", "evil"}, {"http://<x>/", "evil.example"}, {"http://<x>", "/evil.example/"},
		{"<x>", "https://evil.example/"}, {"<x>", "http://erp.example/"}, {"<x>", "https://erp.example@evil.example/"}, {"<x>", "https://a:b@erp.example/"},
		{"<x>", "https://erp.example:8443/"}, {"<x>", "https://erp.example.evil.example/"}, {"<x>", `https://evil.example\@erp.example/`}, {"<x>//erp.example/", "https://evil.example/"},
		{"http<x>erp.example/", "s://evil."}, {"http://10.0.<x>.1/", "9"}, {"http://<x>.0.0.1/", "10"}, {"https://erp.example:<x>/", "8443"}, {"<x>", "//evil.example/"}, {"<x>", ""},
		{"https://<x>.erp.example/", ""}, {"https://<x><y>.erp.example/", "evil.example"}, {"<x>@erp.example/", "https://evil"}, {"<x>", "ftp://erp.example/"},
	} {
		got, err := Join(parts(tt.template, map[string]string{"x": tt.value}), Known{"https://erp.example"}.Allows)
		if err == nil {
			t.Errorf("%s with %q: got %s", tt.template, tt.value, got)
		}
	}
	_, err := Join(parts("<x>", map[string]string{"x": "https://evil.example/"}), nil)
	var host *HostError
	if !errors.As(err, &host) || host.Host != "evil.example" || !strings.Contains(err.Error(), `pipeline.WithAllowedHosts("evil.example")`) {
		t.Errorf("the error does not say how to allow the host: %v", err)
	}
}

func TestAValueLeavesItsPlaceInThePathNever(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"..", ".", "a/../b", "/../", `..\b`, "..;/", "..;x", "%2e%2e", "%2E.", "..%2f", "%252e%252e", "a/..;v=1/b", "x\r\ny", "x\x00",
		"%2e%2e%2fadmin%zz", "%252e%252e/50%", "%2e%2e%00", "..%0d", "..%09", "..%3f", "..%23x", "%c0%ae%c0%ae", "%c0%ae.%c0%afb", "a%5c..%5cb", "%25252e%25252e"} {
		for _, template := range []string{"https://erp.example/api/<x>", "https://erp.example/api/<x>/lines", "https://erp.example/api/<x>;v=1"} {
			if got, err := Join(parts(template, map[string]string{"x": value}), nil); err == nil {
				t.Errorf("%s with %q: got %s", template, value, got)
			}
		}
	}
	if _, err := Join(parts("https://erp.example/?q=<x>", map[string]string{"x": "/../"}), nil); err != nil {
		t.Errorf("in a query: %v", err)
	}
}

func TestKnownHostsAreThoseThatATextHasLiterally(t *testing.T) {
	t.Parallel()
	got := Literals(`f"https://API.example/{x}" + 'http://b.example' + "https://erp.{x}/" f"https://{x}.c.example/" "https://d.example:8443?q" "https://u:p@e.example/"`)
	if want := "https://api.example http://b.example https://d.example:8443 https://e.example"; strings.Join(got, " ") != want {
		t.Errorf("got %q", got)
	}
	known := Known{"https://a.example", "http://b.example", "c.example", "d.example:8443", "[::1]", "sftp://files.example"}
	for address, want := range map[string]bool{
		"https://a.example/": true, "https://A.example:443": true, "http://a.example": false, "https://a.example:1": false, "http://b.example": true, "https://b.example": true,
		"http://c.example:99": true, "https://d.example:8443": true, "https://d.example": false, "https://x.c.example": false, "http://[::1]:8080/": true,
		"sftp://files.example:22": true, "sftp://files.example:2222": false, "https://files.example": false,
	} {
		u, err := url.Parse(address)
		if err != nil || known.Allows(u) != want {
			t.Errorf("%s: %v, %v", address, !want, err)
		}
	}
}

// Whatever a value is, the call goes to the host of the settings.
func FuzzJoin(f *testing.F) {
	for _, seed := range []string{"evil:port/", "@evil/", "..;/", "https://evil.example/", "a b%", "%2e%2e/"} {
		f.Add(seed)
	}
	for _, row := range fuzzing.Rows[struct{ URL string }](f, "internal/address/testdata/urls.json") {
		f.Add(strings.TrimPrefix(row.URL, "https://erp.example"))
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, template := range []string{"https://erp.example/a/<x>/b", "https://erp.example/a?q=<x>&r=1", "https://<x>.erp.example/", "https://erp.example<x>", "<x>"} {
			got, err := Join(parts(template, map[string]string{"x": value}), Known{"https://erp.example"}.Allows)
			if err != nil {
				continue
			}
			u, err := url.Parse(got)
			host := ""
			if err == nil {
				host = strings.ToLower(u.Hostname())
			}
			if host != "erp.example" && !strings.HasSuffix(host, ".erp.example") || u.Port() != "" && u.Port() != "443" {
				t.Errorf("%s with %q: %s, %v", template, value, got, err)
			}
			if template == "https://erp.example/a/<x>/b" && (strings.Count(u.EscapedPath(), "/") != 3 || u.RawQuery != "" || u.Fragment != "") {
				t.Errorf("%s with %q: %s", template, value, got)
			}
			if template == "https://erp.example/a?q=<x>&r=1" && (u.Query().Get("r") != "1" || len(u.Query()) != 2) {
				t.Errorf("%s with %q: %s", template, value, got)
			}
		}
	})
}
