package sftpexport

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// hostKeys are the keys that a server may have.
type hostKeys struct {
	any          bool
	fingerprints []string        // SHA256:…
	keys         []ssh.PublicKey // pinned for whatever host is asked for
	lines        []byte          // of a known_hosts file
	known        ssh.HostKeyCallback
	learnt       *learntKeys // nil if none are learnt
}

const howToGetHostKey = `get it from the server's operator, or with: ssh-keyscan -p %d %s | ssh-keygen -lf - (and compare with the operator's)`

// compileHostKeys reads the keys of the settings and those that the program
// trusts.
func (c *Credentials) compileHostKeys(faults *settings.Faults, more []string, file string) *hostKeys {
	h := &hostKeys{any: c.InsecureIgnoreHostKey}
	for line := range strings.Lines(joinSSH2(c.HostKey)) {
		if line = strings.TrimSpace(line); line != "" {
			h.pin(faults, "credentials.host_key", line)
		}
	}
	h.addKnown(faults, "credentials.known_hosts", c.KnownHosts)
	for i, line := range more {
		if line = strings.TrimSpace(line); strings.Contains(line, "SHA256:") {
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
		faults.Add("credentials.insecure_ignore_host_key", "conflicts with a host key; keep one of them")
	case !given && !h.any && file != "":
		h.learnt = &learntKeys{path: file}
	case !given && !h.any && c.HostKey == "" && c.KnownHosts == "" && len(more) == 0:
		faults.Add("credentials.host_key", "is missing, so anybody could pose as the server: "+howToGetHostKey+
			"; or set known_hosts, have the program learn it (Step.KnownHostsFile; exportrun -known-hosts FILE), or set insecure_ignore_host_key, which checks nothing", c.port(), c.Host)
	}
	return h
}

// ssh2Key is a public key as RFC 4716 has it: headers, which a backslash may continue, and
// a key over several lines.
var ssh2Key = regexp.MustCompile(`(?s)---- BEGIN SSH2 PUBLIC KEY ----(.*?)---- END SSH2 PUBLIC KEY ----`)

var ssh2Header = regexp.MustCompile(`(?m)^[^\s:]+:(.*\\\r?\n)*.*$`)

// joinSSH2 puts such keys on one line each.
func joinSSH2(text string) string {
	return ssh2Key.ReplaceAllStringFunc(text, func(key string) string {
		body := ssh2Key.FindStringSubmatch(key)[1]
		return strings.Join(strings.Fields(ssh2Header.ReplaceAllString(body, "")), "")
	})
}

// pin reads one line of host_key: a fingerprint, as it is or as programs print it; or a key
// as in a .pub file, alone, or with the host in front.
func (h *hostKeys) pin(faults *settings.Faults, place, line string) {
	if strings.HasPrefix(line, "#") {
		return
	}
	fields := strings.Fields(line)
	for i, field := range fields[:min(8, len(fields))] {
		sum, isMarked := strings.CutPrefix(field, "SHA256:")
		raw := sum256(sum, isMarked)
		switch {
		case raw != nil:
			h.fingerprints = append(h.fingerprints, "SHA256:"+base64.RawStdEncoding.EncodeToString(raw))
			return
		case isMarked && i < 2:
			faults.Add(place, "%q is not a SHA256 fingerprint, which has 43 characters after SHA256:", line)
			return
		}
		if raw, err := base64.StdEncoding.DecodeString(field); err == nil && i < 4 {
			if key, err := ssh.ParsePublicKey(raw); err == nil {
				h.keys = append(h.keys, key)
				return
			}
		}
	}
	if strings.Contains(line, "MD5:") || md5Fingerprint.MatchString(line) {
		faults.Add(place, "%q is an MD5 fingerprint, which is too weak to tell servers apart; ssh-keygen -lf shows the SHA256 one", naming.Excerpt(line, 60))
		return
	}
	faults.Add(place, `%q is neither a public key ("ssh-ed25519 AAAA…") nor a fingerprint ("SHA256:…")`, naming.Excerpt(line, 60))
}

// sum256 reads a SHA-256 sum: base64 with or without its mark, as WinSCP prints it after
// the kind of key; or hexadecimal, as records of DNS have it (SSHFP), also with colons.
func sum256(text string, isMarked bool) []byte {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(raw) != sha256.Size {
		text = strings.TrimRight(text, "=")
		if raw, err = base64.RawStdEncoding.DecodeString(text); err != nil && !isMarked {
			raw, err = base64.RawURLEncoding.DecodeString(text)
		}
	}
	if err != nil || len(raw) != sha256.Size {
		return nil
	}
	return raw
}

var md5Fingerprint = regexp.MustCompile(`(?i)\b([0-9a-f]{2}:){15}[0-9a-f]{2}\b`)

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
			faults.Add(place, `line %d is not a line of a known_hosts file ("host ssh-ed25519 AAAA…"): %v`, n, err)
			continue
		}
		h.lines = append(append(h.lines, line...), '\n')
	}
}

// check is a [ssh.HostKeyCallback]. address is as it was dialled: the name of the
// settings, not what it resolves to.
func (h *hostKeys) check(address string, remote net.Addr, key ssh.PublicKey, note noteFunc) error {
	if h.learnt != nil {
		return h.learnt.check(address, remote, key, note)
	}
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
	return fmt.Errorf("%w: it showed %s %s. If the server was given a new key, its operator can tell you; otherwise somebody may be intercepting the connection",
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
	if h.known != nil {
		kinds = append(kinds, knownKinds(h.known, address)...)
	}
	if h.learnt != nil {
		kinds = h.learnt.kinds(address)
	}
	return kinds
}

// knownKinds are the algorithms of the keys that a host is known by. They stand in the
// error for a key that is none of them.
func knownKinds(known ssh.HostKeyCallback, address string) (kinds []string) {
	nobody, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	var wrong *knownhosts.KeyError
	if err == nil && errors.As(known(address, &net.TCPAddr{}, nobody), &wrong) {
		for _, k := range wrong.Want {
			kinds = append(kinds, algorithmsOf(k.Key.Type())...)
		}
	}
	return kinds
}

// algorithmsOf are the signatures that a key can make. A key that is pinned proves who
// the server is with SHA-1, too: a forged signature needs more than a collision.
func algorithmsOf(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	return []string{keyType}
}
