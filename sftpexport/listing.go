package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// ErrListing means that a directory has more files than are listed.
var ErrListing = errors.New("the server lists more files than this program takes")

// maxListing is how many bytes of a server's answers a listing may have: those of about
// a hundred thousand files.
const maxListing = 16 << 20

// listing bounds what a server sends of a directory: the client keeps all of it.
type listing struct {
	left int64 // bytes, guarded by the wire's mu
	end  context.CancelCauseFunc
}

// listed counts a message to the client. Whose listing it belongs to is not known: it
// counts for all.
func (w *wire) listed(message []byte) {
	if message[4] != fxpName {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for l := range w.lists {
		if l.left -= int64(len(message)); l.left < 0 {
			l.end(fmt.Errorf("%w: it has sent %d MB of names. Export into a directory of its own, and remove old files there", ErrListing, maxListing>>20))
		}
	}
}

// begin has a listing counted, until the function that it returns is called.
func (w *wire) begin(l *listing) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lists == nil {
		w.lists = make(map[*listing]bool)
	}
	w.lists[l] = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.lists, l)
	}
}

// list returns what is in a directory. A directory that is too large is [ErrListing].
func list(ctx context.Context, c *connection, directory string) ([]fs.FileInfo, error) {
	if directory == "" {
		directory = "."
	}
	bounded, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer c.wire.begin(&listing{left: maxListing, end: end})()
	infos, err := ask(ctx, func() ([]fs.FileInfo, error) { return c.ReadDirContext(bounded, directory) })
	if cause := context.Cause(bounded); err != nil && errors.Is(cause, ErrListing) {
		return nil, cause
	}
	return infos, err
}
