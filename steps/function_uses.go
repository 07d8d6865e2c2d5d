package steps

import (
	"regexp"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

var _ pipeline.Describer = (*Function)(nil)

// scriptName finds the variables that hold what from_payload returns, and fieldName
// the fields that are read or written through one.
var (
	scriptName = regexp.MustCompile(`(?m)^\s*(\w+)\s*=\s*\w+\.from_payload\s*\(`)
	fieldName  = regexp.MustCompile(`\b(\w+)\.field\.(\w+)(\s*=[^=])?`)
)

// Uses lists the fields that the code names outright. Since the code may look whether a
// field is there, one that is missing is a warning; and since it may write others by
// names that it computes, it counts as a step that writes any field.
func (s *Function) Uses(int64) []pipeline.Use {
	list := []pipeline.Use{{Kind: pipeline.UseWrites, Place: "config.code", Conditional: true}}
	scripts := make(map[string]bool)
	for _, m := range scriptName.FindAllStringSubmatch(s.Code, -1) {
		scripts[m[1]] = true
	}
	seen := make(map[string]bool)
	for i, line := range strings.Split(s.Code, "\n") {
		code, _, _ := strings.Cut(line, "#")
		for _, m := range fieldName.FindAllStringSubmatch(code, -1) {
			kind := pipeline.UseReads
			if m[3] != "" {
				kind = pipeline.UseWrites
			}
			if !scripts[m[1]] || seen[string(kind)+m[2]] {
				continue
			}
			seen[string(kind)+m[2]] = true
			list = append(list, pipeline.Use{Kind: kind, Name: m[2], Place: "config.code", Line: i + 1, Conditional: true})
		}
	}
	return list
}
