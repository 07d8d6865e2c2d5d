package jinja

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Filters that return their operand, elements of it, or lists of them.
var pickers = []string{
	"batch", "d", "default", "first", "last", "list", "max", "min", "random", "reject", "rejectattr", "reverse", "select", "selectattr",
	"slice", "sort", "unique",
}

// attributeAt is the place of the attribute's name among a filter's arguments.
var attributeAt = map[string]int{
	"groupby": 0, "join": 1, "map": -1, "max": 1, "min": 1, "rejectattr": 0, "selectattr": 0, "sort": 2, "sum": 0, "unique": 1,
}

// filter reads a filter, and the attribute that it looks at.
func (r *reader) filter(n filterExpr) symbol {
	var of symbol
	if n.operand != nil {
		of = r.expr(n.operand)
	}
	r.arguments(n.args)
	var member symbol
	for _, path := range attributesOf(n) {
		member = of
		for _, name := range strings.Split(path, ".") {
			if strings.Trim(name, "0123456789") != "" { // a number is an index
				member = r.member(member, name, true)
			}
		}
	}
	switch {
	case n.name == "map":
		return member
	case n.name == "groupby":
		of.grouped = true
		return of
	case slices.Contains(pickers, n.name):
		return of
	}
	return symbol{}
}

// attributesOf returns the names that a filter takes as attributes.
func attributesOf(n filterExpr) []string {
	at, takes := attributeAt[n.name]
	if !takes {
		return nil
	}
	var given node
	if at >= 0 && at < len(n.args.positional) {
		given = n.args.positional[at]
	}
	if i := slices.Index(n.args.names, "attribute"); i >= 0 {
		given = n.args.named[i]
	}
	c, ok := given.(constant)
	if !ok || c.value.Kind() != pyvalue.KindStr {
		return nil
	}
	if n.name == "sort" || n.name == "groupby" {
		return strings.Split(strings.ReplaceAll(c.value.Text(), " ", ""), ",")
	}
	return []string{c.value.Text()}
}
