package sftpexport

import (
	"bytes"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/native"
)

// localNative makes a native export of the annotation as this run has left it.
func localNative(x *pipeline.Export, format native.Format) ([]byte, error) {
	var out bytes.Buffer
	err := native.Write(&out, format, native.Options{}, x.Payload)
	return out.Bytes(), err
}
