package steps

import (
	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

var _ pipeline.Describer = (*CustomFormat)(nil)

// Uses lists the artefacts, and what the templates read of field. A field that is not
// there leaves a gap in the file, which Jinja2 says nothing of.
func (s *CustomFormat) Uses(int64) []pipeline.Use {
	var list []pipeline.Use
	formats := s.formats
	if formats == nil {
		formats, _ = s.compile() // the faults are those of Compile
	}
	for _, f := range formats {
		list = append(list, pipeline.Use{Kind: pipeline.UseMakes, Name: f.Key, Place: settings.Join(f.place, "export_reference_key")})
		key := "file_content_template"
		if f.Lines != nil {
			key = "file_content_template_multiline"
		}
		list = append(list, exporttemplate.JinjaUses(f.template, settings.Join(f.place, key), f.Lines != nil, pipeline.Use{})...)
		list = append(list, exporttemplate.JinjaUses(f.fileName, settings.Join(f.place, "file_name_template"), false, pipeline.Use{})...)
	}
	return list
}
