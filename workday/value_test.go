package workday_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/workday"
)

// decimal is like the decimals of other modules.
type decimal struct{ text string }

func (d decimal) MarshalText() ([]byte, error) {
	if d.text == "" {
		return nil, errors.New("no value")
	}
	return []byte(d.text), nil
}

func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	return r
}

func TestNumbersAndTimesOfGoAreSentExactly(t *testing.T) {
	t.Parallel()
	large, _ := new(big.Int).SetString("123456789012345678901", 10)
	at := time.Date(2026, 3, 31, 23, 30, 15, 250_000_000, time.FixedZone("", 2*3600))
	for _, tt := range []struct {
		name  string
		value any
		want  string // part of the body; "" for an error
	}{
		{"Control_Amount_Total", rossum.Decimal("1234.50"), `"Control_Amount_Total":1234.50`},
		{"Control_Amount_Total", json.Number("1234.50"), `"Control_Amount_Total":1234.5`},
		{"Control_Amount_Total", "1234.50", `"Control_Amount_Total":1234.50`},
		{"Control_Amount_Total", decimal{"1234.50"}, `"Control_Amount_Total":1234.50`},
		{"Control_Amount_Total", rat("2469/2"), `"Control_Amount_Total":1234.5`},
		{"Control_Amount_Total", rat("0.10"), `"Control_Amount_Total":0.1`},
		{"Control_Amount_Total", (*big.Rat)(nil), ``},
		{"Control_Amount_Total", rat("1/3"), ""},
		{"Control_Amount_Total", decimal{}, ""},
		{"Control_Amount_Total", 0.1, `"Control_Amount_Total":0.1`},
		{"Control_Amount_Total", float32(0.1), `"Control_Amount_Total":0.1`},
		{"Control_Amount_Total", 1e15, `"Control_Amount_Total":1000000000000000`},
		{"Control_Amount_Total", int64(1) << 53, `"Control_Amount_Total":9007199254740992`},
		{"Control_Amount_Total", large, `"Control_Amount_Total":123456789012345678901`},
		{"Control_Amount_Total", struct{}{}, ""},
		{"Invoice_Date", at, `"Invoice_Date":"2026-03-31"`},
		{"Invoice_Date", at.UTC(), `"Invoice_Date":"2026-03-31"`},
		{"Invoice_Date", at.Add(time.Hour), `"Invoice_Date":"2026-04-01"`},
		{"Invoice_Date", &at, `"Invoice_Date":"2026-03-31"`},
	} {
		w := tenant(t)
		body := map[string]any{"Supplier_Invoice_Data": map[string]any{
			"Company_Reference": map[string]any{"ID": []any{map[string]any{"type": "Organization_Reference_ID", "_value_1": "E"}}},
			tt.name:             tt.value,
		}}
		_, err := client(t, w, workday.ClientOptions{}).Call(t.Context(), "Resource_Management", "Submit_Supplier_Invoice", body)
		switch {
		case tt.want == "" && (err == nil) != (tt.value == (*big.Rat)(nil)):
			t.Errorf("%v: %v", tt.value, err)
		case tt.want == "" && err != nil && !errors.Is(err, workday.ErrMapping):
			t.Errorf("%v: %v", tt.value, err)
		case tt.want != "" && (err != nil || !strings.Contains(string(w.Calls()[0].Body), tt.want)):
			t.Errorf("%v: %v, %s", tt.value, err, w.Calls())
		}
	}
}
