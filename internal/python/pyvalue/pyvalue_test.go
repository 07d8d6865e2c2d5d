package pyvalue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestValuesAreSmallAndDoNotAllocate(t *testing.T) {
	text := "some text"
	if n := testing.AllocsPerRun(100, func() {
		for _, v := range []Value{Str(text), Int(1 << 60), Float(1.5), Bool(true), None(), Markup(text)} {
			if v.Kind() == KindObject {
				t.Error("wrong kind")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestKeysThatAreEqualInPythonAreOneKey(t *testing.T) {
	t.Parallel()
	d := NewDict()
	for i, k := range []Value{Int(1), Float(1), Bool(true), Str("1"), Markup("1"), BigInt(new(big.Int).Lsh(big.NewInt(1), 70)), Float(1 << 70), NewTuple(Int(1), Str("a")), NewTuple(Float(1), Str("a")), None(), Bytes([]byte("1"))} {
		if err := d.Set(k, Int(int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := Repr(nil, d.Value()); got != "{1: 2, '1': 4, 1180591620717411303424: 6, (1, 'a'): 8, None: 9, b'1': 10}" {
		t.Error(got)
	}
	if err := d.Set(NewList(), None()); err == nil || err.Error() != "TypeError: unhashable type: 'list'" {
		t.Error(err)
	}
}

func TestADictKeepsItsOrderThroughChanges(t *testing.T) {
	t.Parallel()
	d := NewDict()
	for i := range 100 {
		d.SetStr(fmt.Sprint("k", i), Int(int64(i)))
	}
	for i := 0; i < 100; i += 2 {
		if _, ok, err := d.Delete(Str(fmt.Sprint("k", i))); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	d.SetStr("k0", Int(0))
	keys := d.Keys()
	if d.Len() != 51 || keys[0].Text() != "k1" || keys[49].Text() != "k99" || keys[50].Text() != "k0" {
		t.Errorf("%d keys, %s … %s", d.Len(), keys[0].Text(), keys[len(keys)-1].Text())
	}
	if v, ok := d.GetStr("k51"); !ok || !Equal(v, Int(51)) {
		t.Errorf("%v", ok)
	}
}

func TestJSONKeepsSpellingAndOrderAndTheLastOfTwoKeys(t *testing.T) {
	t.Parallel()
	v, err := FromJSON([]byte(`{"b":1.10,"a":[1e2,12345678901234567890,true,null,"é\u2028"],"b":-0}`), true)
	if err != nil {
		t.Fatal(err)
	}
	out, err := JSON{ItemSeparator: ",", KeySeparator: ":", Spelling: true, Unicode: true}.Append(nil, nil, v)
	if want := `{"b":-0,"a":[1e2,12345678901234567890,true,null,"é` + "\u2028" + `"]}`; err != nil || string(out) != want {
		t.Errorf("%s %v", out, err)
	}
	if out, _ = (JSON{}).Append(nil, nil, v); string(out) != `{"b": 0, "a": [100.0, 12345678901234567890, true, null, "\u00e9\u2028"]}` {
		t.Errorf("%s", out)
	}
	for _, bad := range []string{"", "{", `{"a":}`, "[1,]", "1 2", strings.Repeat("[", 5000)} {
		if _, err := FromJSON([]byte(bad), false); err == nil {
			t.Errorf("%.10q was read", bad)
		}
	}
}

func TestABudgetIsCheckedBeforeAValueIsMade(t *testing.T) {
	t.Parallel()
	huge := Int(1 << 40)
	for name, f := range map[string]func(m *Meter) error{
		"repeat":  func(m *Meter) error { _, err := Binary(m, OpMul, Str("x"), huge); return err },
		"list":    func(m *Meter) error { _, err := Binary(m, OpMul, NewList(None()), huge); return err },
		"power":   func(m *Meter) error { _, err := Binary(m, OpPow, Int(10), Int(1<<40)); return err },
		"shift":   func(m *Meter) error { _, err := Binary(m, OpLsh, Int(1), huge); return err },
		"format":  func(m *Meter) error { _, err := Format(m, Int(1), "1099511627776d"); return err },
		"percent": func(m *Meter) error { _, err := PercentFormat(m, Str("%1099511627776d"), Int(1)); return err },
		"zfill": func(m *Meter) error {
			_, err := CallMethod(m, Str("x"), "zfill", &Call{Args: []Value{huge}})
			return err
		},
		"center": func(m *Meter) error {
			_, err := CallMethod(m, Str("x"), "center", &Call{Args: []Value{huge}})
			return err
		},
	} {
		if err := f(NewMeter(t.Context(), Limits{ValueBytes: 1 << 20})); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := NewMeter(ctx, Limits{}).Step(checkEvery + 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := NewMeter(t.Context(), Limits{Steps: 10}).Step(11); !errors.Is(err, ErrLimit) {
		t.Errorf("%v", err)
	}
}

func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	big1, _ := new(big.Int).SetString("9223372036854775808", 10)
	for _, tt := range []struct {
		op   Op
		a, b Value
		want string
	}{
		{OpAdd, Int(9223372036854775807), Int(1), "9223372036854775808"}, {OpSub, Int(-9223372036854775808), Int(1), "-9223372036854775809"},
		{OpMul, Int(-9223372036854775808), Int(-1), "9223372036854775808"}, {OpFloorDiv, Int(-9223372036854775808), Int(-1), "9223372036854775808"}, {OpMod, Int(-9223372036854775808), Int(3), "1"},
		{OpSub, BigInt(big1), Int(1), "9223372036854775807"}, {OpDiv, Int(9007199254740993), Int(1), "9007199254740992.0"}, {OpMod, Float(-1), Float(3), "2.0"}, {OpFloorDiv, Float(-0.5), Float(1), "-1.0"},
		{OpPow, Int(2), Int(-1), "0.5"}, {OpAnd, Bool(true), Bool(true), "True"}, {OpOr, Int(-1), Int(2), "-1"}, {OpLsh, Int(1), Int(70), "1180591620717411303424"}, {OpRsh, Int(-5), Int(100), "-1"},
	} {
		v, err := Binary(nil, tt.op, tt.a, tt.b)
		if got, _ := String(nil, v); err != nil || got != tt.want {
			t.Errorf("%v: %s, %v", tt, got, err)
		}
	}
}

func FuzzFormat(f *testing.F) {
	f.Add("{:>5}", "%5.2f", ">10,.2f")
	f.Add("{a[0]!r:{w}}", "%(k)s", "#x")
	f.Fuzz(func(t *testing.T, format, percent, spec string) {
		m := NewMeter(t.Context(), Limits{ValueBytes: 1 << 16, Steps: 1 << 16})
		d := NewDict()
		d.SetStr("k", Float(1.5))
		for _, v := range []Value{Int(42), Float(-1.5), Str("é"), None(), d.Value()} {
			_, _ = Format(m, v, spec)
			_, _ = PercentFormat(m, Str(percent), v)
			_, _ = CallMethod(m, Str(format), "format", &Call{Args: []Value{v}, Names: []string{"a"}, Named: []Value{NewList(v)}, Meter: m})
		}
	})
}

func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1.0,"x",null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := FromJSON(data, true)
		if err != nil {
			return
		}
		out, err := JSON{Spelling: true}.Append(nil, nil, v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := FromJSON(out, true)
		if err != nil || !Equal(v, again) && !strings.Contains(string(out), "NaN") {
			t.Errorf("%s became %s: %v", data, out, err)
		}
	})
}

func Example() {
	v, _ := Binary(nil, OpFloorDiv, Int(-7), Int(2))
	text, _ := Repr(nil, NewTuple(v, Float(1e16), Str("it's"), None()))
	fmt.Println(text)
	_, err := Binary(nil, OpAdd, Int(1), Str("a"))
	fmt.Println(err)
	// Output:
	// (-4, 1e+16, "it's", None)
	// TypeError: unsupported operand type(s) for +: 'int' and 'str'
}

// TestRoundingIsThatOfTheWholeBinaryValue compares the short way of rounding with the
// long one, most of all near the middle between two results.
func TestRoundingIsThatOfTheWholeBinaryValue(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(15, 4))
	check := func(f float64, digits int) {
		want, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Round(nil, Float(f), Int(int64(digits)))
		if g, _ := got.Float64(); err != nil || math.Float64bits(g) != math.Float64bits(want) {
			t.Fatalf("round(%v, %d) = %v, want %v (%v)", f, digits, g, want, err)
		}
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 0.5, 1.5, 2.5, -0.5, 2.675, 1.005, 0.125, 1e15 - 0.5, 1e22, 5e-324, 0.1, 999999.5} {
		for digits := range 12 {
			check(f, digits)
			check(-f, digits)
		}
	}
	for range 200_000 {
		digits := r.IntN(11)
		f := float64(r.Int64N(1<<40)) / math.Pow(10, float64(r.IntN(9)))
		check(f, digits)
		near := (math.Floor(f) + 0.5) / math.Pow(10, float64(digits))
		check(near, digits)
		check(math.Nextafter(near, 0), digits)
		check(-math.Nextafter(near, math.Inf(1)), digits)
	}
}

func TestManyValuesCountAsEachOfThem(t *testing.T) {
	t.Parallel()
	for _, limits := range []Limits{{}, {Steps: 30}, {TotalBytes: 500}, {ValueBytes: 20}} {
		one, many := NewMeter(t.Context(), limits), NewMeter(t.Context(), limits)
		var err error
		for range 40 {
			if err = one.Grow(24); err != nil {
				break
			}
		}
		manyErr := many.GrowTimes(40, 24)
		if fmt.Sprint(err) != fmt.Sprint(manyErr) {
			t.Errorf("%+v: %v, one by one %v", limits, manyErr, err)
		}
		steps, total := one.Used()
		if manySteps, manyTotal := many.Used(); err == nil && (steps != manySteps || total != manyTotal) {
			t.Errorf("%d steps and %d bytes, one by one %d and %d", manySteps, manyTotal, steps, total)
		}
	}
}

func TestAKeyIsFoundNearWhereItWasLast(t *testing.T) {
	t.Parallel()
	for _, size := range []int{3, 30} { // without an index, and with one
		near := 0
		first, second := NewDict(), NewDict()
		for i := range size {
			first.SetStr(fmt.Sprint("k", i), Int(int64(i)))
			second.SetStr(fmt.Sprint("k", size-1-i), Int(int64(i)))
		}
		if _, _, err := first.Delete(Str("k1")); err != nil {
			t.Fatal(err)
		}
		first.SetStr("", Str("empty"))
		if err := second.Set(NewTuple(), Str("tuple")); err != nil { // where first has ""
			t.Fatal(err)
		}
		if err := second.Set(Markup("m"), Str("markup")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, d := range []*Dict{first, second, NewDict()} {
				for _, key := range []string{"k0", "k1", "k2", "m", "none", ""} {
					want, has := d.GetStr(key)
					if got, ok := d.GetStrNear(key, &near); ok != has || !Equal(got, want) {
						t.Errorf("%s: %v, %v, want %v, %v", key, got, ok, want, has)
					}
				}
			}
		}
	}
}

func TestDigitsOfAPowerOfTwoArePutTogetherAsByTheLibrary(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(18, 18))
	for _, base := range []int{2, 4, 8, 16, 32} {
		for range 300 {
			digits := make([]byte, 1+random.IntN(200))
			for i := range digits {
				digits[i] = "0123456789abcdefghijklmnopqrstuv"[random.IntN(base)]
			}
			got, ok := bigOf(strings.ToUpper(string(digits)), base)
			want, _ := new(big.Int).SetString(string(digits), base)
			if !ok || got.Cmp(want) != 0 {
				t.Errorf("%s to the base %d is %v, want %v", digits, base, got, want)
			}
		}
		for _, wrong := range []string{"0123456789abcdefghijklmnopqrstuvwxyz"[base : base+1], "1.", "_", "1é"} {
			if n, ok := bigOf(wrong, base); ok {
				t.Errorf("%q to the base %d is %v", wrong, base, n)
			}
		}
	}
}
