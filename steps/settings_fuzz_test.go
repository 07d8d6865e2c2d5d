package steps_test

import (
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/steps"
)

// seed adds the settings of all hooks of the examples: those of other components, too,
// which are refused.
func seed(f *testing.F, more ...string) {
	f.Helper()
	for _, settings := range fuzzing.Settings(f) {
		f.Add(settings)
	}
	for _, text := range more {
		f.Add([]byte(text))
	}
}

func FuzzPurgeSettings(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.CheckSettings(t, data, func() *steps.Purge { return new(steps.Purge) })
	})
}

func FuzzCustomFormatSettings(f *testing.F) {
	seed(f, `{"export_configs":[{"export_reference_key":"k","file_content_template":"{{ field.a }}","content_encoding":"latin-1"}]}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.CheckSettings(t, data, func() *steps.CustomFormat { return new(steps.CustomFormat) })
	})
}

func FuzzRESTExportSettings(f *testing.F) {
	seed(f, `{"request":{"url":"https://x","content":"@{a}"},"auth":{"url":"https://y"},"condition":"@{c}"}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.CheckSettings(t, data, func() *steps.RESTExport { return new(steps.RESTExport) })
	})
}

func FuzzExtractSettings(f *testing.F) {
	seed(f, `{"extract":[{"source_reference_key":"k","extract_rules":[{"value_path":"a.b","target_schema_id":"c"}]}]}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.CheckSettings(t, data, func() *steps.Extract { return new(steps.Extract) })
	})
}

func FuzzEvaluateSettings(f *testing.F) {
	seed(f, `[{"condition":"field.a == 'b'"}]`, `[], "//": 1`, `{"checks":[{"condition":"field.a == 'b'","type":"error","message":"m"}]}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.CheckSettings(t, data, func() *steps.Evaluate { return new(steps.Evaluate) })
	})
}

func FuzzEvaluateRepliesSettings(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.CheckSettings(t, data, func() *steps.EvaluateReplies { return new(steps.EvaluateReplies) })
	})
}
