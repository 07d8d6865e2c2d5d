package formula_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// computed makes a formula field.
func computed(id, kind, code string) rossumtest.Part {
	return rossumtest.FieldValue(id, rossumtest.Value{Type: kind, Formula: code})
}

// cell makes a cell with a formula.
func cell(kind, code string) rossumtest.Value {
	return rossumtest.Value{Type: kind, Formula: code}
}

func number(text string) rossumtest.Value {
	return rossumtest.Value{Text: text, Normalized: text, Type: "number"}
}

func parts() []rossumtest.Part {
	return []rossumtest.Part{
		rossumtest.Field("erp_id", ""), rossumtest.Number("total", "1 210,50", "1210.50"), rossumtest.Date("issued", "20. 11. 2026", "2026-11-20"),
		rossumtest.FieldValue("rate", rossumtest.Value{Type: "number"}),
		rossumtest.Table("items",
			rossumtest.Row("code", "A").Typed("quantity", number("2")).Typed("price", number("10.25")).Typed("amount", cell("number", "field.quantity * field.price")).Typed("share", cell("string", "f'{field.amount / sum(field.amount.all_values):.0%} of {field.total_text}'")),
			rossumtest.Row("code", "B").Typed("quantity", number("1")).Typed("price", number("5")).Typed("amount", cell("number", "")).Typed("share", cell("string", ""))),
		computed("url", "string", "'https://erp.example/' + field.erp_id if field.erp_id else ''"),
		computed("gate", "string", "'yes' if field.url.startswith('https') else ''"),
		computed("sum", "number", "sum(default_to(field.amount.all_values, 0))"),
		computed("due", "date", "field.issued + timedelta(days=14)"),
		computed("total_text", "string", "f'{field.total:,.2f}'"),
		computed("with_rate", "number", "default_to(field.rate, 1) * field.total"),
	}
}

func compile(t testing.TB, p *rossum.Payload) *formula.Set {
	t.Helper()
	schema, err := p.Schema()
	if err != nil {
		t.Fatal(err)
	}
	s, err := formula.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t testing.TB, s *formula.Set, c *rossum.Content, changed ...string) *formula.Result {
	t.Helper()
	r, err := s.Run(t.Context(), c, changed, formula.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func values(c *rossum.Content, ids ...string) string {
	var out []string
	for _, id := range ids {
		for _, n := range c.Find(id) {
			out = append(out, n.Value())
		}
	}
	return strings.Join(out, " | ")
}

func set(t testing.TB, c *rossum.Content, id, text string) {
	t.Helper()
	n, err := c.Field(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.SetValue(text); err != nil {
		t.Fatal(err)
	}
}

func TestAllFormulasAreComputedInTheOrderOfTheirDependencies(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(parts()...).Payload()
	s, c := compile(t, p), p.Annotation.Content
	r := run(t, s, c)
	if got, want := values(c, "amount", "share", "sum", "due", "total_text", "with_rate", "url"), "20.5 | 5 | 80% of 1,210.50 | 20% of 1,210.50 | 25.5 | 2026-12-04 | 1,210.50 | 1210.5 | "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	order := s.Names()
	if slices.Index(order, "amount") > slices.Index(order, "share") || slices.Index(order, "total_text") > slices.Index(order, "share") || slices.Index(order, "url") > slices.Index(order, "gate") {
		t.Errorf("order %v", order)
	}
	if r.Runs != 10 || len(r.Computed) != 8 {
		t.Errorf("%d runs of %v", r.Runs, r.Computed)
	}
	if n, _ := c.Field("due"); n.Normalized() != "2026-12-04" {
		t.Errorf("due is normalised to %q", n.Normalized())
	}
}

func TestOnlyWhatDependsOnAChangeIsComputedAgain(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(parts()...).Payload()
	s, c := compile(t, p), p.Annotation.Content
	run(t, s, c)
	rossumrun.TakeWritten(c)
	set(t, c, "erp_id", "42")
	r := run(t, s, c, rossumrun.TakeWritten(c)...)
	if got := values(c, "url", "gate"); got != "https://erp.example/42 | yes" || strings.Join(r.Computed, " ") != "url gate" || r.Runs != 2 {
		t.Errorf("%s, computed %v in %d runs", got, r.Computed, r.Runs)
	}
	set(t, c, "total", "1210.5") // the same number in other words: what is computed from it stays
	if r := run(t, s, c, "total"); len(r.Changed) != 0 || strings.Join(r.Computed, " ") != "total_text with_rate" {
		t.Errorf("computed %v, changed %v", r.Computed, r.Changed)
	}
	if r := run(t, s, c, "code"); r.Runs != 0 {
		t.Errorf("%v were computed, though nothing reads code", r.Computed)
	}
	if _, err := c.Find("items")[0].AddRow(rossum.Cell{SchemaID: "quantity", Value: "3"}, rossum.Cell{SchemaID: "price", Value: "2"}, rossum.Cell{SchemaID: "amount"}, rossum.Cell{SchemaID: "share"}); err != nil {
		t.Fatal(err)
	}
	run(t, s, c, rossumrun.TakeWritten(c)...)
	if got := values(c, "amount", "sum"); got != "20.5 | 5 | 6 | 31.5" {
		t.Errorf("after a new row: %s", got)
	}
}

func TestComputedValuesAreNoOperations(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(parts()...).Payload()
	s, c := compile(t, p), p.Annotation.Content
	set(t, c, "erp_id", "42")
	run(t, s, c, "erp_id")
	if ops := c.Operations(); len(ops) != 1 || c.ByID(ops[0].ID).SchemaID() != "erp_id" {
		t.Errorf("operations %+v", ops)
	}
	// They survive a snapshot as what they are.
	changes, err := rossumrun.Changes(c)
	if err != nil {
		t.Fatal(err)
	}
	again := rossumtest.Annotation(parts()...).Payload().Annotation.Content
	if err := rossumrun.Restore(again, changes); err != nil {
		t.Fatal(err)
	}
	if ops := again.Operations(); len(ops) != 1 || values(again, "url") != "https://erp.example/42" {
		t.Errorf("operations %+v, url %s", ops, values(again, "url"))
	}
}

func TestBranchesDoNotDisputeOverFormulas(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(append(parts(), rossumtest.Field("other", ""), computed("both", "string", "field.erp_id + field.other"))...).Payload()
	s, c := compile(t, p), p.Annotation.Content
	left, right := c.Clone(), c.Clone()
	set(t, left, "erp_id", "1")
	set(t, right, "other", "2")
	run(t, s, left, "erp_id")
	run(t, s, right, "other")
	conflicts, err := rossumrun.Merge(c, []any{left, right})
	if err != nil || len(conflicts) != 0 {
		t.Errorf("%v, %v", conflicts, err)
	}
	if run(t, s, c, rossumrun.TakeWritten(c)...); values(c, "both") != "12" {
		t.Errorf("both is %q", values(c, "both"))
	}
}

func TestFaultsOfFormulasAreNamed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		code string
		want error
		text string
	}{
		"outside of the subset": {"import socket\nsocket.socket()", formula.ErrUnsupported, "formula of f: outside of the supported language: line 1: the module socket is not supported in formulas"},
		"a construct":           {"x = 1\nasync with x:\n    1", formula.ErrUnsupported, "line 2: async is not supported"},
		"no Python":             {"1 +", formula.ErrSyntax, "formula of f: invalid syntax: line 1"},
		"an unknown field":      {"field.totl", formula.ErrNoField, "formula of f: no such field in the schema: field.totl (did you mean field.total?)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rossumtest.Annotation(rossumtest.Number("total", "1", "1"), computed("f", "string", tt.code), computed("g", "string", "field.f"), computed("fine", "number", "field.total + 1")).Payload()
			schema, err := p.Schema()
			if err != nil {
				t.Fatal(err)
			}
			s, err := formula.Compile(schema)
			var e *formula.Error
			if !errors.Is(err, tt.want) || !errors.As(err, &e) || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("got %v, want %s", err, tt.text)
			}
			c := p.Annotation.Content
			if _, err := s.Run(t.Context(), c, nil, formula.Options{}); !errors.Is(err, tt.want) {
				t.Errorf("Run: %v", err)
			}
			r, err := s.Run(t.Context(), c, nil, formula.Options{Tolerate: true})
			if err != nil || len(r.Faults) == 0 || values(c, "fine") != "2" {
				t.Errorf("tolerant: %v, %+v, fine %s", err, r, values(c, "fine"))
			}
		})
	}
}

func TestFaultsOfARunNameRowAndLine(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(
		rossumtest.Table("items",
			rossumtest.Row().Typed("a", number("1")).Typed("b", cell("number", "x = 1\n10 / (field.a - 2)")),
			rossumtest.Row().Typed("a", number("2")).Typed("b", cell("number", ""))),
		computed("list", "string", "[1]"),
	).Payload()
	s, c := compile(t, p), p.Annotation.Content
	_, err := s.Run(t.Context(), c, []string{"a"}, formula.Options{})
	var e *formula.Error
	if !errors.As(err, &e) || e.Row != 2 || e.Line != 2 || err.Error() != "formula of b, row 2: line 2: ZeroDivisionError: float division by zero" {
		t.Errorf("got %v", err)
	}
	r, err := s.Run(t.Context(), c, nil, formula.Options{Tolerate: true})
	if err != nil || len(r.Faults) != 2 || !errors.Is(r.Faults[1], formula.ErrValue) || values(c, "b") != "-10 | " {
		t.Errorf("%v, %v, b is %s", err, r.Faults, values(c, "b"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Run(ctx, c, nil, formula.Options{Tolerate: true}); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestMessagesAndBlockersAreReturnedWithTheirFields(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(
		rossumtest.Number("total", "5", "5"), rossumtest.Table("items", rossumtest.Row().Typed("price", number("-1"))),
		computed("check", "string", "show_warning('low', field.total)\nfor row in field.items:\n    if row.price < 0:\n        show_error('negative', row.price)\nautomation_blocker('stop', field.total)\nshow_info('no field')\n'ok'"),
	).Payload()
	c := p.Annotation.Content
	r := run(t, compile(t, p), c)
	total, price := c.Find("total")[0].ID(), c.Find("price")[0].ID()
	want := []rossum.Message{{ID: total, Type: "warning", Content: "low"}, {ID: price, Type: "error", Content: "negative"}, {Type: "info", Content: "no field"}}
	if !slices.Equal(r.Messages, want) || len(r.Blockers) != 1 || r.Blockers[0] != (formula.Blocker{ID: total, Content: "stop"}) {
		t.Errorf("%+v, %+v", r.Messages, r.Blockers)
	}
}

func TestWhatAFormulaSeesOfTheDocument(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"field.total.attr.id":                         "1002",
		"field.total.attr.value":                      "1 210,50",
		"field.total.id":                              "1002",
		"field.total.value":                           "1 210,50",
		"'|'.join(r.code.value for r in field.items)": "A|B",
		"str(field.total.attr.rir_text)":              "1 210,50",
		"annotation.id":                               "314528",
		"annotation.metadata['batch']":                "7",
		"len(field.items), field.items[1].code":       "",
		"from decimal import Decimal\nDecimal('NaN')": "",
		"','.join(r.code for r in field.items)":       "A,B",
		"field.tags[0] + str(len(field.tags))":        "x2",
		"','.join(field.code.all_values)":             "A,B",
		"str(field.empty_number)":                     "None",
		"field.empty_text":                            "",
		"date.today().isoformat()":                    "2026-11-25",
		"getattr(field, 'nope', 'fallback')":          "fallback",
		"field.total.attr.label":                      "total",
		"from decimal import Decimal\nDecimal(str(field.total)).quantize(Decimal('0.01')) * 2":            "2421.00",
		"from decimal import Decimal\nDecimal('1E+3') + Decimal('-1E-7')":                                 "999.9999999",
		"from decimal import Decimal\nsum((Decimal(r.code == 'A') for r in field.items), Decimal('0.0'))": "1.0",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			p := rossumtest.Annotation(
				rossumtest.Number("total", "1 210,50", "1210.50"), rossumtest.FieldValue("empty_number", rossumtest.Value{Type: "number"}), rossumtest.Field("empty_text", ""),
				rossumtest.Table("items", rossumtest.Row("code", "A"), rossumtest.Row("code", "B")), rossumtest.List("tags", "tag", "x", "y"),
				computed("f", "string", code), rossumtest.Set("metadata", map[string]any{"batch": 7}),
			).Payload()
			s := compile(t, p)
			_, err := s.Run(t.Context(), p.Annotation.Content, nil, formula.Options{
				Annotation: p.Annotation, Now: func() time.Time { return time.Date(2026, 11, 25, 1, 0, 0, 0, time.UTC) },
			})
			if strings.HasPrefix(code, "len(") || strings.HasSuffix(code, "Decimal('NaN')") {
				if !errors.Is(err, formula.ErrValue) {
					t.Errorf("got %v", err)
				}
				return
			}
			if got := values(p.Annotation.Content, "f"); err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestASetServesConcurrentRuns(t *testing.T) {
	t.Parallel()
	s := compile(t, rossumtest.Annotation(parts()...).Payload())
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			c := rossumtest.Annotation(parts()...).Payload().Annotation.Content
			if _, err := s.Run(t.Context(), c, nil, formula.Options{}); err != nil || values(c, "sum") != "25.5" {
				t.Errorf("%v, %s", err, values(c, "sum"))
			}
		})
	}
	group.Wait()
}

func TestASchemaWithoutFormulasIsASet(t *testing.T) {
	t.Parallel()
	s, err := formula.Compile(nil)
	if err != nil || len(s.Names()) != 0 {
		t.Fatal(s.Names(), err)
	}
	if r, err := s.Run(t.Context(), rossumtest.Annotation().Payload().Annotation.Content, nil, formula.Options{}); err != nil || r.Runs != 0 {
		t.Error(r, err)
	}
}

func Example() {
	p := rossumtest.Annotation(
		rossumtest.Field("erp_id", ""),
		rossumtest.FieldValue("attach_url", rossumtest.Value{Formula: "f'https://erp.example/invoices/{field.erp_id}/files' if field.erp_id else ''"}),
	).Payload()
	schema, err := p.Schema()
	if err != nil {
		fmt.Println(err)
		return
	}
	formulas, err := formula.Compile(schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	content := p.Annotation.Content
	id, err := content.Field("erp_id")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := id.SetValue("ERP-7"); err != nil {
		fmt.Println(err)
		return
	}
	r, err := formulas.Run(context.Background(), content, rossumrun.TakeWritten(content), formula.Options{})
	fmt.Println(r.Changed, content.Find("attach_url")[0].Value(), err)
	// Output: [attach_url] https://erp.example/invoices/ERP-7/files <nil>
}

func TestTheZeroSetHasNoFormulas(t *testing.T) {
	t.Parallel()
	content, err := rossum.ParseContent([]byte(`[]`))
	if err != nil {
		t.Fatal(err)
	}
	result, err := new(formula.Set).Run(t.Context(), content, nil, formula.Options{})
	if err != nil || len(result.Computed) > 0 || len(new(formula.Set).Names()) > 0 {
		t.Errorf("got %+v, %v", result, err)
	}
}
