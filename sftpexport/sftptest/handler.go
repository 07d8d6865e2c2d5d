package sftptest

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
)

// handler carries out the operations of one connection.
type handler struct {
	server *Server
	conn   net.Conn
}

// errCut is never seen: the connection is closed before.
var errCut = errors.New("connection cut")

// do carries out an operation, unless there is a fault for it.
func (h *handler) do(op, name, target string, f func() error) error {
	return h.doWith(h.server.fault(op, name, target), f)
}

// doWith carries out an operation with a fault, nil for none.
func (h *handler) doWith(fault *Fault, f func() error) error {
	if fault == nil {
		return f()
	}
	if fault.Before != nil {
		fault.Before()
	}
	time.Sleep(fault.Delay)
	switch {
	case errors.Is(fault.Err, fs.ErrPermission):
		return sftp.ErrSSHFxPermissionDenied
	case fault.Err != nil:
		return fault.Err
	case fault.Cut:
		_ = h.conn.Close()
		return errCut
	}
	err := f()
	if fault.After != nil {
		fault.After()
	}
	if fault.CutAfter {
		_ = h.conn.Close()
		return errCut
	}
	return err
}

// fault notes an operation, and takes the first fault that fits it.
func (s *Server) fault(op, name, target string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op != "write" && op != "read" {
		s.ops = append(s.ops, strings.TrimSpace(op+" "+name+" "+target))
	}
	for i, f := range s.faults {
		if f.Op != "" && f.Op != op || !strings.Contains(name+" "+target, f.Path) {
			continue
		}
		if f.Times == 0 || f.Times == 1 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		} else if f.Times > 1 {
			f.Times--
		}
		return f
	}
	return nil
}

// local makes a path of SFTP one of the root.
func local(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}

func (h *handler) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	var file *os.File
	err := h.do("open", r.Filepath, "", func() (err error) {
		file, err = h.server.root.Open(local(r.Filepath))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &openFile{File: file, h: h, name: r.Filepath}, nil
}

func (h *handler) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	flags := os.O_WRONLY
	p := r.Pflags()
	for _, f := range []struct {
		set  bool
		flag int
	}{{p.Creat, os.O_CREATE}, {p.Trunc, os.O_TRUNC}, {p.Excl, os.O_EXCL}} {
		if f.set {
			flags |= f.flag
		}
	}
	var file *os.File
	err := h.do("open", r.Filepath, "", func() (err error) {
		file, err = h.server.root.OpenFile(local(r.Filepath), flags, 0o644)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &openFile{File: file, h: h, name: r.Filepath}, nil
}

// openFile counts what is written.
type openFile struct {
	*os.File
	h    *handler
	name string
}

func (f *openFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.h.do("write", f.name, "", func() error {
		if !f.h.server.take(int64(len(p))) {
			return errors.New("no space left on device")
		}
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

func (f *openFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.h.do("read", f.name, "", func() error {
		n, err = f.File.ReadAt(p, off)
		return err
	})
	return n, err
}

// take uses up free bytes.
func (s *Server) take(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free >= 0 {
		if s.free < n {
			return false
		}
		s.free -= n
	}
	return true
}

func (h *handler) Filecmd(r *sftp.Request) error {
	root, name, target := h.server.root, local(r.Filepath), local(r.Target)
	switch r.Method {
	case "Rename":
		return h.do("rename", r.Filepath, r.Target, func() error {
			// SFTP's plain rename refuses a name that is taken; not every server does,
			// and this one shall not be kinder than those.
			return root.Rename(name, target)
		})
	case "Link":
		return h.do("link", r.Filepath, r.Target, func() error { return root.Link(name, target) })
	case "Remove":
		return h.do("remove", r.Filepath, "", func() error { return root.Remove(name) })
	case "Rmdir":
		return h.do("rmdir", r.Filepath, "", func() error { return root.Remove(name) })
	case "Mkdir":
		return h.do("mkdir", r.Filepath, "", func() error { return root.Mkdir(name, 0o755) })
	case "Setstat":
		return nil // attributes are the directory's own
	}
	return sftp.ErrSSHFxOpUnsupported
}

// PosixRename renames over a name that is taken.
func (h *handler) PosixRename(r *sftp.Request) error {
	return h.do("posix-rename", r.Filepath, r.Target, func() error {
		return h.server.root.Rename(local(r.Filepath), local(r.Target))
	})
}

// StatVFS tells the free space.
func (h *handler) StatVFS(r *sftp.Request) (space *sftp.StatVFS, err error) {
	err = h.do("statvfs", r.Filepath, "", func() error {
		h.server.mu.Lock()
		defer h.server.mu.Unlock()
		free := h.server.free
		if free < 0 {
			free = 1 << 40
		}
		space = &sftp.StatVFS{Bsize: 1, Frsize: 1, Blocks: 1 << 40, Bfree: 1 << 40, Bavail: uint64(free), Namemax: 255}
		return nil
	})
	return space, err
}

func (h *handler) Filelist(r *sftp.Request) (list sftp.ListerAt, err error) {
	name := local(r.Filepath)
	if r.Method == "List" {
		fault := h.server.fault("list", r.Filepath, "")
		err = h.doWith(fault, func() error {
			entries, err := fs.ReadDir(h.server.root.FS(), name)
			var infos lister
			for _, e := range entries {
				if info, err := e.Info(); err == nil { // or it has gone meanwhile
					infos = append(infos, h.server.shifted(info))
				}
			}
			list = infos
			if fault != nil && fault.Endless {
				list = endless(infos)
			}
			return err
		})
		return list, err
	}
	return h.stat(r, h.server.root.Stat)
}

// Lstat does not follow links.
func (h *handler) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	return h.stat(r, h.server.root.Lstat)
}

func (h *handler) stat(r *sftp.Request, stat func(string) (os.FileInfo, error)) (list sftp.ListerAt, err error) {
	err = h.do("stat", r.Filepath, "", func() error {
		info, err := stat(local(r.Filepath))
		if err != nil {
			return err
		}
		list = lister{h.server.shifted(info)}
		return nil
	})
	return list, err
}

// lister lists files.
type lister []os.FileInfo

func (l lister) ListAt(to []os.FileInfo, offset int64) (int, error) {
	if offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(to, l[offset:])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}

// endless lists files over and over.
type endless []os.FileInfo

func (l endless) ListAt(to []os.FileInfo, offset int64) (int, error) {
	if len(l) == 0 {
		return 0, io.EOF
	}
	for i := range to {
		to[i] = l[(offset+int64(i))%int64(len(l))]
	}
	return len(to), nil
}

// shiftedInfo has a time by the server's clock.
type shiftedInfo struct {
	os.FileInfo
	by time.Duration
}

func (i shiftedInfo) ModTime() time.Time { return i.FileInfo.ModTime().Add(i.by) }

func (s *Server) shifted(info os.FileInfo) os.FileInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return shiftedInfo{info, s.skew}
}
