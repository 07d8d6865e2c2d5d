package reqproc

import "testing"

func TestBracketsHoldLiteralsOfPython(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1": "1", " 1\t": "1", "-1": "-1", "+1": "1", "- 1": "-1", "-(1)": "-1", "((2))": "2", "0x1F": "31", "0o17": "15", "0B11": "3", "1_000": "1000", "00": "0",
		"True": "1", "(False)": "0", "'a'": `"a"`, `"a b"`: `"a b"`, "'a' \"b\"": `"ab"`, "u'a'": `"a"`, `r'a\n'`: `"a\\n"`, `'a\x20\u0062\40'`: `"a b "`,
		"'''a'b'''": `"a'b"`, "'''a\nb'''": `"a\nb"`, "'a\\\nb'": `"ab"`, `'\''`: `"'"`, "''": `""`,
		"": "", "a": "", "01": "", "1_": "", "1__0": "", "--1": "", "-True": "", "-'a'": "", "(1": "", "1)": "", "1 2": "", "1+1": "", "~0": "", "b'a'": "", "f'a'": "",
		"'a": "", "'a\\'": "", "1.0": "", "None": "", "[1]": "", "(1,)": "", "\u00a01": "", "99999999999": "", `'\x2'`: "",
		"'a\nb'": "", "'a\rb'": "", "'a\x00b'": "", "-'a\\ud800'1": "", "'a\\ud800'1": "", "\f 1": "",
	} {
		got := ""
		if v, ok := literal(text); ok {
			got = dumped(t, v)
		}
		if got != want {
			t.Errorf("[%s] is %s, want %s", text, got, want)
		}
	}
}
