package folderledger

import (
	"container/list"
	"runtime"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/disk"
)

// maxHeld is how many files are kept open between calls: those of runs whose owner this
// process is.
const maxHeld = 256

// heldFiles are open files that nobody uses at this moment, by name. Whoever uses one
// takes it out, so that of one name at most one is here. A file that is here is not
// locked, and its name may lead to another file by now.
type heldFiles struct {
	mu     sync.Mutex
	max    int
	byName map[string]*list.Element
	oldest *list.List // of *disk.File, the one that was used last at the end
}

func newHeldFiles() *heldFiles {
	h := &heldFiles{max: maxHeld, byName: make(map[string]*list.Element), oldest: list.New()}
	if runtime.GOOS == "windows" { // which doesn't remove or replace what is open
		h.max = 0
	}
	return h
}

// take returns the file with a name, nil if it is not held.
func (h *heldFiles) take(name string) *disk.File {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.byName[name]
	if e == nil {
		return nil
	}
	delete(h.byName, name)
	return h.oldest.Remove(e).(*disk.File)
}

// give holds a file for the next call, and closes the one that nobody has used for longest
// if there are too many.
func (h *heldFiles) give(f *disk.File) {
	h.mu.Lock()
	surplus := f
	if h.max > 0 && h.byName[f.Name()] == nil {
		h.byName[f.Name()] = h.oldest.PushBack(f)
		surplus = nil
	}
	if h.oldest.Len() > h.max {
		surplus = h.oldest.Remove(h.oldest.Front()).(*disk.File)
		delete(h.byName, surplus.Name())
	}
	h.mu.Unlock()
	if surplus != nil {
		_ = surplus.Close()
	}
}

// drop closes the file with a name.
func (h *heldFiles) drop(name string) {
	if f := h.take(name); f != nil {
		_ = f.Close()
	}
}

// closeAll closes all, and has files closed that are given later.
func (h *heldFiles) closeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.max = 0
	for e := h.oldest.Front(); e != nil; e = e.Next() {
		_ = e.Value.(*disk.File).Close()
	}
	clear(h.byName)
	h.oldest.Init()
}
