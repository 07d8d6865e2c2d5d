package sftpexport

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// hostKeys are the keys that a server may have.
type hostKeys struct {
	any          bool
	fingerprints []string        // SHA256:…
	keys         []ssh.PublicKey // pinned for whatever host is asked for
	lines        []byte          // of a known_hosts file
	known        ssh.HostKeyCallback
}

const howToGetHostKey = `get it from the server's operator, or with: ssh-keyscan -p %d %s | ssh-keygen -lf - (and compare with the operator's)`

// compileHostKeys reads the keys of the settings and those that the program
// trusts.
func (c *Credentials) compileHostKeys(faults *settings.Faults, more []string) *hostKeys {
	h := &hostKeys{any: c.InsecureIgnoreHostKey}
	for line := range strings.Lines(c.HostKey) {
		if line = strings.TrimSpace(line); line != "" {
			h.pin(faults, "credentials.host_key", line)
		}
	}
	h.addKnown(faults, "credentials.known_hosts", c.KnownHosts)
	for i, line := range more {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "SHA256:") {
			h.pin(faults, settings.Index("HostKeys", i), line)
		} else {
			h.addKnown(faults, settings.Index("HostKeys", i), line)
		}
	}
	if h.lines != nil {
		var err error
		if h.known, err = knownHosts(h.lines); err != nil {
			faults.Add("credentials.known_hosts", "cannot be read: %v", err)
		}
	}
	given := len(h.fingerprints)+len(h.keys)+len(h.lines) > 0
	switch {
	case given && h.any:
		faults.Add("credentials.insecure_ignore_host_key", "stands beside a host key; keep one")
	case !given && !h.any && c.HostKey == "" && c.KnownHosts == "" && len(more) == 0:
		faults.Add("credentials.host_key", "is missing, so that anybody could pose as the server: "+howToGetHostKey+
			"; or set known_hosts, or insecure_ignore_host_key, which checks nothing", c.port(), c.Host)
	}
	return h
}

// pin reads one line of host_key: a fingerprint, a key as in a .pub file, or what
// ssh-keyscan prints, which has the host in front.
func (h *hostKeys) pin(faults *settings.Faults, place, line string) {
	if strings.HasPrefix(line, "#") {
		return
	}
	if sum, ok := strings.CutPrefix(line, "SHA256:"); ok {
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(sum, "="))
		if err != nil || len(raw) != 32 {
			faults.Add(place, "%q is no SHA256 fingerprint, which has 43 characters behind SHA256:", line)
			return
		}
		h.fingerprints = append(h.fingerprints, "SHA256:"+base64.RawStdEncoding.EncodeToString(raw))
		return
	}
	fields := strings.Fields(line)
	for i := range min(2, len(fields)) {
		if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(strings.Join(fields[i:], " "))); err == nil && strings.HasPrefix(fields[i], key.Type()) {
			h.keys = append(h.keys, key)
			return
		}
	}
	faults.Add(place, `%q is neither a public key ("ssh-ed25519 AAAA…") nor a fingerprint ("SHA256:…")`, naming.Shorten(line, 60))
}

func (h *hostKeys) addKnown(faults *settings.Faults, place, text string) {
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		_, hosts, _, _, _, err := ssh.ParseKnownHosts([]byte(line + "\n"))
		if err == nil && slices.Contains(hosts, "") {
			err = fmt.Errorf("it names no host")
		}
		if err != nil {
			faults.Add(place, `line %d is no line of a known_hosts file ("host ssh-ed25519 AAAA…"): %v`, n, err)
			continue
		}
		h.lines = append(append(h.lines, line...), '\n')
	}
}

// check is a [ssh.HostKeyCallback]. address is as it was dialled: the name of the
// settings, not what it resolves to.
func (h *hostKeys) check(address string, remote net.Addr, key ssh.PublicKey) error {
	if h.any || slices.Contains(h.fingerprints, ssh.FingerprintSHA256(key)) {
		return nil
	}
	for _, k := range h.keys {
		if bytes.Equal(k.Marshal(), key.Marshal()) {
			return nil
		}
	}
	if h.known != nil && h.known(address, remote, key) == nil {
		return nil
	}
	return fmt.Errorf("%w: it showed %s %s. If the server was given a new key, its operator can tell you; otherwise somebody stands between",
		ErrHostKey, key.Type(), ssh.FingerprintSHA256(key))
}

// knownHosts makes a callback of lines. The library reads files only, so the
// lines go through one.
func knownHosts(lines []byte) (ssh.HostKeyCallback, error) {
	f, err := os.CreateTemp("", "known_hosts-*")
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = f.Close(), os.Remove(f.Name()) }()
	if _, err := f.Write(lines); err != nil {
		return nil, err
	}
	return knownhosts.New(f.Name())
}

// algorithms asks the server for a key of a kind that is known, since a server
// with several would else show one that nobody has told us. nil leaves the choice
// to the client: a fingerprint does not tell its kind.
func (h *hostKeys) algorithms(address string) []string {
	if h.any || len(h.fingerprints) > 0 {
		return nil
	}
	var kinds []string
	for _, k := range h.keys {
		kinds = append(kinds, algorithmsOf(k.Type())...)
	}
	if h.known == nil {
		return kinds
	}
	// What the host's keys are stands in the error for a key that is none of them.
	nobody, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	var wrong *knownhosts.KeyError
	if err == nil && errors.As(h.known(address, &net.TCPAddr{}, nobody), &wrong) {
		for _, k := range wrong.Want {
			kinds = append(kinds, algorithmsOf(k.Key.Type())...)
		}
	}
	return kinds
}

func algorithmsOf(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}
