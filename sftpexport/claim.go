package sftpexport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/pkg/sftp"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// Claims are for servers without links, where renaming may overwrite: a hidden file
// stands for the right to give a name.

// claimTimeout is how old a claim may get. It is held for three operations.
const claimTimeout = time.Minute

// canDelete reports whether the server lets anybody delete files in the directory.
func (s *sftpStaged) canDelete(ctx context.Context, c *connection) (bool, error) {
	if kept, known := s.d.pool.cannotDelete.Load(s.file.Directory); known {
		return !kept.(bool), nil
	}
	path := naming.Join(s.file.Directory, naming.Probe)
	a, err := c.request(ctx, openMessage(path, openWrite|openCreate))
	if err == nil {
		err = c.op(ctx, closeMessage(a.handle))
	}
	if isLost(err) {
		s.mayRemain(path)
		return false, err
	}
	err = c.op(ctx, pathMessage(fxpRemove, path))
	if isLost(err) || err != nil && !answered(err) {
		s.mayRemain(path)
		return false, err
	}
	kept := err != nil && !errors.Is(err, fs.ErrNotExist)
	s.d.pool.cannotDelete.Store(s.file.Directory, kept)
	return !kept, nil
}

// mayRemain keeps in mind a hidden file that may be there.
func (s *sftpStaged) mayRemain(path string) {
	if !slices.Contains(s.left, path) {
		s.left = append(s.left, path)
	}
}

// claim takes the right to give a name, or waits until nobody else has it.
func (s *sftpStaged) claim(ctx context.Context, c *connection, name string) (release func(), err error) {
	sum := sha256.Sum256([]byte(name))
	claim := naming.Join(s.file.Directory, HiddenPrefix+"claim-"+hex.EncodeToString(sum[:12]))
	if !slices.Contains(s.left, claim) { // or ours still, of a connection that was lost
		if err := s.makeClaim(ctx, c, claim); err != nil {
			return nil, err
		}
		s.left = append(s.left, claim)
	}
	return func() {
		if c.op(ctx, pathMessage(fxpRemove, claim)) == nil {
			s.forget(claim)
		}
	}, nil
}

// claimPatience is how long an exporter takes at most between making a claim and
// writing in it whose it is.
const claimPatience = time.Second

func (s *sftpStaged) makeClaim(ctx context.Context, c *connection, claim string) error {
	started := time.Now()
	for {
		a, err := c.request(ctx, openMessage(claim, openWrite|openCreate|openExclusively))
		if err == nil {
			err = s.signClaim(ctx, c, a.handle)
		}
		if err == nil {
			return nil
		}
		if isLost(err) {
			s.lostClaim = claim
		}
		if isLost(err) || !answered(err) {
			return err
		}
		there, attrs, lookErr := look(ctx, c, claim, s.temp)
		waited := time.Since(started)
		switch {
		case lookErr != nil:
			return lookErr
		case there == absent && !errors.Is(err, fs.ErrPermission) && waited < claimTimeout:
			// Given back meanwhile.
		case there != present:
			return fmt.Errorf("claiming the name: %w", err)
		case attrs != nil && !attrs.modified.IsZero() && !s.modified.IsZero() && s.modified.Add(waited).Sub(attrs.modified) > 2*claimTimeout:
			// Of an exporter that crashed, by the server's clock.
			if err := c.op(ctx, pathMessage(fxpRemove, claim)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("removing the claim of a crashed exporter: %w", err)
			}
		case waited > 3*claimTimeout:
			return fmt.Errorf("another exporter has been claiming the name for %v (%s)", waited.Round(time.Second), claim)
		case s.lostClaim == claim:
			// Maybe it was made by the request whose answer was lost.
			if ours, err := s.isOurClaim(ctx, c, claim, waited); ours || err != nil {
				return err
			}
		}
		wait := time.NewTimer(5 * time.Millisecond)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return context.Cause(ctx)
		}
	}
}

// signClaim writes in a claim whose it is.
func (s *sftpStaged) signClaim(ctx context.Context, c *connection, handle string) error {
	_, err := ask(ctx, func() (struct{}, error) {
		for _, a := range c.wire.exchange(writeMessage(handle, []byte(hidden(s.temp))), closeMessage(handle)) {
			if a.err != nil && !answered(a.err) {
				return struct{}{}, a.err
			}
		}
		return struct{}{}, nil
	})
	return err
}

// isOurClaim reads whose a claim is. One that nobody has signed for a while is ours,
// since we have made one.
func (s *sftpStaged) isOurClaim(ctx context.Context, c *connection, claim string, waited time.Duration) (bool, error) {
	a, err := c.request(ctx, openMessage(claim, openRead))
	if err != nil {
		return false, lostOnly(err)
	}
	signed, err := c.request(ctx, readMessage(a.handle, 0, 100))
	_ = c.op(ctx, closeMessage(a.handle))
	if err != nil && codeOfStatus(err) != uint32(sftp.ErrSSHFxEOF) {
		return false, lostOnly(err)
	}
	return string(signed.data) == hidden(s.temp) || len(signed.data) == 0 && waited > claimPatience, nil
}

// lostOnly is an error that means that the connection is gone, or nil.
func lostOnly(err error) error {
	if isLost(err) {
		return err
	}
	return nil
}
