package sftpexport

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/pkg/sftp"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// sight is what a look at a path shows.
type sight uint8

const (
	unseen  sight = iota // the server shows nothing
	absent               // there is nothing of that name
	present              // there is something
)

// look finds out whether a name is taken, be it by a link to nowhere, by whatever way
// the server allows. Servers refuse some ways, lack others, and have odd words for what
// is missing: an answer means "missing" if a made-up name beside it gets the same one,
// while known, which is there, gets a better one; without a known file that is the
// directory. attrs may be nil, even of what is present. Only a lost connection is an
// error.
func look(ctx context.Context, c *connection, name, known string) (sight, *fileAttrs, error) {
	if known == "" {
		known = cmp.Or(parent(name), ".")
	}
	for _, way := range []func(string) (*fileAttrs, error){
		func(p string) (*fileAttrs, error) {
			a, err := c.request(ctx, lookMessage(p))
			return a.attrs, err
		},
		func(p string) (*fileAttrs, error) {
			a, err := c.request(ctx, pathMessage(fxpStat, p))
			return a.attrs, err
		},
		func(p string) (*fileAttrs, error) { return openAndLook(ctx, c, p) },
	} {
		attrs, err := way(name)
		switch {
		case err == nil:
			return present, attrs, nil
		case errors.Is(err, fs.ErrNotExist):
			return absent, nil, nil
		case !answered(err) || isLost(err):
			return unseen, nil, err
		}
		if _, knownErr := way(known); knownErr != nil {
			if isLost(knownErr) || !answered(knownErr) {
				return unseen, nil, knownErr
			}
			continue
		}
		_, missing := way(naming.Join(parent(name), rand.Text()))
		switch {
		case isLost(missing):
			return unseen, nil, missing
		case missing != nil && codeOfStatus(missing) == codeOfStatus(err):
			return absent, nil, nil
		}
	}
	return lookInList(ctx, c, name, known)
}

// openAndLook looks by opening a file for reading.
func openAndLook(ctx context.Context, c *connection, name string) (*fileAttrs, error) {
	a, err := c.request(ctx, openMessage(name, openRead))
	if err != nil {
		return nil, err
	}
	info, err := c.request(ctx, statMessage(a.handle))
	if isLost(err) {
		return nil, err
	}
	return info.attrs, c.op(ctx, closeMessage(a.handle))
}

// lookInList looks by listing the directory. Lists may leave hidden files out.
func lookInList(ctx context.Context, c *connection, name, known string) (sight, *fileAttrs, error) {
	infos, err := list(ctx, c, parent(name))
	switch {
	case isLost(err):
		return unseen, nil, err
	case err != nil:
		return unseen, nil, nil
	}
	showsHidden := false
	for _, info := range infos {
		if info.Name() == path.Base(name) {
			return present, attrsOf(info), nil
		}
		showsHidden = showsHidden || info.Name() == path.Base(known)
	}
	if strings.HasPrefix(path.Base(name), ".") && !showsHidden {
		return unseen, nil, nil
	}
	return absent, nil, nil
}

// parent is the directory of a path, "" for the top and "/" for the root.
func parent(p string) string {
	i := strings.LastIndexByte(p, '/')
	if i == 0 {
		return "/"
	}
	return p[:max(i, 0)]
}

// codeOfStatus is a refusal's code.
func codeOfStatus(err error) uint32 {
	var status *sftp.StatusError
	switch {
	case errors.As(err, &status):
		return status.Code
	case errors.Is(err, fs.ErrPermission):
		return uint32(sftp.ErrSSHFxPermissionDenied)
	case errors.Is(err, fs.ErrNotExist):
		return uint32(sftp.ErrSSHFxNoSuchFile)
	}
	return 0
}

// hashes reports whether the server can be asked for a file's hash: by the extension
// check-file (draft-ietf-secsh-filexfer-extensions), which ProFTPD has without saying so.
func (c *connection) hashes() bool {
	return (c.has("check-file") || strings.Contains(string(c.ssh.ServerVersion()), "mod_sftp")) && !c.pool.cannotHash.Load()
}

// hashOf asks the server for a file's SHA-256, nil if it has none.
func hashOf(ctx context.Context, c *connection, name string) ([]byte, error) {
	if !c.hashes() {
		return nil, nil
	}
	m := extendedMessage("check-file-name", name, "sha256")
	m.body = binary.BigEndian.AppendUint64(m.body, 0) // from the beginning
	m.body = binary.BigEndian.AppendUint64(m.body, 0) // to the end
	m.body = binary.BigEndian.AppendUint32(m.body, 0) // as one block
	a, err := c.request(ctx, m)
	switch {
	case isLost(err):
		return nil, err
	case err != nil:
		c.pool.cannotHash.Store(true)
		return nil, nil
	}
	body := a.data
	if word, rest, ok := cutString(body); ok && word == "check-file" {
		body = rest // as the draft has it; ProFTPD leaves it out
	}
	if algorithm, sum, ok := cutString(body); ok && algorithm == "sha256" && len(sum) == sha256.Size {
		return sum, nil
	}
	return nil, nil
}
