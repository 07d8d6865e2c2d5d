package steps

import (
	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

var _ pipeline.Describer = (*Extract)(nil)

// Uses lists the replies that are read and the fields that are written. Where the call
// of a reply is not due, nothing is written.
func (s *Extract) Uses(int64) []pipeline.Use {
	var list []pipeline.Use
	compiled := s.compiled
	if compiled == nil {
		compiled, _ = s.compile() // the faults are those of Compile
	}
	for _, src := range compiled {
		list = append(list, exporttemplate.Uses(src.condition, pipeline.Use{})...)
		due := exporttemplate.Conditions(src.condition)
		list = append(list, pipeline.Use{Kind: pipeline.UseNeeds, Name: src.Key, Place: settings.Join(src.place, "source_reference_key"), IfDue: true, If: due})
		for i, r := range src.Rules {
			at := settings.Join(settings.Index(settings.Join(src.place, "extract_rules"), i), "target_schema_id")
			list = append(list, pipeline.Use{Kind: pipeline.UseWrites, Name: r.TargetField, Place: at, Single: true, If: due, IfFile: src.Key})
		}
	}
	return list
}
