package naming

import (
	"errors"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// nameOf puts a value into a template of a directory and of a name.
func nameOf(directory, name, value string) (string, error) {
	return pathOf(false, directory, name, value)
}

// pathOf renders templates whose variables all have one value.
func pathOf(unix bool, directory, name, value string) (string, error) {
	var segments []string
	for i, template := range []string{directory, name} {
		more, err := (&Namer{Unix: unix, Split: i == 0}).Segments(pieces(template, value))
		if err != nil {
			return "", err
		}
		segments = append(segments, more...)
	}
	return "/" + strings.Join(segments, "/"), nil
}

func pieces(template, value string) []Piece {
	list := make([]Piece, 0, 4)
	for i, text := range strings.Split(template, "{v}") {
		if i > 0 {
			list = append(list, Piece{value, "v"})
		}
		list = append(list, Piece{Text: text})
	}
	return list
}

// breach says what is wrong with a path that was made of /in/{v} and a name that begins
// with the prefix.
func breach(p, prefix string) string {
	if !utf8.ValidString(p) {
		return "it is not UTF-8"
	}
	if path.Clean(p) != p || !strings.HasPrefix(p, "/in/") || !filepath.IsLocal(filepath.FromSlash(p[1:])) {
		return "it leaves its directory"
	}
	if name := path.Base(p); !strings.HasPrefix(name, prefix) {
		return "a value has made the file's name"
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
			got, err := nameOf("/in", "{v}", c.value)
			got = strings.TrimSuffix(strings.TrimPrefix(got, "/in/"), ".pdf")
			long := len(c.value) > 255
			switch {
			case c.want == "~":
			case c.want == "" && err == nil:
				t.Errorf("%q became %q, want an error", c.value, got)
			case c.want == "":
				var named *Error
				if !errors.As(err, &named) || named.Variable != "v" {
					t.Errorf("the error is %v", err)
				}
			case long && (err != nil || len(got) > 255 || !strings.Contains(got, "~")):
				t.Errorf("%q became %q: %v", c.value, got, err)
			case !long && (err != nil || got != strings.TrimSuffix(c.want, ".pdf")):
				t.Errorf("%q became %q, want %q: %v", c.value, got, c.want, err)
			}
			if p, err := nameOf("/in/{v}", "x{v}", c.value); err == nil {
				if why := breach(p, "x"); why != "" {
					t.Errorf("%q: %s: %q", c.value, why, p)
				}
			}
		})
	}
}

func TestLongValuesStayApart(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	a, errA := nameOf("/in", "{v}", long+"a")
	b, errB := nameOf("/in", "{v}", long+"b")
	if errA != nil || errB != nil || a == b {
		t.Errorf("%q %v, %q %v", a, errA, b, errB)
	}
}

func TestATextAsLongAsADocumentIsNoName(t *testing.T) {
	t.Parallel()
	for _, long := range []string{strings.Repeat("x", 65<<10), strings.Repeat("/..", 30<<10), strings.Repeat("ž\"<", 20<<10)} {
		for _, template := range []string{"{v}", "x{v}", "{v}{v}.csv"} {
			_, err := nameOf("/in", template, long)
			if err == nil || !strings.Contains(err.Error(), "; the texts of a path may have 64 KiB") || len(err.Error()) > 200 {
				t.Errorf("%s: the error is %.300v", template, err)
			}
		}
	}
	if name, err := nameOf("/in", "{v}", strings.Repeat("x", 60<<10)); err != nil || len(name) > len("/in/")+MaxName {
		t.Errorf("a long name becomes %q, %v", name, err)
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"a", "../../etc/passwd", "CON", "a/b", "\x00", "\u202e", strings.Repeat("é", 300), " ", "...", "\xff", " .ssh", "\u00a0.ssh/x", "a/ ..", "EU/invoices", "/.",
	} {
		f.Add(seed)
	}
	names := map[string]string{"": "{v}", "x": "x{v}", ".": ".{v}", "y": "y{v}{v}.csv"}
	f.Fuzz(func(t *testing.T, value string) {
		for prefix, name := range names {
			p, err := pathOf(false, "/in/{v}", name, value)
			if err != nil {
				continue
			}
			if prefix == "." {
				if p = strings.TrimPrefix(path.Base(p), "."); p == "" || p == "." {
					t.Errorf("%q made %q of .{v}", value, p)
				}
				continue
			}
			if why := breach(p, prefix); why != "" {
				t.Errorf("%q: %s: %q", value, why, p)
			}
			p, err = pathOf(true, "/in/{v}", name, value)
			if err == nil && (path.Clean(p) != p || !strings.HasPrefix(p, "/in/") || strings.Contains(p, "/.")) {
				t.Errorf("%q on Unix: %q", value, p)
			}
		}
	})
}

func TestDirectoriesTakeValuesWithSlashes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ directory, value, want string }{ // want "" is an error
		{"/{v}", "EU/invoices", "/EU/invoices/f"},
		{"/in/{v}", "EU/invoices", "/in/EU/invoices/f"},
		{"/in/{v}", "/EU/invoices/", "/in/EU/invoices/f"},
		{"/in/x{v}y", "a/b", "/in/xa/by/f"},
		{"/in/x{v}", "/b", "/in/x/b/f"},
		{"/in/{v}", "EU//./invoices", "/in/EU/invoices/f"},
		{"/in/{v}", " EU / invoices ", "/in/EU/invoices/f"},
		{"/in/{v}", "EU/../..", ""},
		{"/in/{v}", "..", ""},
		{"/in/{v}", "EU/\u00a0..", ""},
		{"/in/{v}", "EU/...", ""},
		{"/in/{v}", "/", ""},
		{"/in/{v}", "EU/.ssh", "/in/EU/_ssh/f"},
		{"/in/{v}", " .ssh", "/in/_ssh/f"},
		{"/in/{v}", "\u00a0.ssh", "/in/_ssh/f"},
		{"/in/{v}", `EU\..\x`, "/in/EU_.._x/f"},
		{"/in/{v}", "EU/CON", "/in/EU/_CON/f"},
		{"/in/{v}", "a\x00/b", "/in/a_/b/f"},
	} {
		got, err := nameOf(c.directory, "f", c.value)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s with %q is %q, want %q: %v", c.directory, c.value, got, c.want, err)
		}
	}
}

func TestWhatSettingsSpellIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Acme Inc.", " leading", "trailing ", "aux", "a:b", ".hidden", "a\u00a0b", "~", strings.Repeat("x", 300)} {
		if got, err := nameOf("/"+text, text, "v"); err != nil || got != "/"+text+"/"+text {
			t.Errorf("%q became %q: %v", text, got, err)
		}
	}
	if got, err := nameOf("/in/aux.{v} Inc.", ".{v}", "1"); err != nil || got != "/in/aux.1 Inc./.1" {
		t.Errorf("beside values it became %q: %v", got, err)
	}
}

func TestUnixHoldsWhatWindowsRefuses(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"a:b?": "/in/a:b?/a:b?", "CON": "/in/CON/CON", "end.": "/in/end./end.", `a\b`: "/in/a_b/a_b", "..x": "/in/_.x/_.x", "..": "", "?": "/in/?/?",
	} {
		got, err := pathOf(true, "/in/{v}", "{v}", value)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q, want %q: %v", value, got, want, err)
		}
	}
}
