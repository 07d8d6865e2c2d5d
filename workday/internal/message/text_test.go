package message

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

func TestNumbersAreWrittenOutWithoutExponents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		base  string
		value jsontemplate.Value
		want  string // "" if it is refused
	}{
		{"decimal", "1.5E+3", "1500"},
		{"decimal", "1e-07", "0.0000001"},
		{"decimal", "-2.50e1", "-25"},
		{"decimal", "+1e0", "1"},
		{"decimal", ".5e1", "5"},
		{"decimal", "12345678901234567890.125E-2", "123456789012345678.90125"},
		{"decimal", " 1e2 ", "100"},
		{"decimal", "0e5", "0"},
		{"decimal", "1e1000", ""},
		{"decimal", "1e-99999999999999999999", ""},
		{"decimal", "1e", ""},
		{"decimal", "e5", ""},
		{"decimal", "EUR", ""},
		{"decimal", "--1e5", ""},
		{"decimal", "1.2.3e5", ""},
		{"decimal", "1e2.5", ""},
		{"decimal", json.Number("1e3"), "1000.0"},
		{"decimal", json.Number("1E-7"), "0.0000001"},
		{"decimal", json.Number("-1e22"), "-10000000000000000000000.0"},
		{"integer", json.Number("1e3"), "1000"},
		{"int", "2E2", "200"},
		{"int", "1e10", ""},
		{"integer", "1.5e0", ""},
		{"double", "1e5", "1e5"},
		{"string", "1e5", "1e5"},
		{"string", json.Number("1e5"), ""},
	} {
		got, err := textOf(&wsdl.Simple{Base: tt.base}, tt.value)
		if (err == nil) != (tt.want != "") || err == nil && got != tt.want {
			t.Errorf("%v as %s: got %q, %v, want %q", tt.value, tt.base, got, err, tt.want)
		}
	}
	if _, err := textOf(&wsdl.Simple{Base: "decimal"}, "1e1001"); err == nil || !strings.Contains(err.Error(), "1000 digits") {
		t.Errorf("got %v", err)
	}
}

func TestBooleansMayBeSpeltAsPythonSpellsThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"true": "true", "True": "true", "1": "true", " True\n": "true", "false": "false", "False": "false", "0": "false", "": "false",
		"TRUE": "", "no": "", "yes": "", "2": "",
	} {
		got, err := textOf(&wsdl.Simple{Base: "boolean"}, text)
		if (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

// Dates and dateTimes are those that zeep 4.2 makes of the same datetime of Python, but for
// the Z of UTC, for which it has +00:00.
func TestTimesOfGoAreWrittenAsTheirTypeWantsThem(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 31, 23, 30, 15, 250_000_000, time.FixedZone("", 2*3600))
	for _, tt := range []struct {
		base string
		at   time.Time
		want string
	}{
		{"dateTime", at, "2026-03-31T23:30:15.250000+02:00"},
		{"dateTime", at.UTC(), "2026-03-31T21:30:15.250000Z"},
		{"dateTime", at.Truncate(time.Second), "2026-03-31T23:30:15+02:00"},
		{"dateTime", at.Truncate(time.Second).Add(123 * time.Microsecond), "2026-03-31T23:30:15.000123+02:00"},
		{"dateTime", at.In(time.FixedZone("", -3*3600-1800)), "2026-03-31T18:00:15.250000-03:30"},
		{"date", at, "2026-03-31"},
		{"date", at.Add(time.Hour), "2026-04-01"},
		{"time", at, "23:30:15.250000+02:00"},
		{"time", at.UTC().Truncate(time.Second), "21:30:15Z"},
	} {
		if got, err := textOf(&wsdl.Simple{Base: tt.base}, tt.at); err != nil || got != tt.want {
			t.Errorf("%v as %s: got %q, %v, want %q", tt.at, tt.base, got, err, tt.want)
		}
	}
}
