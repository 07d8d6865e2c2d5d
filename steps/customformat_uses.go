package steps

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/jinja"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
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
		list = append(list, templateUses(f.template, settings.Join(f.place, key), f.Lines != nil)...)
		list = append(list, templateUses(f.fileName, settings.Join(f.place, "file_name_template"), false)...)
	}
	return list
}

// templateUses lists what a Jinja2 template reads. lines says that the settings hold
// it as a list of lines.
func templateUses(t *jinja.Template, place string, lines bool) []pipeline.Use {
	if t == nil {
		return nil
	}
	at := func(u pipeline.Use, line int) pipeline.Use {
		u.Place, u.Line, u.Optional = place, line, true
		if lines {
			u.Place, u.Line = settings.Index(place, line-1), 0
		}
		return u
	}
	var list []pipeline.Use
	for _, r := range t.Reads("field") {
		switch len(r.Path) {
		case 1:
			list = append(list, at(pipeline.Use{Kind: pipeline.UseReads, Name: r.Path[0]}, r.Line))
		case 2:
			list = append(list, at(pipeline.Use{Kind: pipeline.UseReads, Name: r.Path[1], In: r.Path[0]}, r.Line))
		}
	}
	for _, r := range t.Undefined("field", "payload", "file") {
		list = append(list, at(pipeline.Use{Kind: pipeline.UseName, Name: strings.Join(r.Path, ".")}, r.Line))
	}
	return list
}
