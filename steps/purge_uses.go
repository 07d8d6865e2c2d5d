package steps

import (
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

var _ pipeline.Describer = (*Purge)(nil)

// Uses lists the files that are removed and the fields that are emptied.
func (s *Purge) Uses(int64) []pipeline.Use {
	var list []pipeline.Use
	if len(s.Keys) == 0 {
		list = append(list, pipeline.Use{Kind: pipeline.UseRemoves})
	}
	for i, key := range s.Keys {
		list = append(list, pipeline.Use{Kind: pipeline.UseRemoves, Name: key, Place: settings.Index("reference_keys", i)})
	}
	for i, id := range s.ResetFields {
		list = append(list, pipeline.Use{Kind: pipeline.UseWrites, Name: id, Place: settings.Index("reset_schema_ids", i)})
	}
	return list
}
