package sftpexport_test

import (
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

func FuzzSettings(f *testing.F) {
	for _, settings := range fuzzing.Settings(f) {
		f.Add(settings)
	}
	for _, text := range []string{
		`{"credentials": {"type": "sftp", "host": "h", "username": "u", "port": "22", "host_key": "SHA256:x"}, "export_rules": [{"path_to_directory": "/{a}"}]}`,
		`{"path": "/a", "exports": [{"type": "document", "filename_template": "{x}"}], "template_variables": [{"name": "x", "schema_id": "y"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.CheckSettings(t, data, func() *sftpexport.Step { return new(sftpexport.Step) })
	})
}
