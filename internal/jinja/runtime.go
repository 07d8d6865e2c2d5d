package jinja

import (
	"io"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

type value = pyvalue.Value

// state is one rendering.
type state struct {
	t       *Template
	meter   *pyvalue.Meter
	context []value // by index of Template.names
	near    []int   // where in a dict a place of the template has found its key last
	out     []byte
	scratch []byte // room for a text that is made of another; at most maxScratch is kept
	w       io.Writer
	written int64
	limits  Limits
	capture int // depth of captures; only the outermost output goes to w
	depth   int // of calls
	escape  bool
}

const maxScratch = 4 << 10

// flushAt is how much output is gathered before it is written.
const flushAt = 32 << 10

// frame holds the variables of the template's body, or of one call of a macro.
type frame struct {
	*state
	vars   []value
	parent *frame
}

// missing marks a variable that has not been set.
var missing = pyvalue.FromObject(&missingObject{})

type missingObject struct{}

func (*missingObject) PyType() string { return "missing" }

type (
	expr func(f *frame) (value, error)
	exec func(f *frame) error
)

func (s *state) newFrame(size int, parent *frame) *frame {
	f := &frame{state: s, parent: parent, vars: make([]value, size)}
	for i := range f.vars {
		f.vars[i] = missing
	}
	return f
}

// emitted is called after something was added to the output.
func (s *state) emitted() error {
	if s.limits.OutputBytes > 0 && s.written+int64(len(s.out)) > s.limits.OutputBytes {
		return s.tooMuchOutput()
	}
	if s.capture == 0 && len(s.out) >= flushAt {
		return s.flush()
	}
	return nil
}

func (s *state) flush() error {
	n, err := s.w.Write(s.out)
	s.written += int64(n)
	s.out = s.out[:0]
	return err
}

// captured runs body and returns what it printed.
func (f *frame) captured(body exec) (string, error) {
	saved, written := f.out, f.written
	f.out = nil
	f.written += int64(len(saved))
	f.capture++
	err := body(f)
	text := string(f.out)
	f.out, f.written = saved, written
	f.capture--
	if err == nil {
		err = f.meter.Grow(int64(len(text)))
	}
	return text, err
}

// print adds a value to the output.
func (f *frame) print(v value) error {
	if f.escape {
		var err error
		if v, err = pyvalue.Escape(f.meter, v); err != nil {
			return err
		}
	}
	return f.raw(v)
}

// raw writes a value as it is.
func (f *frame) raw(v value) error {
	if err := f.meter.Step(1); err != nil {
		return err
	}
	if v.Kind() == pyvalue.KindStr && v.Derived() == nil && len(v.Text()) < flushAt {
		f.out = append(f.out, v.Text()...)
		return f.emitted()
	}
	if f.capture == 0 && v.IsText() && len(v.Text()) >= flushAt && v == v.Base() { // a type of its own may print otherwise
		return f.handOver(v.Text())
	}
	out, err := pyvalue.AppendStr(f.meter, f.out, v)
	if err != nil {
		return err
	}
	f.out = out
	return f.emitted()
}

// handOver writes a large text without gathering it first.
func (s *state) handOver(text string) error {
	if err := s.makeRoom(len(text)); err != nil {
		return err
	}
	n, err := io.WriteString(s.w, text)
	s.written += int64(n)
	return err
}

// makeRoom writes what was gathered, and prepares for so many bytes: memory of the right
// size if that is where they go.
func (s *state) makeRoom(size int) error {
	if s.limits.OutputBytes > 0 && s.written+int64(len(s.out))+int64(size) > s.limits.OutputBytes {
		return s.tooMuchOutput()
	}
	if err := s.flush(); err != nil {
		return err
	}
	if memory, ok := s.w.(interface{ Grow(n int) }); ok {
		memory.Grow(size + flushAt) // and for what follows
	}
	return nil
}

// markup returns captured text: Markup where autoescape is on.
func (f *frame) markup(text string) value {
	if f.escape {
		return pyvalue.Markup(text)
	}
	return pyvalue.Str(text)
}

// enter counts a call of a macro or of a recursive loop.
func (f *frame) enter() error {
	if f.depth++; f.depth > f.limits.Depth {
		return pyvalue.Raise("RecursionError", "maximum recursion depth exceeded")
	}
	return nil
}

func (f *frame) leave() { f.depth-- }
