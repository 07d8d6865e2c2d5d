package steps

import "github.com/exportpipeline/exportpipeline/pipeline"

var _ pipeline.Describer = (*Function)(nil)

// Uses says that the code may write any field, and makes no files.
func (s *Function) Uses(int64) []pipeline.Use {
	return []pipeline.Use{{Kind: pipeline.UseWrites, Place: "config.code", Conditional: true}}
}
