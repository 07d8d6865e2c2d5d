package sftpexport

import (
	"maps"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

var _ pipeline.Describer = (*Step)(nil)

// Uses lists the artefacts that are put, and the fields that names and directories are
// made of.
func (s *Step) Uses(int64) []pipeline.Use {
	compiled := s.compiled
	if compiled == nil {
		compiled, _ = s.build() // the faults are those of Compile
	}
	var list []pipeline.Use
	for i := range compiled.rules {
		r := &compiled.rules[i]
		list = append(list, exporttemplate.Uses(r.condition, pipeline.Use{Steers: true})...)
		like := pipeline.Use{If: exporttemplate.Conditions(r.condition)}
		if len(r.objects) == 1 && r.objects[0].Key != "" {
			like.IfFile = r.objects[0].Key // without it there is nothing to put anywhere
		}
		list = append(list, r.directory.fieldUses(r.named, like)...)
		if r.done != nil {
			list = append(list, r.done.fieldUses(r.named, like)...)
		}
		for k := range r.objects {
			o := &r.objects[k]
			own := pipeline.Use{If: like.If, IfFile: o.Key}
			if o.Key != "" {
				place := settings.Join(o.place, "export_reference_key")
				list = append(list, pipeline.Use{Kind: pipeline.UseNeeds, Name: o.Key, Place: place, IfDue: true, If: like.If})
			}
			list = append(list, o.name.fieldUses(o.named, own)...)
			list = append(list, compiled.secretUses(s.Credentials.Type, own)...)
		}
	}
	return append(list, pipeline.Use{Kind: pipeline.UseSends, Name: "files to " + s.Credentials.address()})
}

// secretUses is that of the secrets that the destination asks for, if that is known.
func (c *compiled) secretUses(kind string, like pipeline.Use) []pipeline.Use {
	like.Kind, like.Place, like.Name, like.Accepts = pipeline.UseSecret, "credentials", "password", checkKey
	if kind != "sftp" {
		checker, ok := c.shared.backend.(SecretsChecker)
		if !ok {
			return nil
		}
		like.Name, like.Accepts = "access_key_id", checker.CheckSecrets
	}
	return []pipeline.Use{like}
}

// fieldUses lists the fields that a template names.
func (p *pattern) fieldUses(named map[string]Variable, like pipeline.Use) []pipeline.Use {
	others := slices.Concat(builtin, slices.Sorted(maps.Keys(named)))
	var list []pipeline.Use
	for _, part := range p.parts {
		if !part.variable || part.text == fileName || slices.Contains(builtin, part.text) || isSequence(part.text, named) {
			continue
		}
		u := like
		u.Kind, u.Name, u.Place, u.Single = pipeline.UseReads, part.text, p.place, true
		u.Others = others
		if v, ok := named[part.text]; ok {
			u.Name = v.Field
		}
		list = append(list, u)
	}
	return list
}
