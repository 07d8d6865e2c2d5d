//go:build exportpipeline_noformulas

package pipeline

import (
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// hasLanguage reports whether the program has the language of formulas; see [Formulas].
const hasLanguage = false

// compileFormulas is not called for formulas that a run would compute: needsLanguage has
// refused it.
func compileFormulas(*rossum.Schema) *formula.Set { return new(formula.Set) }
