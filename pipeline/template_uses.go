package pipeline

import "github.com/exportpipeline/exportpipeline/internal/jsontemplate"

// TemplateUses lists what a JSON template of this module's steps names. What like says
// of conditions and of steering holds for all of it. A nil template names nothing.
func TemplateUses(t *jsontemplate.Template, like Use) []Use {
	if t == nil {
		return nil
	}
	var list []Use
	for _, u := range t.Uses() {
		use := like
		use.Name, use.Place = u.Name, u.Place
		use.Conditional = like.Conditional || u.Conditional
		use.IfFields = append(like.IfFields[:len(like.IfFields):len(like.IfFields)], u.Within...)
		switch u.Kind {
		case jsontemplate.UseField:
			use.Kind, use.Single, use.Group, use.Optional = UseReads, u.Single, u.Group, u.Optional
		case jsontemplate.UseSecret:
			use.Kind = UseSecret
		default:
			continue // files are told by the settings' reference keys
		}
		list = append(list, use)
	}
	return list
}
