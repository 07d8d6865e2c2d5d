package sftpexport

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// FuzzHostKeys reads keys as people paste them. Whoever gives text has keys, or is told.
func FuzzHostKeys(f *testing.F) {
	for _, key := range fuzzing.Files(f, "sftpexport/internal/sshkey/testdata/*.pub") {
		f.Add(string(key), "")
		f.Add("", "sftp.example.com "+string(key))
	}
	f.Add("SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg", "")
	f.Add("MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff", "@revoked * ssh-rsa AAAA")
	f.Add("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"a\\\nb\"\nAAAA\n---- END SSH2 PUBLIC KEY ----", "|1|aa|bb ssh-ed25519 AAAA")
	nobody, err := ssh.NewPublicKey(ed25519.PublicKey(bytes.Repeat([]byte{7}, ed25519.PublicKeySize)))
	if err != nil {
		f.Fatal(err)
	}
	const printed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=-@. \n"
	f.Fuzz(func(t *testing.T, hostKey, known string) {
		var faults settings.Faults
		c := &Credentials{Host: "h", HostKey: hostKey, KnownHosts: known}
		h := c.compileHostKeys(&faults, nil, "")
		err := faults.Err()
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
		}
		if hostKey == "" && known == "" && err == nil {
			t.Error("no key, and no fault")
		}
		if h.check("h:22", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 22}, nobody, nil) == nil {
			t.Errorf("%q and %q let a key in that they do not have", hostKey, known)
		}
		key, _, _, _, unread := ssh.ParseAuthorizedKey([]byte(hostKey))
		if unread != nil || len(strings.Split(hostKey, "\n")) > 2 || strings.Trim(hostKey, printed) != "" || len(strings.Fields(hostKey)) != 3 || strings.Contains(hostKey, "SHA256:") {
			return // no line of a .pub file
		}
		if err := h.check("h:22", nil, key, nil); err != nil {
			t.Errorf("%q does not let its own key in: %v", hostKey, err)
		}
	})
}

// FuzzWire reads what a server may send: the client gets whole messages of a bounded
// length, and whoever waits is never left waiting.
func FuzzWire(f *testing.F) {
	f.Add(frame(fxpStatus, 17, 0, 0, 0, 0))
	f.Add(append(frame(fxpHandle, 1, 0, 0, 0, 1, 'h'), frame(fxpAttrs, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7)...))
	f.Add([]byte("Welcome to the server\r\n"))
	f.Add(frame(104, 3, 0, 0, 0, 1, 0, 0, 0, 1, 'a', 0, 0, 0, 1, 'b', 0, 0, 0, 0)) // a name with its longname
	f.Fuzz(func(t *testing.T, stream []byte) {
		w := newWire(bytes.NewReader(stream), writeCloser(func([]byte) {}))
		got, err := io.ReadAll(w)
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
		}
		if len(got) > len(stream) {
			t.Fatalf("%d bytes became %d", len(stream), len(got))
		}
		for rest := got; len(rest) > 0; {
			if len(rest) < 4 || uint64(len(rest)) < 4+uint64(binary.BigEndian.Uint32(rest)) {
				t.Fatalf("%x is a part of a message", rest)
			}
			rest = rest[4+binary.BigEndian.Uint32(rest):]
		}
		if a := w.exchange(statMessage("h"))[0]; a.err == nil {
			t.Errorf("there is an answer after the end: %+v", a)
		}
	})
}
