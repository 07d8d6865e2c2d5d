package expression

import (
	"strings"
	"testing"

	"github.com/expr-lang/expr/builtin"
)

// Functions that come with a new version of the language are looked at before conditions can
// make values of any size with them.
func TestEachFunctionOfTheLanguageHasACostOrMakesNothingLarge(t *testing.T) {
	t.Parallel()
	// Of these the language counts the elements itself.
	loops := "all none any one filter map find findIndex findLast findLastIndex count sum groupBy sortBy reduce"
	small := strings.Fields(loops + ` len type abs ceil floor round int float trim trimPrefix trimSuffix indexOf lastIndexOf
		hasPrefix hasSuffix max min mean median now duration date timezone first last get
		bitand bitor bitxor bitnand bitshl bitshr bitushr bitnot`)
	known := make(map[string]bool)
	for _, name := range small {
		known[name] = true
	}
	for _, f := range builtin.Builtins {
		if costs[f.Name] == nil && !known[f.Name] {
			t.Errorf("%s has no cost", f.Name)
		}
	}
}
