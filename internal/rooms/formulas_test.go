package rooms

import (
	"os/exec"
	"strings"
	"testing"
)

// ways are those in which the program of testdata/formulas exports.
var ways = []string{
	"Export", "Export, a given schema", "Export, tolerant", "Export on a ledger", "a chain in a chain", "a branch",
	"NewExport", "Begin and Keep", "hookserver", "organisation",
}

// TestAnExportComputesFormulasOrIsRefused holds in every way to run a chain, and in
// programs with the language of formulas and without: none sends what a formula gave before the
// step that changes it, unless the program says Off.
func TestAnExportComputesFormulasOrIsRefused(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it links programs")
	}
	with, without := build(t, "formulas", ""), build(t, "formulas", noFormulas)
	computed, refused := run(t, with), run(t, without)
	for _, way := range ways {
		line(t, computed, way+": open; <nil>", "")
		line(t, refused, way+": ; ", "formula fields, such as gate; build it without the tag, or set pipeline.Formulas.Off")
	}
	line(t, computed, "Check: ; <nil>", "")
	line(t, refused, "Check: ; ", "formula fields, such as gate; build it without the tag, or set pipeline.Formulas.Off")
	for _, out := range []string{computed, refused} {
		line(t, out, "off: stale; <nil>", "")
		line(t, out, "the annotation is gone: ; <nil>", "") // what is kept of it must be erased
	}
}

// TestARunThatNeedsFormulasIsLeftToAProgramThatHasThem shows that a program without the
// language neither ends a run of another one nor goes on with it.
func TestARunThatNeedsFormulasIsLeftToAProgramThatHasThem(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it links programs")
	}
	with, without, ledger := build(t, "formulas", ""), build(t, "formulas", noFormulas), t.TempDir()
	line(t, run(t, with, "begin", ledger), "begin: ; <nil>", "")
	line(t, run(t, without, "recover", ledger), "recover: ; ", "without the language of formulas")
	line(t, run(t, with, "recover", ledger), "recover: open; <nil>", "")
	line(t, run(t, with, "recover", ledger), "recover: ; <nil>", "")
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// line looks for a line that begins and contains what it must.
func line(t *testing.T, out, beginning, within string) {
	t.Helper()
	for l := range strings.Lines(out) {
		if strings.HasPrefix(l, beginning) && strings.Contains(l, within) {
			return
		}
	}
	t.Errorf("no line %q … %q in\n%s", beginning, within, out)
}
