//go:build !linux

package folderledger

import "errors"

const canMoveNew = false

func moveNew(string, string) error { return errors.ErrUnsupported }
