package formula

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Options of [Set.Run]; the zero value works.
type Options struct {
	// Tolerate goes on after a formula that fails, or that is due and could not be
	// compiled: its field stays as it is, and the fault is in the result. Without it
	// Run fails.
	Tolerate bool
	// Annotation answers annotation.id, annotation.metadata and so on; nil for none.
	Annotation *rossum.Annotation
	// Now is the clock; nil is time.Now in UTC.
	Now func() time.Time
	// NewID returns texts that nobody can guess, which uuid.uuid4 is made of; nil is
	// random.
	NewID func() string
}

// Result is what [Set.Run] did.
type Result struct {
	Computed []string         // schema_ids of the formulas that were computed, in order
	Changed  []string         // those among them whose values changed
	Runs     int              // how often a formula ran: once for each row
	Messages []rossum.Message // that formulas showed
	Blockers []Blocker
	Faults   []error // with Options.Tolerate: an [*Error] each
	// Circles are formulas that need each other's values, or their own, and were
	// computed in the order in which they stand here, from the values at hand.
	Circles [][]string
}

// Blocker is a reason against automation that a formula gave.
type Blocker struct {
	ID      int64 // of the datapoint, 0 for the document
	Content string
}

// Limits of all formulas of one run together.
var limits = pyvalue.Limits{
	Steps: 20 * txscript.DefaultLimits.Steps, ValueBytes: txscript.DefaultLimits.ValueBytes, TotalBytes: 8 * txscript.DefaultLimits.TotalBytes,
}

// Run computes the formulas that depend on the changed fields (schema_ids of
// fields and tables), or on formulas that changed through this, and writes their
// values; with nil it computes all. Only one may use c meanwhile. The error is an
// [*Error], or the context's.
func (s *Set) Run(ctx context.Context, c *rossum.Content, changed []string, o Options) (*Result, error) {
	if c == nil {
		return nil, errors.New("the content is nil")
	}
	if s.program == nil {
		return &Result{}, nil
	}
	return s.program.run(ctx, c, changed, o)
}

func (s *program) run(ctx context.Context, c *rossum.Content, changed []string, o Options) (*Result, error) {
	if len(s.formulas) == 0 {
		return &Result{}, nil
	}
	r := newRunning(ctx, s, c)
	r.options, r.annotation = o, annotationValue(o.Annotation)
	r.meter = pyvalue.NewMeter(ctx, limits)
	dirty := make(map[string]bool, len(changed))
	for _, id := range changed {
		dirty[id] = true
	}
	if err := r.compute(changed == nil, dirty); err != nil {
		return r.result, err
	}
	return r.result, nil
}

// compute computes what is due; all says that everything is.
func (r *running) compute(all bool, dirty map[string]bool) error {
	for _, f := range r.set.formulas {
		if !all && !f.due(dirty) {
			continue
		}
		if f.Err != nil {
			if !r.options.Tolerate {
				return f.Err
			}
			r.result.Faults = append(r.result.Faults, f.Err)
			continue
		}
		r.result.Computed = append(r.result.Computed, f.SchemaID)
		if f.Circle != nil && !slices.ContainsFunc(r.result.Circles, func(c []string) bool { return c[0] == f.Circle[0] }) {
			r.result.Circles = append(r.result.Circles, f.Circle)
		}
		wrote, err := r.formula(f)
		if err != nil {
			return err
		}
		if wrote {
			dirty[f.SchemaID] = true
			delete(r.columns, f.SchemaID)
			delete(r.full, f.SchemaID)
			r.result.Changed = append(r.result.Changed, f.SchemaID)
		}
	}
	return nil
}

type value = pyvalue.Value

// running is a run of a set.
type running struct {
	set        *program
	ctx        context.Context
	content    *rossum.Content
	options    Options
	result     *Result
	meter      *pyvalue.Meter
	spare      txscript.Spare
	annotation value              // as formulas see it
	columns    map[string][]value // values of columns that were asked for; nil as the next two before the first
	tables     map[string][]value // rows of tables
	full       map[string][]value // columns that every row has
	writes     bool               // rows can be written
	none       bool               // empty numbers and dates are None
	shared     bool               // the formula that runs changes no list: it may have ours
	origins    bool               // values know the field that they come from
}

// put keeps what was read.
func put(kept *map[string][]value, schemaID string, values []value) {
	if *kept == nil {
		*kept = make(map[string][]value)
	}
	(*kept)[schemaID] = values
}

// formula computes one formula, for every row if it is of a table.
func (r *running) formula(f *compiled) (wrote bool, err error) {
	here := &scope{r: r}
	r.shared = !f.program.ChangesLists()
	r.knowOrigins(f.program.Origins())
	host := &txscript.Host{Show: r.show, Now: r.options.Now, NewID: r.options.NewID, Meter: r.meter, Memo: &txscript.Memo{}, Spare: &r.spare, Globals: []value{pyvalue.FromObject(here), r.annotation}}
	if f.Table == "" {
		for _, n := range r.content.Find(f.SchemaID) {
			if wrote, err = r.evaluate(f, n, here, host); err != nil {
				return wrote, err
			}
		}
		return wrote, nil
	}
	cells := r.content.Find(f.SchemaID)
	at := 0
	for _, table := range r.content.Find(f.Table) {
		for i, row := range table.Children() {
			n := row
			if row.Category() == rossum.CategoryTuple {
				// Cells come in the order of their rows.
				if at < len(cells) && cells[at].Parent() == row {
					n = cells[at]
					at++
				} else if n = row.Cell(f.SchemaID); n == nil {
					continue
				}
			}
			here.row, here.index = row, i // before the first run: a host is of rows or of the header
			changed, err := r.evaluate(f, n, here, host)
			if err != nil {
				return wrote, err
			}
			wrote = wrote || changed
		}
	}
	return wrote, nil
}

// evaluate computes the formula for one datapoint.
func (r *running) evaluate(f *compiled, n *rossum.Node, s *scope, host *txscript.Host) (wrote bool, err error) {
	r.result.Runs++
	v, err := f.program.Run(r.ctx, host)
	if err == nil {
		wrote, err = store(n, f.kind, v)
	}
	if err == nil {
		return wrote, nil
	}
	if r.ctx.Err() != nil {
		return false, context.Cause(r.ctx)
	}
	fault := &Error{SchemaID: f.SchemaID, Err: err}
	var at *txscript.RunError
	if errors.As(err, &at) {
		fault.Line = at.Line
	}
	if s.row != nil {
		fault.Row = s.index + 1
	}
	if !r.options.Tolerate {
		return false, fault
	}
	r.result.Faults = append(r.result.Faults, fault)
	return false, nil
}

func (r *running) show(m txscript.Message) {
	var id int64
	if n, ok := m.Field.(*rossum.Node); ok && n != nil {
		id = n.ID()
	}
	if m.Kind == "blocker" {
		r.result.Blockers = append(r.result.Blockers, Blocker{ID: id, Content: m.Text})
		return
	}
	r.result.Messages = append(r.result.Messages, rossum.Message{ID: id, Type: rossum.MessageType(m.Kind), Content: m.Text})
}

// store writes a value to a datapoint, and reports whether that changed it.
func store(n *rossum.Node, kind string, v value) (bool, error) {
	text, err := textOf(v, kind)
	if err != nil {
		return false, err
	}
	plain := v.Kind() == pyvalue.KindFloat && len(text) < 20 // then we wrote it
	normalized := ""
	switch kind {
	case "number":
		if sameNumber(n.Text(), text) {
			return false, nil
		}
		if plain || isDecimal(text) {
			normalized = text
		}
	case "date":
		if text == n.Text() {
			return false, nil
		}
		if _, err := time.Parse(time.DateOnly, text); err == nil {
			normalized = text
		}
	default:
		if text == n.Value() {
			return false, nil
		}
	}
	if text == "" && n.Value() == "" {
		return false, nil
	}
	return true, rossumrun.SetComputed(n, text, normalized)
}

func isDecimal(text string) bool {
	_, err := rossum.ParseDecimal(text)
	return err == nil
}

// sameNumber reports two spellings of one number.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	if a == "" || b == "" {
		return false
	}
	before, err1 := rossum.ParseDecimal(a)
	now, err2 := rossum.ParseDecimal(b)
	return err1 == nil && err2 == nil && before.Rat().Cmp(now.Rat()) == 0
}

// textOf is how a field holds a value.
func textOf(v value, kind string) (string, error) {
	if txscript.IsEmpty(v) {
		return "", nil
	}
	if t, full, ok := clock.Of(v); ok {
		if full && kind != "date" {
			return pyvalue.String(nil, v)
		}
		return t.Format(time.DateOnly), nil
	}
	switch v.Kind() {
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return v.Text(), nil
	case pyvalue.KindBool, pyvalue.KindInt:
		return pyvalue.String(nil, v)
	case pyvalue.KindFloat:
		return numberText(v)
	}
	if pyvalue.TypeName(v) == "decimal.Decimal" {
		text, err := pyvalue.Format(nil, v, "f") // its own digits, without an exponent
		if err != nil || strings.ContainsAny(text, "NI") {
			return "", fmt.Errorf("%w: the formula gives %s", ErrValue, text)
		}
		return text, nil
	}
	return "", fmt.Errorf("%w: the formula gives a %s; it must be a string, a number or a date", ErrValue, pyvalue.TypeName(v))
}
