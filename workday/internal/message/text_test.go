package message

import (
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

func TestNumbersAreWrittenOutWithoutExponents(t *testing.T) {
	t.Parallel()
	given := func(text string) pyvalue.Value {
		v, err := pyvalue.Number(text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		base  string
		value pyvalue.Value
		want  string // "" if it is refused
	}{
		{"decimal", pyvalue.Str("1.5E+3"), "1500"},
		{"decimal", pyvalue.Str("1e-07"), "0.0000001"},
		{"decimal", pyvalue.Str("-2.50e1"), "-25"},
		{"decimal", pyvalue.Str("+1e0"), "1"},
		{"decimal", pyvalue.Str(".5e1"), "5"},
		{"decimal", pyvalue.Str("12345678901234567890.125E-2"), "123456789012345678.90125"},
		{"decimal", pyvalue.Str(" 1e2 "), "100"},
		{"decimal", pyvalue.Str("0e5"), "0"},
		{"decimal", pyvalue.Str("1e1000"), ""},
		{"decimal", pyvalue.Str("1e-99999999999999999999"), ""},
		{"decimal", pyvalue.Str("1e"), ""},
		{"decimal", pyvalue.Str("e5"), ""},
		{"decimal", pyvalue.Str("EUR"), ""},
		{"decimal", pyvalue.Str("--1e5"), ""},
		{"decimal", pyvalue.Str("1.2.3e5"), ""},
		{"decimal", pyvalue.Str("1e2.5"), ""},
		{"decimal", given("1e3"), "1000.0"},
		{"decimal", given("1E-7"), "0.0000001"},
		{"decimal", given("-1e22"), "-10000000000000000000000.0"},
		{"integer", given("1e3"), "1000"},
		{"int", pyvalue.Str("2E2"), "200"},
		{"int", pyvalue.Str("1e10"), ""},
		{"integer", pyvalue.Str("1.5e0"), ""},
		{"double", pyvalue.Str("1e5"), "1e5"},
		{"string", pyvalue.Str("1e5"), "1e5"},
		{"string", given("1e5"), ""},
	} {
		got, err := textOf(&wsdl.Simple{Base: tt.base}, tt.value)
		if (err == nil) != (tt.want != "") || err == nil && got != tt.want {
			t.Errorf("%s as %s: got %q, %v, want %q", kindOf(tt.value), tt.base, got, err, tt.want)
		}
	}
	if _, err := textOf(&wsdl.Simple{Base: "decimal"}, pyvalue.Str("1e1001")); err == nil || !strings.Contains(err.Error(), "1000 digits") {
		t.Errorf("got %v", err)
	}
}

func TestBooleansMayBeSpeltAsPythonSpellsThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"true": "true", "True": "true", "1": "true", " True\n": "true", "false": "false", "False": "false", "0": "false", "": "false",
		"TRUE": "", "no": "", "yes": "", "2": "",
	} {
		got, err := textOf(&wsdl.Simple{Base: "boolean"}, pyvalue.Str(text))
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
		if got, err := textOf(&wsdl.Simple{Base: tt.base}, clock.DatetimeIn(tt.at)); err != nil || got != tt.want {
			t.Errorf("%v as %s: got %q, %v, want %q", tt.at, tt.base, got, err, tt.want)
		}
	}
}
