package rooms

import (
	"go/constant"
	"go/types"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// reasoned lists the names of a package that need a reason to be exported. Methods and
// fields share that of their type, and so do constants of a type of the same package.
func reasoned(room string, p *types.Package) []string {
	var all []string
	for _, id := range p.Scope().Names() {
		o := p.Scope().Lookup(id)
		if !o.Exported() {
			continue
		}
		if c, isConst := o.(*types.Const); isConst && c.Val().Kind() != constant.Unknown {
			if t := named(c.Type()); t != nil && t.Pkg() == p {
				continue
			}
		}
		all = append(all, room+"."+id)
	}
	return all
}

// testdata/reasons.txt says on a line why a user needs a name: what has no reason goes.
func TestEveryExportedNameHasAReason(t *testing.T) {
	t.Parallel()
	all, err := published()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/reasons.txt")
	if err != nil {
		t.Fatal(err)
	}
	reasons := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		name, reason, found := strings.Cut(strings.TrimSuffix(line, "\n"), " — ")
		words := len(strings.Fields(reason))
		if _, twice := reasons[name]; twice || !found || words < 3 || words > 15 {
			t.Errorf("duplicate, or not of the form \"package.Name — three to fifteen words\": %s", line)
		}
		reasons[name] = reason
	}
	for room, p := range all {
		for _, name := range reasoned(room, p) {
			if reasons[name] == "" {
				t.Errorf("%s is exported, and testdata/reasons.txt does not say why a user needs it", name)
			}
			delete(reasons, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		t.Errorf("testdata/reasons.txt has a reason for %s, which is not exported", name)
	}
}
