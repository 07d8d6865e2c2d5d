//go:build !unix

package pipelinetest

import (
	"errors"
	"os"
)

func pause(*os.Process, bool) error { return errors.ErrUnsupported }
