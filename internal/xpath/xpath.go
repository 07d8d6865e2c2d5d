package xpath

import (
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// Meter bounds how much an evaluation may do. *pyvalue.Meter is one.
type Meter interface {
	// Step counts n operations. Its error ends the evaluation.
	Step(n int64) error
	// Grow counts the bytes of a text that is about to be made. Its error ends the
	// evaluation.
	Grow(n int64) error
}

// PrefixError means that an expression names a prefix which the document does not
// declare.
type PrefixError struct{ Prefix string }

func (e *PrefixError) Error() string {
	return fmt.Sprintf("the document does not declare the namespace prefix %q; use *[local-name()='…'] if it varies", e.Prefix)
}

// Expr is a compiled expression. It may be used by several goroutines.
type Expr struct{ root expr }

// Compile compiles an expression. The error is an [*Error].
func Compile(source string) (*Expr, error) {
	if at := xmldoc.IndexInvalid(source); at >= 0 {
		return nil, &Error{source, at, "it has a character that XML does not allow"}
	}
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{source: source, tokens: tokens}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != endToken {
		return nil, p.unexpected(t, "expected the end")
	}
	return &Expr{e}, nil
}

// Text evaluates the expression seen from a node, 0 for the document itself, and returns what the function
// string() makes of the result: of nodes the text of the first one in document
// order, "" if there is none. A prefix stands for the namespace that the document
// gives it first. The error is the meter's, [ErrPosition] or a [*PrefixError]; a nil meter bounds
// nothing.
func (e *Expr) Text(d *xmldoc.Document, from xmldoc.ID, meter Meter) (string, error) {
	r := &run{doc: d, context: context{node: from}, meter: meter}
	s := toText(r, e.root.eval(r))
	return string(s), r.err
}
