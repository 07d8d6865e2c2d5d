package jinja

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

// node is a part of an expression.
type node interface{}

type (
	constant struct{ value pyvalue.Value }
	nameRef  struct{ name string }
	tupleLit struct{ items []node }
	listLit  struct{ items []node }
	dictLit  struct{ keys, values []node }
	condExpr struct{ test, then, otherwise node } // otherwise may be nil
	logical  struct {
		and         bool
		left, right node
	}
	notExpr struct{ operand node }
	compare struct {
		first node
		ops   []string
		rest  []node
	}
	binary struct {
		op          pyvalue.Op
		left, right node
	}
	unary struct {
		minus   bool
		operand node
	}
	concat  struct{ items []node }
	getattr struct {
		object node
		name   string
	}
	getitem struct{ object, index node }
	slice   struct{ from, to, step node } // parts may be nil
	call    struct {
		callee node
		args   arguments
	}
	filterExpr struct {
		operand node // nil in a filter block
		name    string
		args    arguments
	}
	testExpr struct {
		operand node
		name    string
		args    arguments
		negated bool
	}
)

// arguments of a call, a filter or a test.
type arguments struct {
	positional []node
	names      []string
	named      []node
	star       node // *args
	starStar   node // **kwargs
}

func (a arguments) none() bool {
	return len(a.positional)+len(a.names) == 0 && a.star == nil && a.starStar == nil
}

// statement is a part of a template.
type statement interface{}

type (
	output struct { // text, or a list of expressions
		text  string
		exprs []positioned
	}
	forLoop struct {
		target     node
		iter, test node // test may be nil
		recursive  bool
		body, orel []statement
	}
	ifElse struct {
		tests  []node
		bodies [][]statement
		orel   []statement
	}
	assign struct {
		target node
		value  node
	}
	assignBlock struct {
		target node
		filter node // a chain of filterExpr over nil, or nil
		body   []statement
	}
	macro struct {
		name     string // "" for the body of a call block
		params   []string
		defaults []node
		body     []statement
	}
	callBlock struct {
		call   call
		caller macro
	}
	filterBlock struct {
		filter node
		body   []statement
	}
	with struct {
		targets []node
		values  []node
		body    []statement
	}
	autoescape struct {
		value node
		body  []statement
	}
	block struct {
		name             string
		body             []statement
		scoped, required bool
	}
	// loading is a statement that loads another template.
	loading struct{ tag string }
	at      struct { // a statement with its place
		pos  int
		stmt statement
	}
	positioned struct {
		pos  int
		expr node
	}
	// namespaceTarget is a.b on the left of a set.
	namespaceTarget struct{ name, attr string }
)
