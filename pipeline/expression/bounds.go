package expression

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm/runtime"
)

// The language of conditions counts the elements of lists that it makes, but not the bytes
// of texts, and knows no deadline. So what makes large values is called through functions
// that count first, and each element of a loop looks at the context. The functions are
// part of the environment, under names that no condition can spell.

// maxConditionBytes is how much the values that a condition makes may take in all.
const maxConditionBytes = 64 << 20

const (
	boundName = "\x00"      // before the name of a function that counts
	boundAdd  = "\x00+"     // a + b
	boundTick = "\x00alive" // that the context has not ended
	boundExpr = "\x00match" // a pattern that is made
)

// maxPatternBytes is how long a pattern may be that a condition makes: a compiled one takes up
// to 8 kB for each of its bytes, as that of a{1000} does.
const maxPatternBytes = maxConditionBytes / (8 << 10)

// bounding is the visitor that has a condition call the functions that count.
type bounding struct {
	misused bool // a function has too few arguments, or too many
}

// Visit implements [ast.Visitor].
func (b *bounding) Visit(n *ast.Node) {
	switch x := (*n).(type) {
	case *ast.BuiltinNode:
		if costs[x.Name] != nil {
			b.misused = b.misused || !takes(builtin.Builtins[builtin.Index[x.Name]], len(x.Arguments))
			ast.Patch(n, call(boundName+x.Name, x.Arguments...))
		}
	case *ast.BinaryNode:
		// Sums of numbers are left alone: they are what conditions are made of.
		if x.Operator == "+" && !isNumber(x.Left) && !isNumber(x.Right) {
			ast.Patch(n, call(boundAdd, x.Left, x.Right))
		}
		if _, written := x.Right.(*ast.StringNode); x.Operator == "matches" && !written {
			x.Right = call(boundExpr, x.Right)
		}
	case *ast.PredicateNode:
		// The other branch is never taken.
		x.Node = &ast.ConditionalNode{Cond: call(boundTick), Exp1: x.Node, Exp2: &ast.NilNode{}}
	}
}

// takes reports whether a function can have so many arguments.
func takes(f *builtin.Function, n int) bool {
	if f.Validate != nil {
		_, err := f.Validate(slices.Repeat([]reflect.Type{reflect.TypeFor[any]()}, n))
		return err == nil
	}
	return len(f.Types) == 0 || slices.ContainsFunc(f.Types, func(t reflect.Type) bool {
		return t.NumIn() == n || t.IsVariadic() && n >= t.NumIn()-1
	})
}

func call(name string, arguments ...ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: arguments}
}

func isNumber(n ast.Node) bool {
	t := n.Type()
	return t != nil && (t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64)
}

// bindBounds adds the functions that count to the environment of one evaluation.
func bindBounds(ctx context.Context, env map[string]any) {
	made := 0
	grow := func(n int) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n < 0 || n > maxConditionBytes || made+n > maxConditionBytes {
			return fmt.Errorf("the values that a condition makes may take no more than %d MB in all", maxConditionBytes>>20)
		}
		made += n
		return nil
	}
	for name, cost := range costs {
		f := builtin.Builtins[builtin.Index[name]]
		env[boundName+name] = func(args ...any) (any, error) {
			if err := grow(cost(args)); err != nil {
				return nil, err
			}
			switch {
			case f.Fast != nil:
				return f.Fast(args[0]), nil
			case f.Safe != nil:
				v, _, err := f.Safe(args...)
				return v, err
			}
			return f.Func(args...)
		}
	}
	env[boundAdd] = func(args ...any) (any, error) {
		if err := grow(sizeOf(args[0], 1, 0) + sizeOf(args[1], 1, 0)); err != nil {
			return nil, err
		}
		return runtime.Add(args[0], args[1]), nil
	}
	env[boundExpr] = func(args ...any) (any, error) {
		if n := len(text(args, 0)); n > maxPatternBytes {
			return nil, fmt.Errorf("the pattern has %d bytes; one that a condition makes may have no more than %d", n, maxPatternBytes)
		}
		return args[0], grow(0)
	}
	env[boundTick] = func(...any) (any, error) { return true, grow(0) }
}

// costs says about how many bytes the result of a function takes, or more than may be
// made. The compiler has checked the number of arguments, not what their types are.
var costs = map[string]func(args []any) int{
	"repeat": func(args []any) int {
		n := runtime.ToInt(args[1]) // any number
		if n > 0 && len(text(args, 0)) > maxConditionBytes/n {
			return maxConditionBytes + 1
		}
		return len(text(args, 0)) * n
	},
	"replace": func(args []any) int {
		s, old, by := text(args, 0), text(args, 1), text(args, 2)
		found := strings.Count(s, old)
		if found > 0 && len(by) > maxConditionBytes/found {
			return maxConditionBytes + 1
		}
		return len(s) + found*len(by)
	},
	"join": func(args []any) int {
		return sizeOf(args[0], 1, 0) + runtimeLen(args[0])*min(len(text(args, 1)), maxConditionBytes)
	},
	"split":      func(args []any) int { return costOfPieces(text(args, 0), text(args, 1)) },
	"splitAfter": func(args []any) int { return costOfPieces(text(args, 0), text(args, 1)) },
	"upper":      func(args []any) int { return 3 * len(text(args, 0)) },
	"lower":      func(args []any) int { return 3 * len(text(args, 0)) },
	"toBase64":   func(args []any) int { return len(text(args, 0)) / 3 * 4 },
	"fromBase64": func(args []any) int { return len(text(args, 0)) },
	"fromJSON":   func(args []any) int { return costOfJSON * len(text(args, 0)) },
	"toJSON":     func(args []any) int { return sizeOf(args[0], costOfPart, costOfIndent) },
	"string":     func(args []any) int { return sizeOf(args[0], 1, 0) },
	"sort":       costOfList, "reverse": costOfList, "uniq": costOfList, "keys": costOfList, "values": costOfList,
	"toPairs": costOfList, "fromPairs": costOfList, "flatten": costOfList, "concat": costOfList, "take": costOfList,
}

// costOfJSON is about how many times its bytes the values of a JSON text take at most. A value
// that is written as JSON costs costOfPart besides itself, and costOfIndent for each list and map
// that it is in: two spaces, before and after it.
const (
	costOfJSON   = 32
	costOfPart   = 8
	costOfIndent = 4
)

// text is an argument that should be a text.
func text(args []any, i int) string {
	if i < len(args) {
		s, _ := args[i].(string)
		return s
	}
	return ""
}

func costOfPieces(s, separator string) int {
	const piece = 16 // of a text in a list
	if separator == "" {
		return piece * utf8.RuneCountInString(s)
	}
	return piece * (1 + strings.Count(s, separator))
}

// costOfList is what a list of the elements of all arguments takes.
func costOfList(args []any) int {
	const element = 64 // of a list of pairs
	n := 0
	for _, a := range args {
		n += runtimeLen(a)
	}
	return element * n
}

// runtimeLen is the length of a list or a map.
func runtimeLen(v any) int {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return r.Len()
	}
	return 0
}

// sizeOf is about how many bytes a value takes when it is written, with so many for each
// of its parts, and for those within them so many more, at each level. It looks no further than what may be made.
func sizeOf(v any, part, deeper int) int {
	size := part
	add := func(v any) bool {
		size += sizeOf(v, part+deeper, deeper)
		return size <= maxConditionBytes
	}
	switch x := v.(type) {
	case string:
		return part + len(x)
	case []any:
		for _, item := range x {
			if !add(item) {
				break
			}
		}
		return size
	case map[string]any:
		for k, item := range x {
			if size += len(k); !add(item) {
				break
			}
		}
		return size
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range r.Len() {
			if !add(r.Index(i).Interface()) {
				break
			}
		}
	case reflect.Map:
		for _, k := range r.MapKeys() {
			if !add(k.Interface()) || !add(r.MapIndex(k).Interface()) {
				break
			}
		}
	default:
		size += 32 // a number, a date, or what stands for a struct
	}
	return size
}
