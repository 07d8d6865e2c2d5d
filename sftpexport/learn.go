package sftpexport

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// learntKeys is a known_hosts file that takes up servers it does not know yet. It is
// read for each connection, since other processes may add to it.
type learntKeys struct{ path string }

// learning keeps the processes' own connections from learning two keys at once.
var learning sync.Mutex

// check accepts the key that the file has for a server, and the first one of a server
// that it has none for.
func (l *learntKeys) check(address string, remote net.Addr, key ssh.PublicKey, note noteFunc) error {
	learning.Lock()
	defer learning.Unlock()
	known, err := l.read()
	if err != nil {
		return err
	}
	err = known(address, remote, key)
	var wrong *knownhosts.KeyError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &wrong):
		return fmt.Errorf("%w: %w", ErrHostKey, err) // revoked
	case len(wrong.Want) > 0:
		return fmt.Errorf("%w: it showed %s %s, and line %d of %s has another key. If the server was given a new key, as its operator can tell, remove that line",
			ErrHostKey, key.Type(), ssh.FingerprintSHA256(key), wrong.Want[0].Line, l.path)
	}
	if err := l.add(knownhosts.Line([]string{knownhosts.Normalize(address)}, key)); err != nil {
		return fmt.Errorf("%w: the key of %s cannot be kept: %w", ErrHostKey, address, err)
	}
	note("the host key of %s was not known; %s %s is now in %s", address, key.Type(), ssh.FingerprintSHA256(key), l.path)
	return nil
}

// kinds are the algorithms of the keys that a server is known by.
func (l *learntKeys) kinds(address string) []string {
	learning.Lock()
	defer learning.Unlock()
	known, err := l.read()
	if err != nil {
		return nil // check says why
	}
	return knownKinds(known, address)
}

func (l *learntKeys) read() (ssh.HostKeyCallback, error) {
	known, err := knownhosts.New(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		known, err = knownhosts.New()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the known_hosts file cannot be read: %w", ErrHostKey, err)
	}
	return known, nil
}

// add writes a line at once, on the disk, and on a line of its own.
func (l *learntKeys) add(line string) error {
	text := line + "\n"
	if old, err := os.ReadFile(l.path); err == nil && len(old) > 0 && old[len(old)-1] != '\n' {
		text = "\n" + text
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
