package steps

import (
	"regexp"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
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
	return append(list, s.evaluatedUses(scripts)...)
}

// evaluatedUses lists the fields that texts of the settings read, where r is what
// from_payload returned.
func (s *Function) evaluatedUses(scripts map[string]bool) []pipeline.Use {
	var list []pipeline.Use
	for _, e := range s.evaluated {
		if !scripts["r"] {
			break
		}
		needs := e.condition.Needs()
		for _, id := range e.condition.Reads() {
			certain := slices.Contains(needs, id) && evaluatesAlways(s.Code, e.place)
			list = append(list, pipeline.Use{Kind: pipeline.UseReads, Name: id, Place: e.place, Conditional: !certain})
		}
	}
	return list
}

var (
	// mayEnd finds what lets a function end before its last line, or go on after an error.
	mayEnd = regexp.MustCompile(`\b(?:return|try|raise|with|while|def)\b`)
	// firstEval finds a line that does nothing before it calls eval.
	firstEval = regexp.MustCompile(`^(?:(?:if|return)\s+|\w+\s*=\s*)?(?:not\s+)?(?:bool\()?eval\([^)]*["'](\w+)["']`)
)

// evaluatesAlways reports whether the handler gives a text of the settings to eval
// whatever the payload holds: in a line of its own block, before it can have ended.
func evaluatesAlways(code, name string) bool {
	indent, inside := "", false
	for line := range strings.Lines(code) {
		text := strings.TrimSpace(line)
		before := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		switch {
		case strings.HasPrefix(line, "def "+formula.Handler):
			inside, indent = true, ""
			continue
		case text == "" || strings.HasPrefix(text, "#") || !inside:
			continue
		case indent == "":
			indent = before
		}
		if m := firstEval.FindStringSubmatch(text); before == indent && m != nil && m[1] == name {
			return true
		}
		if before == "" || mayEnd.MatchString(text) {
			inside = false
		}
	}
	return false
}
