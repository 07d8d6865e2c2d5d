package exporttemplate

import (
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Uses lists what a template names. What like says of conditions and of steering holds for
// all of it. A nil template names nothing.
func Uses(t *jsontemplate.Template, like pipeline.Use) []pipeline.Use {
	if t == nil {
		return nil
	}
	var list []pipeline.Use
	for _, u := range t.Uses() {
		use := like
		use.Name, use.Place = u.Name, u.Place
		use.Conditional = like.Conditional || u.Conditional
		use.IfFields = append(like.IfFields[:len(like.IfFields):len(like.IfFields)], u.Within...)
		switch u.Kind {
		case jsontemplate.UseField:
			use.Kind, use.Single, use.Group, use.Optional = pipeline.UseReads, u.Single, u.Group, u.Optional
		case jsontemplate.UseSecret:
			use.Kind = pipeline.UseSecret
		default:
			continue // files are those of the settings' reference keys
		}
		list = append(list, use)
	}
	return list
}
