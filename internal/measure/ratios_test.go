package measure

import (
	"bufio"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
)

var updateRatios = flag.Bool("update", false, "write testdata/ratios.txt anew")

// ratioBenchmarks are the packages whose benchmarks compare with something else, and which.
var ratioBenchmarks = [][2]string{
	{"steps", "^(BenchmarkChain|BenchmarkEightCalls)$"},
	{"steps/requestprocessor", "^BenchmarkAgainstNetHTTP$"},
	{"rossum/formula", "^(BenchmarkFormulas|BenchmarkFunction)$"},
	{"pipeline", "^BenchmarkPreflight$"},
	{"pipeline/folderledger", "^(BenchmarkFolderLedger|BenchmarkExportOnFolder)$"},
}

// tolerance is by how much a ratio may differ from the landed one before it is marked: a
// machine that does something else shifts it by less.
const tolerance = 0.25

// TestRatios prints the ratios of the benchmarks beside those that were landed last. Times
// are those of a machine, ratios hardly are. A ratio that has become worse is marked, and
// fails nothing. make ratios runs it, on a machine that does nothing else; with -update it
// writes the landed ones anew.
func TestRatios(t *testing.T) {
	if os.Getenv("EXPORTPIPELINE_RATIOS") == "" {
		t.Skip("make ratios prints the table")
	}
	landed, err := os.ReadFile("testdata/ratios.txt")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, b := range ratioBenchmarks {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-run", "^$", "-bench", b[1], "-benchtime", "3x", "-count", "3", "../../"+b[0])
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", b[0], err, out)
		}
		lines = append(lines, ratiosOf(b[0], string(out))...)
	}
	if *updateRatios {
		if err := os.WriteFile("testdata/ratios.txt", []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("\n%s", compareRatios(string(landed), lines))
}

// ratiosOf reads the output of benchmarks: a line for each ratio, whose unit begins with
// x- or of-, with the best of its runs.
func ratiosOf(pkg, out string) []string {
	best := make(map[string]float64)
	var order []string
	for scan := bufio.NewScanner(strings.NewReader(out)); scan.Scan(); {
		words := strings.Fields(scan.Text())
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		name := words[0]
		if at := strings.LastIndexByte(name, '-'); at > 0 && !strings.Contains(name[at:], "/") {
			name = name[:at] // of the processors
		}
		for i := 2; i+1 < len(words); i += 2 {
			unit := words[i+1]
			value, err := strconv.ParseFloat(words[i], 64)
			if err != nil || !strings.HasPrefix(unit, "x-") && !strings.HasPrefix(unit, "of-") {
				continue
			}
			key := pkg + " " + name + " " + unit
			known, ok := best[key]
			if !ok {
				order = append(order, key)
				known = value
			}
			if best[key] = min(known, value); moreIsBetter(unit) {
				best[key] = max(known, value)
			}
		}
	}
	lines := make([]string, len(order))
	for i, key := range order {
		lines[i] = fmt.Sprintf("%s %.3g", key, best[key])
	}
	return lines
}

// moreIsBetter reports ratios that say how much faster the library is than another one.
func moreIsBetter(unit string) bool {
	return strings.Contains(unit, "faster") || strings.Contains(unit, "CPython")
}

// compareRatios makes the table.
func compareRatios(landed string, now []string) string {
	before := make(map[string]float64)
	for line := range strings.Lines(landed) {
		if key, value, ok := cutLastWord(strings.TrimSpace(line)); ok {
			before[key] = value
		}
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "benchmark\tlanded\tnow\t")
	seen := make(map[string]bool)
	for _, line := range now {
		key, value, ok := cutLastWord(line)
		if !ok {
			continue
		}
		seen[key] = true
		_, unit, _ := strings.Cut(key[strings.LastIndexByte(key, ' '):], " ")
		old, known := before[key]
		_, _ = fmt.Fprintf(w, "%s\t%s\t%.3g\t%s\n", key, orNew(old, known), value, verdict(unit, old, value, known))
	}
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for key := range before {
			if !seen[key] && !yield(key) {
				return
			}
		}
	}) {
		_, _ = fmt.Fprintf(w, "%s\t%.3g\t\tgone\n", key, before[key])
	}
	_ = w.Flush() // a strings.Builder takes everything
	return table.String()
}

func orNew(old float64, known bool) string {
	if !known {
		return ""
	}
	return fmt.Sprintf("%.3g", old)
}

// verdict is a word for what became of a ratio, "" if it is about the same.
func verdict(unit string, old, now float64, known bool) string {
	switch {
	case !known:
		return "new"
	case old <= 0 || math.Abs(now-old)/old <= tolerance:
		return ""
	case now > old == moreIsBetter(unit):
		return fmt.Sprintf("better by %.0f %%", 100*math.Abs(now-old)/old)
	}
	return fmt.Sprintf("WORSE by %.0f %%", 100*math.Abs(now-old)/old)
}

func cutLastWord(line string) (key string, value float64, ok bool) {
	at := strings.LastIndexByte(line, ' ')
	if at < 0 {
		return "", 0, false
	}
	value, err := strconv.ParseFloat(line[at+1:], 64)
	return line[:at], value, err == nil
}

func TestRatiosAreReadFromBenchmarksAndTheBestOfThemCounts(t *testing.T) {
	t.Parallel()
	const out = `goos: linux
BenchmarkChain-2   	       1	  2034 ns/op	        12 µs/export	         3.50 x-by-hand	  9 B/op
BenchmarkChain-2   	       1	  1034 ns/op	        10 µs/export	         3.00 x-by-hand
BenchmarkFormulas/rows-100-2  1  5 ns/op   1.5 x-CPython
BenchmarkFormulas/rows-100-2  1  5 ns/op   1.8 x-CPython
BenchmarkPlain-2  1  5 ns/op
PASS
`
	got := ratiosOf("steps", out)
	if want := []string{"steps BenchmarkChain x-by-hand 3", "steps BenchmarkFormulas/rows-100 x-CPython 1.8"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestARatioThatBecameWorseIsMarked(t *testing.T) {
	t.Parallel()
	const landed = "p A x-by-hand 2\np B x-CPython 2\np C x-by-hand 2\np D of-a-run 1\np F x-by-hand 2\n"
	now := []string{"p A x-by-hand 2.4", "p B x-CPython 1", "p C x-by-hand 3", "p E x-by-hand 7", "p F x-by-hand 1"}
	var words []string
	for line := range strings.Lines(compareRatios(landed, now)) {
		words = append(words, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"benchmark landed now", "p A x-by-hand 2 2.4", "p B x-CPython 2 1 WORSE by 50 %", "p C x-by-hand 2 3 WORSE by 50 %",
		"p E x-by-hand 7 new", "p F x-by-hand 2 1 better by 50 %", "p D of-a-run 1 gone",
	}
	if !slices.Equal(words, want) {
		t.Errorf("got %q", words)
	}
}
