package txscript

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

// literal is ast.literal_eval: the value of a text that is made of literals alone.
func literal(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("literal_eval", 1); err != nil {
		return value{}, err
	}
	compute, err := r.compileText(c.Args[0].Text(), newScope(nil, evalScope), nil)
	if err != nil {
		return value{}, err
	}
	if !onlyLiterals(parseExpression(c.Args[0].Text())) {
		return value{}, pyvalue.Raise("ValueError", "malformed node or string: the text is not a literal")
	}
	return compute(r, &frame{})
}

func onlyLiterals(x expr) bool {
	all := func(list []expr) bool {
		for _, item := range list {
			if item == nil || !onlyLiterals(item) {
				return false
			}
		}
		return true
	}
	switch x := x.(type) {
	case *constExpr:
		return true
	case *listExpr:
		return all(x.items)
	case *dictExpr:
		return all(x.keys) && all(x.values)
	case *unaryExpr:
		c, ok := x.x.(*constExpr)
		return ok && (x.op == "-" || x.op == "+") && c.v.IsNumber()
	}
	return false
}
