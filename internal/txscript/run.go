package txscript

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// SyntaxError says what is wrong with a source.
type SyntaxError struct {
	Line        int // from 1
	Msg         string
	Unsupported bool // it is Python, but not of this subset
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Msg) }

// RunError says at which line a program failed. It wraps what failed: a
// [*pyvalue.Error] for an exception that nobody caught, [pyvalue.ErrLimit], or the
// context's cause.
type RunError struct {
	Line int
	Err  error
}

func (e *RunError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *RunError) Unwrap() error { return e.Err }

// Limits of a run. Zero fields are those of [DefaultLimits].
type Limits struct {
	Steps      int64 // operations
	ValueBytes int64 // of one value
	TotalBytes int64 // of all values that were made
}

// DefaultLimits are far above what a formula needs.
var DefaultLimits = Limits{Steps: 50_000_000, ValueBytes: 16 << 20, TotalBytes: 1 << 30}

// maxCalls bounds functions that call each other.
const maxCalls = 200

// maxWalks bounds iterators that walk over each other.
const maxWalks = 1000

// Message is a text that a program shows: show_error, show_warning, show_info,
// or automation_blocker.
type Message struct {
	Kind  string // error, warning, info or blocker
	Text  string
	Field any // the reference that the field's [Fields] gave, nil without one
}

// Fields is an object whose attributes are the fields of a document. The values
// that it returns are plain; what else is known of a field is asked for here.
type Fields interface {
	pyvalue.Object
	// Field returns the value of a field, and whether there is one.
	Field(schemaID string) (pyvalue.Value, bool, error)
	// FieldAttr returns what stands behind a field's name: all_values, attr, id.
	FieldAttr(schemaID, name string) (pyvalue.Value, bool, error)
	// SetField writes a field. The error says why it cannot be written.
	SetField(schemaID string, v pyvalue.Value) error
	// FieldRef returns a reference to the field for messages, nil if there is none.
	FieldRef(schemaID string) any
}

// Host is what a run sees of the world. It is used by one run at a time.
type Host struct {
	// Globals are the values of the names given to Compile, in their order. Runs with one
	// Memo have the same fields among them as long as they have the same Host: then those
	// are of one row after the other, or of the header.
	Globals []pyvalue.Value
	// Show gets the messages; nil drops them.
	Show func(Message)
	// Now is the clock; nil is time.Now in UTC.
	Now func() time.Time
	// NewID returns texts that nobody can guess, which uuid4 is made of; nil is random.
	NewID func() string
	// Send makes the calls of the module requests; nil if there can be none.
	Send func(*HTTPCall) (*HTTPReply, error)
	// Wait waits for the code, whose clock is that much later then; nil does not wait.
	Wait func(time.Duration) error
	// Limits bound the run.
	Limits Limits
	// Meter counts for several runs together, in place of Limits; may be nil.
	Meter *pyvalue.Meter
	// Memo keeps what is the same in every row, between runs of one program over the
	// rows of one table, during which no field that it reads changes besides those of
	// the row; nil for none. A function or generator that a run returns is not to be
	// used after the next one.
	Memo *Memo
	// Spare is shared by the programs that run one after the other for one document, with
	// the same clock; nil if there is one program.
	Spare *Spare
}

// Memo keeps what one program needs in every row; see [Host].
type Memo struct {
	r *run
	f *frame
}

// run is the state of a run.
type run struct {
	host    *Host
	meter   *pyvalue.Meter
	shown   int64 // bytes of messages
	slept   time.Duration
	walks   int // over iterators, within each other
	calls   int
	line    int   // of the statement that runs
	last    value // of the last expression statement of the module
	ret     value
	decimal *decimals
	slots   []slot // values of fields that were read by name, in the order of Program.fields
	sites   []site // places of the source that read a column of rows
	near    []int  // where in a dict a place of the source has found its key last
	row     RowFields
	index   int      // of the row
	names   []string // of the globals

	// With a Memo these are kept from one run to the next.
	kept      []variable // values of expressions
	block     steadyBlock
	columns   []column // that lookups search
	byKey     []byKey
	key       []byte // room for a key
	replacing *replacing
	evals     map[evaluation]eval
	modules   map[string]*module // of the library that were imported
	packages  map[string]*module // that modules of the library are in, such as xml
	handled   *exception         // that an except clause handles
	late      error              // that came up where none can be returned
	stops     []func()           // of generators that have begun
	spare     *Spare             // what can be used again; nil for nothing yet
}

// slot is a field that the source reads by its name.
type slot struct {
	variable
	asked  bool
	column []value // its values in all rows
}

// site remembers the column that a place of the source has read last.
type site struct {
	owner  any
	column []value
}

// Columnar are rows of a table whose cells can be had by column: what a loop over
// rows reads need then be looked up only once.
type Columnar interface {
	// Row tells which table the row is of, by a value that is the same for all of its
	// rows and can be compared, and its number; nil if it is none.
	Row() (table any, index int)
	// Column returns the values of a column by the number of the row, nil if not every
	// row has one. It must not change while a program runs.
	Column(schemaID string) []pyvalue.Value
}

// RowFields are [Fields] of a row whose cells can be had by column.
type RowFields interface {
	// Index is the number of the row, -1 if it is the header.
	Index() int
	// Cells returns the values of a column by the number of the row, nil if the field
	// is no column or not every row has one. It must not change while a program runs,
	// or is run with the same [Memo].
	Cells(schemaID string) []pyvalue.Value
	// Walk returns the list that Field gives, or FieldAttr if attr is all_values, for
	// a loop that does not change it; false if it is no list.
	Walk(schemaID, attr string) (pyvalue.Value, bool)
}

// frame holds the variables of one scope while it runs.
type frame struct {
	vars      []variable
	up        *frame
	function  *closure                              // whose call it is, nil for none
	generator func(v value) (sent value, err error) // gives a value of the generator that it is of
}

type variable struct {
	v  value
	ok bool // it was assigned
}

// eval is a compiled expression, exec a compiled statement.
type (
	eval func(r *run, f *frame) (value, error)
	exec func(r *run, f *frame) (control, error)
)

// control says how execution goes on after a statement.
type control uint8

const (
	goOn control = iota
	breakLoop
	continueLoop
	returned
)

// Program is a compiled source. It is safe for concurrent use.
type Program struct {
	body   exec
	module *scope
	fields []string
	varies []bool // fields that differ from row to row
	at     int    // of the fields among the globals, -1 if there are none
	memos  int
	sites  int
	looks  int
	near   int
	byKeys int
	// changes is set if the source may change a list in place.
	changes bool
	// origins is set if the source asks a value for the field that it comes from.
	origins   bool
	reads     *Reads
	globals   []string
	evaluates []string
	uses      map[string]bool
	params    map[string]string // of a function of the module, its first parameter
}

// ChangesLists reports whether the source may change a list in place. If it does
// not, lists that a host gives it may be shared.
func (p *Program) ChangesLists() bool { return p.changes }

// Origins reports whether the source asks values for the field that they come from, as
// show_error("…", x) and x.attr do. Then a host gives field values that know it: of a
// class that is an [Origin].
func (p *Program) Origins() bool { return p.origins }

// Origin is the class of values that know the field that they come from.
type Origin interface {
	pyvalue.Class
	// FieldRef is what [Fields.FieldRef] returns for the field.
	FieldRef() any
	// FieldAttr returns what stands behind the field, x.attr say.
	FieldAttr(name string) (pyvalue.Value, bool)
}

// Options say what a source may use.
type Options struct {
	// Globals are names whose values come with each run.
	Globals []string
	// HTTP lets the source import requests.
	HTTP bool
	// Fields is the name among them whose attributes are fields, "" if none is.
	Fields string
	// RowFields are fields whose value differs from row to row. If it is not nil,
	// expressions that read none of them can be kept in a [Memo].
	RowFields func(schemaID string) bool
	// Via are names among the globals whose attribute field is the fields, too.
	Via []string
	// Attributes are those that a global has, for [CompileExpression]; a global that is
	// not in it may have any.
	Attributes map[string][]string
}

// Compile compiles a source. The error is a [*SyntaxError].
func Compile(source string, o Options) (p *Program, err error) {
	defer recovered(&p, &err)
	return compile((&parser{tokens: lex(source, 1)}).program(), o), nil
}

func compile(body []stmt, o Options) *Program {
	c := &compiler{options: o, rowFields: o.RowFields, scope: newScope(nil, moduleScope), program: &Program{at: -1}, undefined: make(map[string]int), captured: new(bool)}
	c.changes = &changes{rebinds: rebinds(body), atOnce: make(map[*compExpr]bool), owned: make(map[*callExpr]bool), slots: make(map[string]int)}
	c.scope.collect(body)
	c.imports = importedModules(body)
	c.program.module = c.scope
	c.program.body = c.moduleBody(body)
	c.program.fields = c.fields
	if o.Fields != "" {
		c.program.at = slices.Index(o.Globals, o.Fields)
	}
	for _, id := range c.fields {
		c.program.varies = append(c.program.varies, o.RowFields == nil || o.RowFields(id))
	}
	c.program.memos, c.program.sites, c.program.looks, c.program.near = c.memos, c.changes.sites, c.changes.lookups, c.changes.members
	c.program.byKeys = c.changes.byKeys
	c.program.changes = c.changes.seen
	c.program.reads = readsOf(body, o, c.undefined)
	c.program.globals, c.program.evaluates = o.Globals, evaluatedSettings(body)
	c.program.uses, c.program.params = namesUsed(body)
	return c.program
}

// Run runs the program and returns the value of the last expression statement
// that was executed outside of functions; None if there was none. The error is a
// [*RunError].
func (p *Program) Run(ctx context.Context, h *Host) (pyvalue.Value, error) {
	r, f := p.start(ctx, h)
	defer r.close()
	if _, err := p.body(r, f); err != nil {
		return value{}, r.fail(err)
	}
	return r.last, nil
}

// Call runs the program and then a function that it defines, with the arguments,
// and returns what that returns.
func (p *Program) Call(ctx context.Context, h *Host, function string, args ...pyvalue.Value) (pyvalue.Value, error) {
	r, f := p.start(ctx, h)
	defer r.close()
	if _, err := p.body(r, f); err != nil {
		return value{}, r.fail(err)
	}
	slot, ok := p.module.slots[function]
	if !ok || !f.vars[slot].ok {
		return value{}, &RunError{1, fmt.Errorf("the code defines no function %s", function)}
	}
	v, err := r.call(f.vars[slot].v, &pyvalue.Call{Args: args, Meter: r.meter})
	if err != nil {
		return value{}, r.fail(err)
	}
	return v, nil
}

// Defines reports whether the module assigns to a name.
func (p *Program) Defines(name string) bool {
	_, ok := p.module.slots[name]
	return ok
}

func (p *Program) start(ctx context.Context, h *Host) (r *run, f *frame) {
	if h.Memo != nil && h.Memo.r != nil {
		r, f = h.Memo.r, h.Memo.f
		p.again(r, f)
	} else {
		r, f = p.prepare(h.Memo)
	}
	if r.host != h {
		r.serve(h, p)
	}
	if r.row != nil {
		r.index = r.row.Index()
	}
	if h.Meter != nil {
		if r.meter != h.Meter {
			r.meter = h.Meter
		}
		return r, f
	}
	l := h.Limits
	if l.Steps == 0 {
		l.Steps = DefaultLimits.Steps
	}
	if l.ValueBytes == 0 {
		l.ValueBytes = DefaultLimits.ValueBytes
	}
	if l.TotalBytes == 0 {
		l.TotalBytes = DefaultLimits.TotalBytes
	}
	r.meter = pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: l.Steps, ValueBytes: l.ValueBytes, TotalBytes: l.TotalBytes})
	return r, f
}

// again makes the state of the run before ready for the next one. It writes only what has
// another value: there may be thousands of rows, and writing a pointer has a price while
// the garbage collector marks.
func (p *Program) again(r *run, f *frame) {
	r.line, r.calls, r.last = 1, 0, value{}
	if r.late != nil || r.handled != nil || !r.ret.IsNone() {
		r.late, r.handled, r.ret = nil, nil, value{}
	}
	clear(f.vars)
	if r.decimal != nil {
		r.decimal.reset()
	}
	for i := range r.slots {
		if p.varies[i] && r.slots[i].ok {
			r.slots[i].variable = variable{}
		}
	}
}

// serve notes what the run sees of the world, and the row that the fields are of.
func (r *run) serve(h *Host, p *Program) {
	r.host, r.row, r.names = h, nil, p.globals
	if h.Spare != nil {
		r.spare = h.Spare
	}
	if p.at < 0 || p.at >= len(h.Globals) {
		return
	}
	if row, ok := h.Globals[p.at].Object().(RowFields); ok && row.Index() >= 0 {
		r.row = row
	}
}

// prepare makes the state of a run, and lets m keep it.
func (p *Program) prepare(m *Memo) (*run, *frame) {
	r, f := &run{line: 1}, &frame{vars: make([]variable, len(p.module.slots))}
	if len(p.fields) > 0 {
		r.slots = make([]slot, len(p.fields))
	}
	if p.near > 0 {
		r.near = make([]int, p.near)
	}
	if p.sites > 0 {
		r.sites = make([]site, p.sites)
	}
	if m != nil {
		if p.memos > 0 {
			r.kept = make([]variable, p.memos)
		}
		if p.looks > 0 {
			r.columns = make([]column, p.looks)
		}
		if p.byKeys > 0 {
			r.byKey = make([]byKey, p.byKeys)
		}
		m.r, m.f = r, f
	}
	return r, f
}

// now is what the code's clock says: one that stands still goes on by what the code has slept.
func (r *run) now() time.Time {
	if r.host.Now != nil {
		return r.host.Now().Add(r.slept)
	}
	return time.Now().UTC()
}

// timeNames are the names that formulas know without an import.
var timeNames = []string{"datetime", "date", "timedelta"}

func (r *run) fail(err error) error {
	var raised *raisedError
	if errors.As(err, &raised) {
		err = raised.plain()
	}
	return &RunError{r.line, pyvalue.Shown(err)}
}
