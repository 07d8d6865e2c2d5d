package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// directory makes sure that a directory is there, as far as the server lets anybody
// know: where it does not, creating the file will show.
func (d *sftpDestination) directory(ctx context.Context, c *connection, path string, mayMake bool) error {
	if path == "" || path == "/" {
		return nil
	}
	if _, known := d.pool.directories.Load(path); known {
		return nil
	}
	a, err := c.request(ctx, pathMessage(fxpStat, path))
	switch {
	case isLost(err) || err != nil && !answered(err):
		return err
	case err == nil && isFile(a.attrs):
		return fmt.Errorf("directory %q: %w", path, ErrNotDirectory)
	case errors.Is(err, fs.ErrNotExist) && !mayMake:
		return fmt.Errorf("%q: %w", path, ErrNoDirectory)
	case errors.Is(err, fs.ErrNotExist):
		return d.makeDirectory(ctx, c, path)
	case err == nil:
		d.pool.directories.Store(path, true)
	}
	return nil
}

func isFile(a *fileAttrs) bool { return a != nil && a.mode&modeKind != 0 && !a.is(modeDirectory) }

// makeDirectory makes a directory and those above it. It fails where a file is in the
// way, or the connection is lost. Else the server may have directories that it does not
// show, or make them by itself, so its refusal is kept for the error of creating a file.
func (d *sftpDestination) makeDirectory(ctx context.Context, c *connection, path string) error {
	err := makeAll(ctx, c, path)
	switch {
	case err == nil:
		d.pool.directories.Store(path, true)
		return nil
	case isLost(err) || !answered(err):
		return err
	}
	for above := path; above != "" && above != "/"; above = parent(above) {
		a, lookErr := c.request(ctx, pathMessage(fxpStat, above))
		switch {
		case isLost(lookErr):
			return lookErr
		case lookErr == nil && isFile(a.attrs):
			return fmt.Errorf("directory %q: %q: %w", path, above, ErrNotDirectory)
		case lookErr == nil:
			d.pool.refusedDirectories.Store(path, err)
			return nil
		}
	}
	d.pool.refusedDirectories.Store(path, err)
	return nil
}

func makeAll(ctx context.Context, c *connection, path string) error {
	err := c.op(ctx, pathMessage(fxpMkdir, path))
	above := parent(path)
	if err == nil || isLost(err) || !answered(err) || above == "" || above == "/" {
		return err
	}
	if a, lookErr := c.request(ctx, pathMessage(fxpStat, path)); lookErr == nil && !isFile(a.attrs) {
		return nil // somebody else has made it
	}
	if aboveErr := makeAll(ctx, c, above); isLost(aboveErr) {
		return aboveErr
	}
	again := c.op(ctx, pathMessage(fxpMkdir, path))
	if again == nil || isLost(again) {
		return again
	}
	if a, lookErr := c.request(ctx, pathMessage(fxpStat, path)); lookErr == nil && !isFile(a.attrs) {
		return nil
	}
	return err
}
