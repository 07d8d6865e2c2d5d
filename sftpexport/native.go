package sftpexport

import "github.com/exportpipeline/exportpipeline/pipeline"

// localNative makes a native export of the annotation as this run has left it.
func localNative(_ *pipeline.Export, _ string) ([]byte, error) {
	return nil, errNoLocalSource
}
