package txscript

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

type value = pyvalue.Value

// maxNesting bounds brackets, blocks and expressions within each other.
const maxNesting = 100

// expr is an expression.
type expr interface{ at() int }

// line is where a node begins.
type line int

func (l line) at() int { return int(l) }

type (
	nameExpr struct {
		line
		name string
	}
	constExpr struct {
		line
		v value
	}
	// fstringExpr has texts and replacement fields in turn.
	fstringExpr struct {
		line
		parts []fpart
	}
	fpart struct {
		text       string
		value      expr // nil for a text
		conversion byte
		spec       *fstringExpr // nil for none
	}
	listExpr struct { // a list, tuple or set
		line
		kind  byte // '[', '(' or '{'
		items []expr
	}
	dictExpr struct {
		line
		keys, values []expr // a nil key is **value
	}
	compExpr struct {
		line
		kind       byte // '[', '{', ':' for a dict, '(' for a generator
		key, value expr
		clauses    []clause
	}
	clause struct {
		target, iter expr
		conditions   []expr
	}
	unaryExpr struct {
		line
		op string
		x  expr
	}
	binaryExpr struct {
		line
		op   string
		x, y expr
	}
	boolExpr struct {
		line
		or bool
		xs []expr
	}
	compareExpr struct {
		line
		first expr
		ops   []string
		rest  []expr
	}
	ifExpr struct {
		line
		cond, then, otherwise expr
	}
	lambdaExpr struct {
		line
		f *function
	}
	callExpr struct {
		line
		f     expr
		args  []argument
		plain bool // neither stars nor names
	}
	argument struct {
		name  string
		stars int
		value expr
	}
	attrExpr struct {
		line
		x    expr
		name string
	}
	indexExpr struct {
		line
		x, index expr
	}
	sliceExpr struct {
		line
		lo, hi, step expr
	}
	starExpr struct {
		line
		x expr
	}
	yieldExpr struct {
		line
		x    expr // nil for none
		from bool
	}
	walrusExpr struct {
		line
		name string
		x    expr
	}
)

// stmt is a statement.
type stmt interface{ at() int }

type (
	exprStmt struct {
		line
		x expr
	}
	assignStmt struct {
		line
		targets []expr
		value   expr
	}
	augStmt struct {
		line
		target expr
		op     string
		value  expr
	}
	ifStmt struct {
		line
		cond            expr
		then, otherwise []stmt
	}
	whileStmt struct {
		line
		cond            expr
		body, otherwise []stmt
	}
	forStmt struct {
		line
		target, iter    expr
		body, otherwise []stmt
	}
	tryStmt struct {
		line
		body      []stmt
		handlers  []handler
		otherwise []stmt
		finally   []stmt
	}
	handler struct {
		line
		class expr // nil for all
		name  string
		body  []stmt
	}
	raiseStmt struct {
		line
		x, cause expr // nil if they are left out
	}
	returnStmt struct {
		line
		x expr
	}
	defStmt struct {
		line
		f          *function
		decorators []expr
	}
	classStmt struct {
		line
		name       string
		bases      []expr
		named      []argument // for __init_subclass__
		body       []stmt
		decorators []expr
	}
	withStmt struct {
		line
		items []withItem
		body  []stmt
	}
	withItem struct{ x, target expr }
	// annotationStmt is a type that a name is given; an assignment follows it where there is one.
	annotationStmt struct {
		line
		name string
		kind expr
	}
	importStmt struct {
		line
		module, attr, name string
	}
	delStmt struct {
		line
		targets []expr
	}
	assertStmt struct {
		line
		cond, msg expr
	}
	scopeStmt struct { // global and nonlocal
		line
		global bool
		names  []string
	}
	simpleStmt struct { // pass, break, continue
		line
		word string
	}
)

// function is a def or a lambda.
type function struct {
	name           string // that it is bound to
	written        string // the name in the source, which a class may have made its own
	params         []param
	varArgs, named string // names of *args and **kwargs
	body           []stmt
	result         expr // of a lambda
	yields         bool // it is a generator
}

type param struct {
	name        string
	value       expr // default, nil if required
	keywordOnly bool
	positional  bool // positional only
}
