package txscript

// visit calls onStmt with every statement of a list and of what is within them,
// functions included, and onExpr with every expression.
func visit(list []stmt, onStmt func(stmt), onExpr func(expr)) {
	for _, st := range list {
		onStmt(st)
		visitOne(st, func(x expr) {
			each(x, func(x expr) bool {
				onExpr(x)
				return true
			})
		}, func(list []stmt) { visit(list, onStmt, onExpr) })
	}
}

// visitOne calls onExpr with the expressions of a statement, and onBlock with the
// statements within it.
func visitOne(st stmt, onExpr func(expr), onBlock func([]stmt)) {
	exprs := func(xs ...expr) {
		for _, x := range xs {
			if x != nil {
				onExpr(x)
			}
		}
	}
	switch st := st.(type) {
	case *exprStmt:
		exprs(st.x)
	case *assignStmt:
		exprs(st.targets...)
		exprs(st.value)
	case *augStmt:
		exprs(st.target, st.value)
	case *ifStmt:
		exprs(st.cond)
		onBlock(st.then)
		onBlock(st.otherwise)
	case *whileStmt:
		exprs(st.cond)
		onBlock(st.body)
		onBlock(st.otherwise)
	case *forStmt:
		exprs(st.target, st.iter)
		onBlock(st.body)
		onBlock(st.otherwise)
	case *tryStmt:
		onBlock(st.body)
		for _, h := range st.handlers {
			exprs(h.class)
			onBlock(h.body)
		}
		onBlock(st.otherwise)
		onBlock(st.finally)
	case *raiseStmt:
		exprs(st.x, st.cause)
	case *returnStmt:
		exprs(st.x)
	case *defStmt:
		for _, p := range st.f.params {
			exprs(p.value)
		}
		exprs(st.decorators...)
		onBlock(st.f.body)
	case *classStmt:
		exprs(st.bases...)
		for _, a := range st.named {
			exprs(a.value)
		}
		exprs(st.decorators...)
		onBlock(st.body)
	case *withStmt:
		for _, item := range st.items {
			exprs(item.x, item.target)
		}
		onBlock(st.body)
	case *matchStmt:
		exprs(st.subject)
		for _, k := range st.cases {
			eachOf(k.pattern, onExpr)
			exprs(k.guard)
			onBlock(k.body)
		}
	case *delStmt:
		exprs(st.targets...)
	case *assertStmt:
		exprs(st.cond, st.msg)
	}
}

// changesValues reports whether statements can change a list, dict or set in place.
func changesValues(list []stmt) (found bool) {
	target := func(xs ...expr) {
		for _, x := range xs {
			each(x, func(x expr) bool {
				_, isIndex := x.(*indexExpr)
				found = found || isIndex
				return true
			})
		}
	}
	visit(list, func(st stmt) {
		switch st := st.(type) {
		case *assignStmt:
			target(st.targets...)
		case *augStmt: // of a list, += changes it
			found = found || st.op == "+" || st.op == "|"
			target(st.target)
		case *forStmt:
			target(st.target)
		case *delStmt:
			target(st.targets...)
		}
	}, func(x expr) {
		switch x := x.(type) {
		case *attrExpr:
			found = found || changing[x.name] || changingDicts[x.name]
		case *nameExpr:
			found = found || x.name == "getattr" || x.name == "setattr"
		}
	})
	return found
}

// changingDicts are the methods of dicts and sets that change them.
var changingDicts = map[string]bool{
	"setdefault": true, "update": true, "popitem": true, "add": true, "discard": true, "intersection_update": true, "difference_update": true,
	"symmetric_difference_update": true,
}

// rebinds reports whether a function can assign to a variable that is not its own.
func rebinds(list []stmt) (found bool) {
	visit(list, func(st stmt) {
		_, declares := st.(*scopeStmt)
		found = found || declares
	}, func(expr) {})
	return found
}
