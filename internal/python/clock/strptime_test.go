package clock

import (
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// parsed calls strptime, with a meter that ends what takes too long.
func parsed(t testing.TB, text, format string) (*dateValue, error) {
	t.Helper()
	meter := pyvalue.NewMeter(t.Context(), pyvalue.Limits{Steps: 1 << 20, ValueBytes: 16 << 20})
	v, err := strptime(&pyvalue.Call{Args: []pyvalue.Value{pyvalue.Str(text), pyvalue.Str(format)}, Meter: meter})
	d, _ := v.Object().(*dateValue)
	return d, err
}

// quickly and slowly are what the two ways of reading a text find.
func quickly(text, format string) string {
	p := newTimeParser(text)
	p.parse(format)
	return found(p, nil)
}

func slowly(text, format string) string {
	p := newTimeParser(text)
	return found(p, p.search(nil, format))
}

func found(p *timeParser, err error) string {
	if p.failed || err != nil {
		return "nothing"
	}
	zone := int64(-1)
	if p.zone != nil {
		zone = p.zone.micros
	}
	return fmt.Sprint(p.parts, string(p.pm), p.of12, p.yearDay, zone, p.isoYear, p.week, string(p.weekOf), p.weekDay, " rest ", p.text)
}

// FuzzStrptime reads a text quickly, and as CPython's regular expression does: what the quick
// way finds, the other one finds, too. A date that was read is written, and read again.
func FuzzStrptime(f *testing.F) {
	call := regexp.MustCompile(`strptime\((?:"([^"\n]*)"|'([^'\n]*)'), (?:"([^"\n]*)"|'([^'\n]*)')\)`)
	n := 0
	for _, text := range fuzzing.Files(f, "internal/txscript/testdata/golden/*.txt") {
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			f.Add(m[1]+m[2], m[3]+m[4])
			n++
		}
	}
	if n < 10 {
		f.Fatalf("%d seeds", n)
	}
	f.Add("é2020", "è%Y")
	f.Add("00", "%V")
	f.Add("a   5 x", "a %d x")
	f.Fuzz(func(t *testing.T, text, format string) {
		if !utf8.ValidString(text) || !utf8.ValidString(format) {
			return // texts of Python are
		}
		if quick := quickly(text, format); quick != "nothing" && quick != slowly(text, format) {
			t.Errorf("%q as %q: %s, and in CPython's way %s", text, format, quick, slowly(text, format))
		}
		d, err := parsed(t, text, format)
		if err != nil {
			fuzzing.CheckMessage(t, strings.Map(printable, err.Error()))
			return
		}
		year := strings.ContainsAny(format, "YyGcx")
		if strings.Contains(format, "%Z") || d.t.Year() < 1000 || !year && d.t.Year() != 1900 {
			return // which is not written as it is read
		}
		written, err := d.strftime(nil, format)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parsed(t, written, format)
		if err != nil || !again.t.Equal(d.t) {
			t.Errorf("%q as %q is %s, written %q, which is %v, %v", text, format, d.PyRepr(), written, again, err)
		}
	})
}

// printable leaves the control characters out that Python shows as they are.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return '?'
	}
	return r
}

func TestLettersBeyondASCIIAreThoseOfTheFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, format string
		fits         bool
	}{
		{"é2020", "è%Y", false}, {"\r\r2020", "\r%Y", true}, {" \u00a0\x1c2020", " %Y", true}, {"\x1f2020", "\v%Y", true}, {"x2020", "\v%Y", false},
		{"é2020", "é%Y", true}, {"É2020", "é%Y", true}, {"2020年3月", "%Y年%m月", true}, {"2020年3日", "%Y年%m月", false},
	} {
		if d, err := parsed(t, c.text, c.format); (err == nil) != c.fits || err == nil && d.t.Year() != 2020 {
			t.Errorf("%q as %q: %v", c.text, c.format, err)
		}
	}
}

func TestAWeekHasNoSecondZero(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"2026-W00-1": "does not match", "2026-W0-1": "Invalid week: 0", "2026-W9-1": ""} {
		if _, err := parsed(t, text, "%G-W%V-%u"); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A stack that is too large ends the process.
func TestALongFormatTakesNoStack(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(16 << 20))
	for name, piece := range map[string]string{"letters": "ab", "blanks": "a ", "several blanks": "a  "} {
		long := strings.Repeat(piece, 1<<17)
		meter := pyvalue.NewMeter(t.Context(), pyvalue.Limits{ValueBytes: 16 << 20})
		_, err := strptime(&pyvalue.Call{Args: []pyvalue.Value{pyvalue.Str(long), pyvalue.Str(long + "x")}, Meter: meter})
		if err == nil || !strings.Contains(err.Error(), "does not match") {
			t.Errorf("%s: %.100v", name, err)
		}
		if steps, _ := meter.Used(); steps < int64(2*1<<17) {
			t.Errorf("%s: %d steps for %d bytes", name, steps, len(long))
		}
	}
}

func TestReadingATimeEndsWithItsSteps(t *testing.T) {
	t.Parallel()
	format := "%d%H%I%m%M%S%U%W%j%y%V" + strings.Repeat("1", 1<<16)
	text := strings.Repeat("1", 16+1<<16) + "x"
	meter := pyvalue.NewMeter(t.Context(), pyvalue.Limits{Steps: 1 << 20, ValueBytes: 16 << 20})
	_, err := strptime(&pyvalue.Call{Args: []pyvalue.Value{pyvalue.Str(text), pyvalue.Str(format)}, Meter: meter})
	if steps, _ := meter.Used(); !errors.Is(err, pyvalue.ErrLimit) || steps > 1<<20+1<<18 {
		t.Errorf("%d steps, %.100v", steps, err)
	}
}
