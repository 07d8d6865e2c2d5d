package shadow

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func asIs(data []byte) (string, bool) { return string(data), true }

func TestADifferenceNamesTheFirstByteAndItsLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hosted, here string
		offset, line int
		texts        [2]string
	}{
		{"abc", "abd", 2, 1, [2]string{"c", "d"}},
		{"a\nb\n", "a\nb", 3, 2, [2]string{"\n", ""}},
		{"", "x", 0, 1, [2]string{"", "x"}},
		{"Größe", "Grüße", 3, 1, [2]string{"öße", "üße"}}, // shown from the beginning of the character
		{"\xff\xfe", "\xff\xfd", 1, 1, [2]string{"", ""}},
	} {
		d, differs := difference([]byte(tt.hosted), []byte(tt.here), asIs)
		if !differs || d.Offset != tt.offset || d.Line != tt.line || d.HostedText != tt.texts[0] || d.HereText != tt.texts[1] ||
			d.Hosted != len(tt.hosted) {
			t.Errorf("%q and %q: %+v", tt.hosted, tt.here, d)
		}
	}
	if _, differs := difference([]byte("a"), []byte("a"), asIs); differs {
		t.Error("what is equal differs")
	}
}

// A secret that is cut in two would not be recognised, and its half would be shown.
func TestTextsAreCleanedWhole(t *testing.T) {
	t.Parallel()
	const secret = "sk-0123456789-abcdefghij"
	clean := func(data []byte) (string, bool) { return strings.ReplaceAll(string(data), secret, "[secret]"), true }
	padding := strings.Repeat("x", excerpt-8)
	d, _ := difference([]byte("a1"+padding+secret), []byte("a2"+padding+secret), clean)
	if strings.Contains(d.HostedText+d.HereText+d.Diff, "sk-") {
		t.Errorf("%+v", d)
	}
	if d, _ := difference([]byte("k="+secret), []byte("k="+secret[:20]), clean); strings.Contains(
		d.HostedText+d.Diff,
		"sk-0123456789-abcdefghij",
	) {
		t.Errorf("%+v", d)
	}
}

func TestAUnifiedDiffShowsChangesWithTheLinesAroundThem(t *testing.T) {
	t.Parallel()
	hosted := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n"
	here := "1\n2\n3\nfour\n5\n6\n7\n8\n9\n10\n12\n13\n"
	const want = "@@ -2,5 +2,5 @@\n 2\n 3\n-4\n+four\n 5\n 6\n@@ -9,4 +9,4 @@\n 9\n 10\n-11\n 12\n+13\n"
	if got := unified(hosted, here); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := unified("a\n", ""); got != "@@ -1,1 +1,0 @@\n-a\n" {
		t.Errorf("%q", got)
	}
	long := unified(strings.Repeat("a\n", 3000), strings.Repeat("b\n", 3000))
	if strings.Count(long, "\n") != maxLines+1 || !strings.Contains(long, "(5961 further lines)") {
		t.Errorf("%d lines\n%s", strings.Count(long, "\n"), long[len(long)-100:])
	}
}

// A script makes both texts again, and each of them from as many common lines as there are.
func TestAScriptMakesBothTextsAgain(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		make := func() (all []string) {
			for range random.IntN(12) {
				all = append(all, string(rune('a'+random.IntN(3))))
			}
			return all
		}
		a, b := make(), make()
		var hosted, here []string
		for _, e := range script(a, b) {
			if e.kind != '+' {
				hosted = append(hosted, e.text)
			}
			if e.kind != '-' {
				here = append(here, e.text)
			}
		}
		if strings.Join(hosted, "") != strings.Join(a, "") || strings.Join(here, "") != strings.Join(b, "") {
			t.Fatalf("%q and %q become %q and %q", a, b, hosted, here)
		}
	}
}
