package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Spare holds what a run does not need any more, and the next one can use: frames and calls
// that nothing refers to, and the module datetime. It saves most of the garbage of a
// program's calls. The zero value is ready; one run uses it at a time.
type Spare struct {
	calls  []*pyvalue.Call
	frames [maxSpareVars + 1][]*frame // by the number of their variables
	times  *clock.Module
}

// Bounds of what is kept.
const (
	maxSpareVars   = 24 // of a frame
	maxSpareFrames = 16 // with as many variables
	maxSpareCalls  = 8
	maxSpareArgs   = 3 // of a call
)

// keeping returns where the run keeps what can be used again.
func (r *run) keeping() *Spare {
	if r.spare == nil {
		r.spare = new(Spare)
	}
	return r.spare
}

// newFrame makes a frame, or takes one that is not in use any more.
func (r *run) newFrame(size int, up *frame, function *closure) *frame {
	if r.spare != nil && size <= maxSpareVars {
		if spare := r.spare.frames[size]; len(spare) > 0 {
			f := spare[len(spare)-1]
			r.spare.frames[size] = spare[:len(spare)-1]
			f.up, f.function = up, function
			return f
		}
	}
	return &frame{vars: make([]variable, size), up: up, function: function}
}

// spareFrame lets newFrame use a frame again that nothing refers to.
func (r *run) spareFrame(f *frame) {
	size := len(f.vars)
	if size > maxSpareVars {
		return
	}
	if s := r.keeping(); len(s.frames[size]) < maxSpareFrames {
		clear(f.vars)
		f.up, f.function = nil, nil
		s.frames[size] = append(s.frames[size], f)
	}
}

// newCall makes a call with n positional arguments. One of few arguments may be one
// that is done.
func (r *run) newCall(n int) *pyvalue.Call {
	if n > maxSpareArgs {
		return &pyvalue.Call{Args: make([]value, n), Meter: r.meter}
	}
	var call *pyvalue.Call
	if s := r.spare; s != nil && len(s.calls) > 0 {
		last := len(s.calls) - 1
		call, s.calls = s.calls[last], s.calls[:last]
	} else {
		call = &pyvalue.Call{Args: make([]value, maxSpareArgs)}
	}
	call.Args = call.Args[:n]
	if call.Meter != r.meter {
		call.Meter = r.meter
	}
	return call
}

// done lets newCall use a call again that nobody knows of any more.
func (r *run) done(call *pyvalue.Call) {
	s := r.keeping()
	if len(s.calls) == maxSpareCalls || cap(call.Args) != maxSpareArgs || call.Names != nil {
		return
	}
	clear(call.Args)
	s.calls = append(s.calls, call)
}

// clock is the module datetime.
func (r *run) clock() *clock.Module {
	s := r.keeping()
	if s.times == nil {
		s.times = clock.NewModule(r.now)
	}
	return s.times
}
