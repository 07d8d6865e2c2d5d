package sftpexport

import (
	"errors"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// nameOf puts a value into a template of a directory and of a name.
func nameOf(t testing.TB, directory, name, value string) (string, error) {
	t.Helper()
	step := &Step{Rules: []Rule{{Directory: directory, Objects: []Object{{Type: "document", Name: name}}}}}
	var faults settings.Faults
	r := step.Rules[0].compile(&faults, "", step)
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	x, err := pipeline.NewExport(rossumtest.Annotation(rossumtest.Field("v", value), rossumtest.Offline()).Payload())
	if err != nil {
		t.Fatal(err)
	}
	p := &plan{step: step, c: &compiled{rules: []rule{r}}, x: x, sources: []sourced{{object: &r.objects[0], content: pipeline.Bytes(nil)}}}
	files, _, err := p.files()
	if err != nil {
		return "", err
	}
	return files[0].file.Path(), nil
}

// breach says what is wrong with a path that was made of /in/{v}/x{v}.
func breach(p string) string {
	if !utf8.ValidString(p) {
		return "it is not UTF-8"
	}
	if path.Clean(p) != p || !strings.HasPrefix(p, "/in/") || !filepath.IsLocal(filepath.FromSlash(p[1:])) {
		return "it leaves its directory"
	}
	if strings.Count(p, "/") != 3 {
		return "it has another directory"
	}
	for _, segment := range strings.Split(p[1:], "/") {
		stem, _, _ := strings.Cut(strings.ToUpper(segment), ".")
		switch {
		case segment == "" || segment[0] == '.':
			return "a part is empty or hidden"
		case len(segment) > 255:
			return "a part is too long"
		case strings.TrimRight(segment, ". ") != segment || strings.TrimLeft(segment, " ") != segment:
			return "a part begins or ends in what Windows drops"
		case strings.ContainsAny(segment, `\:*?"<>|`):
			return "a part has a character that Windows refuses"
		case strings.ContainsFunc(segment, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
			return "a part has a control or formatting character"
		case reserved[strings.TrimRight(stem, " ")]:
			return "a part is the name of a device"
		}
	}
	return ""
}

func TestNastyValuesMakeSafeNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ value, want string }{ // want of {v} as a name; "" is an error
		{"plain", "plain"},
		{"two words", "two words"},
		{"../../etc/passwd", "_._.._etc_passwd"},
		{"..", ""},
		{".", ""},
		{"...", ""},
		{"a/b", "a_b"},
		{`a\b`, "a_b"},
		{"/", ""},
		{"//", ""},
		{`\\server\share`, "__server_share"},
		{"C:/windows", "C__windows"},
		{"/etc/passwd", "_etc_passwd"},
		{"a/../b", "a_.._b"},
		{"./a", "__a"},
		{"~", "~"},
		{"~root", "~root"},
		{"", ""},
		{" ", ""},
		{"   ", ""},
		{"\t\n", ""},
		{"\u00a0", ""},
		{"\x00", ""},
		{"a\x00b", "a_b"},
		{"a\nb", "a_b"},
		{"a\r\nb", "a__b"},
		{"a\tb", "a_b"},
		{"\x1b[31mred", "_[31mred"},
		{"\x7f", ""},
		{"a\u0085b", "a_b"},
		{"CON", "_CON"},
		{"con", "_con"},
		{"Con.txt", "_Con.txt"},
		{"CON .txt", "_CON .txt"},
		{"NUL", "_NUL"},
		{"aux.", "_aux"},
		{"COM1", "_COM1"},
		{"com¹", "_com¹"},
		{"LPT9.pdf", "_LPT9.pdf"},
		{"CONIN$", "_CONIN$"},
		{"CONSOLE", "CONSOLE"},
		{"COM10", "COM10"},
		{".hidden", "_hidden"},
		{".htaccess", "_htaccess"},
		{".exportpipeline-part-X", "_exportpipeline-part-X"},
		{"end.", "end"},
		{"end ", "end"},
		{" start", "start"},
		{"end. . .", "end"},
		{"a:b", "a_b"},
		{"file.txt:stream", "file.txt_stream"},
		{"a*b?c", "a_b_c"},
		{`say "hi"`, "say _hi_"},
		{"<b>|</b>", "_b____b_"},
		{"\u202egpj.exe", "_gpj.exe"},
		{"a\u200fb", "a_b"},
		{"a\u200bb", "a_b"},
		{"\ufeffbom", "_bom"},
		{"a\u2028b", "a_b"},
		{"a\ufffeb", "a_b"},
		{"\xff\xfe", ""},
		{"a\xc3", "a_"},
		{"\ue000", ""},
		{"čeština", "čeština"},
		{"漢字", "漢字"},
		{"🙂", "🙂"},
		{"e\u0301", "e\u0301"},
		{"-rf", "-rf"},
		{"$(reboot)", "$(reboot)"},
		{"`id`;ls", "`id`;ls"},
		{"%2e%2e%2f", "%2e%2e%2f"},
		{"{annotation.id}", "{annotation.id}"},
		{"{v}", "{v}"},
		{"@{secret}", "@{secret}"},
		{strings.Repeat("é", 127), strings.Repeat("é", 127)},
		{strings.Repeat("é", 300), strings.Repeat("é", 123) + "~94ee8f6b"},
		{strings.Repeat("x", 300) + ".pdf", strings.Repeat("x", 242) + "~8e8bb2c9.pdf"},
		{strings.Repeat("../", 100), "~"},
	} {
		t.Run(c.value[:min(20, len(c.value))], func(t *testing.T) {
			got, err := nameOf(t, "/in", "{v}", c.value)
			got = strings.TrimSuffix(strings.TrimPrefix(got, "/in/"), ".pdf")
			long := len(c.value) > 255
			switch {
			case c.want == "~":
			case c.want == "" && err == nil:
				t.Errorf("%q became %q, want an error", c.value, got)
			case c.want == "":
				var named *NameError
				if !errors.As(err, &named) || named.Variable != "v" || named.Place == "" {
					t.Errorf("the error is %v", err)
				}
			case long && (err != nil || len(got) > 255 || !strings.Contains(got, "~")):
				t.Errorf("%q became %q: %v", c.value, got, err)
			case !long && (err != nil || got != strings.TrimSuffix(c.want, ".pdf")):
				t.Errorf("%q became %q, want %q: %v", c.value, got, c.want, err)
			}
			if p, err := nameOf(t, "/in/{v}", "x{v}", c.value); err == nil {
				if why := breach(p); why != "" {
					t.Errorf("%q: %s: %q", c.value, why, p)
				}
			}
		})
	}
}

func TestLongValuesStayApart(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	a, errA := nameOf(t, "/in", "{v}", long+"a")
	b, errB := nameOf(t, "/in", "{v}", long+"b")
	if errA != nil || errB != nil || a == b {
		t.Errorf("%q %v, %q %v", a, errA, b, errB)
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"a", "../../etc/passwd", "CON", "a/b", "\x00", "\u202e", strings.Repeat("é", 300), " ", "...", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, template := range []string{"{v}", "x{v}", "{v}.csv", "{v}{v}"} {
			p, err := nameOf(t, "/in/{v}", template, value)
			if err != nil {
				continue
			}
			if why := breach(p); why != "" {
				t.Errorf("%q in %s: %s: %q", value, template, why, p)
			}
		}
	})
}

func FuzzTemplates(f *testing.F) {
	for _, seed := range []string{"{annotation.id}", "{", "}", "{}", "{{v}}", "a/{v}/..", "../{v}", "{seq}", "{unknown.x}", "/{v}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template string) {
		var faults settings.Faults
		p := compilePattern(&faults, "place", template)
		if faults.Err() != nil {
			return
		}
		x, err := pipeline.NewExport(rossumtest.Annotation(rossumtest.Field("v", "value"), rossumtest.Offline()).Payload())
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := p.render(&variables{x: x, seq: "1"})
		if err != nil {
			return
		}
		segments, err := splitPath(rendered)
		if err != nil {
			return
		}
		for _, s := range segments {
			if s == "" || s == "." || s == ".." || strings.Contains(s, "/") || len(s) > MaxName {
				t.Errorf("%q became %q", template, segments)
			}
		}
	})
}

func TestUnknownVariablesAreFoundWhenTheStepIsBuilt(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"{anotation.id}":     "did you mean {annotation.id}?",
		"{document.name}":    "is unknown",
		"{":                  "no closing brace",
		"{}":                 "names no variable",
		"a{b{c}":             "brace within braces",
		"../{annotation.id}": `".." is not allowed`,
		"a\x01b":             "control character",
	} {
		var faults settings.Faults
		compilePattern(&faults, "place", template)
		if err := faults.Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "place: ") {
			t.Errorf("%q: %v", template, err)
		}
	}
}
