package folderledger

import "golang.org/x/sys/unix"

// canMoveNew reports that moveNew works on this system.
const canMoveNew = true

// moveNew gives a file a name that no other file has.
func moveNew(from, to string) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
}
