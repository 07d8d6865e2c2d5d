package sftpexport

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

var _ pipeline.Describer = (*Step)(nil)

// Uses lists the artefacts that are put, and the fields that names and directories are
// made of.
func (s *Step) Uses(int64) []pipeline.Use {
	if s.compiled == nil {
		return nil
	}
	var list []pipeline.Use
	for i := range s.compiled.rules {
		r := &s.compiled.rules[i]
		list = append(list, pipeline.TemplateUses(r.condition, pipeline.Use{Steers: true})...)
		like := pipeline.Use{Conditional: r.condition != nil}
		if len(r.objects) == 1 && r.objects[0].Key != "" {
			like.IfFile = r.objects[0].Key // without it there is nothing to put anywhere
		}
		list = append(list, r.directory.fieldUses(r.schemaIDs, like)...)
		if r.done != nil {
			list = append(list, r.done.fieldUses(r.schemaIDs, like)...)
		}
		for k := range r.objects {
			o := &r.objects[k]
			own := pipeline.Use{Conditional: like.Conditional, IfFile: o.Key}
			if o.Key != "" {
				place := settings.Join(o.place, "export_reference_key")
				list = append(list, pipeline.Use{Kind: pipeline.UseNeeds, Name: o.Key, Place: place, Conditional: like.Conditional})
			}
			list = append(list, o.name.fieldUses(o.schemaIDs, own)...)
		}
	}
	return append(list, pipeline.Use{Kind: pipeline.UseSends, Name: "files to " + s.Credentials.address()})
}

// fieldUses lists the fields that a template names.
func (p *pattern) fieldUses(schemaIDs map[string]string, like pipeline.Use) []pipeline.Use {
	var list []pipeline.Use
	for _, part := range p.parts {
		if !part.variable || part.text == fileName || slices.Contains(builtin, part.text) {
			continue
		}
		u := like
		u.Kind, u.Name, u.Place, u.Single = pipeline.UseReads, part.text, p.place, true
		if id, ok := schemaIDs[part.text]; ok {
			u.Name = id
		}
		list = append(list, u)
	}
	return list
}
