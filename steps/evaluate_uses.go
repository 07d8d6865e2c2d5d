package steps

import (
	"context"
	"regexp"
	"slices"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

var (
	_ pipeline.Describer = (*Evaluate)(nil)
	_ pipeline.Describer = (*EvaluateReplies)(nil)
)

// Uses lists the fields that the conditions read. One that is read only where another
// part of the condition says so may be missing.
func (s *Evaluate) Uses(int64) []pipeline.Use {
	var list []pipeline.Use
	compiled := s.compiled
	if compiled == nil {
		compiled, _ = s.compile() // the faults are those of Compile
	}
	for _, c := range compiled {
		if c.condition == nil {
			continue
		}
		if comparesNumbers(c.Condition) {
			list = append(list, pipeline.Use{Kind: pipeline.UseTypes, Place: settings.Join(c.place, "condition")})
		}
		fails := failing(c.condition)
		needs := c.condition.Needs()
		for _, id := range c.condition.Reads() {
			use := pipeline.Use{Kind: pipeline.UseReads, Name: id, Place: settings.Join(c.place, "condition")}
			if !slices.Contains(needs, id) {
				use.If = []*pipeline.Condition{fails}
			}
			list = append(list, use)
		}
	}
	return list
}

// failing holds where evaluating a condition ends in an error: where it comes to a field
// that is not there, such as after an "and" whose left side is true.
func failing(condition *formula.Condition) *pipeline.Condition {
	reads, known := condition.AllReads()
	c := &pipeline.Condition{Reads: reads}
	if known {
		c.Holds = func(ctx context.Context, x *pipeline.Export) (bool, error) {
			schema, err := x.Payload.Schema()
			if err != nil {
				return false, err
			}
			_, err = condition.Holds(ctx, x.Payload, formula.ConditionOptions{Schema: schema, Now: x.WallTime})
			return err != nil && ctx.Err() == nil, nil
		}
	}
	return c
}

var (
	pythonText = regexp.MustCompile(`'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"`)
	index      = regexp.MustCompile(`\[\s*-?\d+\s*\]`)
	numbers    = regexp.MustCompile(`[<>]|(?:^|[^\w.])\d`)
)

// comparesNumbers reports whether a condition orders values, or has a number in it, so
// that it matters whether a field is a number or a text.
func comparesNumbers(condition string) bool {
	return numbers.MatchString(index.ReplaceAllString(pythonText.ReplaceAllString(condition, "''"), "[]"))
}

// Uses lists the fields that hold the replies.
func (s *EvaluateReplies) Uses(int64) []pipeline.Use {
	var list []pipeline.Use
	for i, r := range s.Replies {
		place := settings.Index("replies", i)
		list = append(list, pipeline.Use{Kind: pipeline.UseReads, Name: r.StatusField, Place: settings.Join(place, "status_schema_id"), Single: true})
		if r.BodyField != "" {
			list = append(list, pipeline.Use{Kind: pipeline.UseReads, Name: r.BodyField, Place: settings.Join(place, "body_schema_id"), Single: true})
		}
	}
	return list
}
