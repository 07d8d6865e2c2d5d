//go:build !exportpipeline_noformulas

package pipeline

import (
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// hasLanguage reports whether the program has the language of formulas; see [Formulas].
const hasLanguage = true

func compileFormulas(s *rossum.Schema) *formula.Set {
	set, _ := formula.Compile(s) // the set has the faults of single formulas
	return set
}
