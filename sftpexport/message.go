package sftpexport

import (
	"context"
	"encoding/binary"
)

// Kinds of messages, and bounds, of version 3 of the protocol
// (draft-ietf-secsh-filexfer-02).
const (
	fxpOpen          = 3
	fxpClose         = 4
	fxpRead          = 5
	fxpWrite         = 6
	fxpLstat         = 7
	fxpFstat         = 8
	fxpRemove        = 13
	fxpMkdir         = 14
	fxpStat          = 17
	fxpRename        = 18
	fxpExtended      = 200
	fxpStatus        = 101
	fxpHandle        = 102
	fxpData          = 103
	fxpName          = 104
	fxpAttrs         = 105
	fxpExtendedReply = 201

	// Codes of versions 4 to 6 that servers use in version 3, too.
	fxNoSuchPath    = 10
	fxAlreadyExists = 11
	fxNoSpace       = 14
	fxQuotaExceeded = 15

	openRead        = 0x01
	openWrite       = 0x02
	openCreate      = 0x08
	openTruncate    = 0x10
	openExclusively = 0x20

	firstID    = 1 << 31   // of ours
	maxMessage = 256 << 10 // as pkg/sftp has it
	headLength = 4 + 1 + 4 // length, kind, id
)

// message is a request without its id.
type message struct {
	kind byte
	body []byte
}

func openMessage(path string, flags uint32) message {
	body := appendString(nil, path)
	body = binary.BigEndian.AppendUint32(body, flags)
	return message{fxpOpen, binary.BigEndian.AppendUint32(body, 0)} // no attributes
}

func writeMessage(handle string, data []byte) message {
	body := make([]byte, 0, 4+len(handle)+8+4+len(data))
	body = binary.BigEndian.AppendUint64(appendString(body, handle), 0)
	body = binary.BigEndian.AppendUint32(body, uint32(len(data)))
	return message{fxpWrite, append(body, data...)}
}

func readMessage(handle string, offset uint64, length uint32) message {
	body := binary.BigEndian.AppendUint64(appendString(nil, handle), offset)
	return message{fxpRead, binary.BigEndian.AppendUint32(body, length)}
}

func syncMessage(handle string) message { return extendedMessage("fsync@openssh.com", handle) }

func pathMessage(kind byte, paths ...string) message {
	m := message{kind: kind}
	for _, path := range paths {
		m.body = appendString(m.body, path)
	}
	if kind == fxpMkdir {
		m.body = binary.BigEndian.AppendUint32(m.body, 0) // no attributes
	}
	return m
}

func extendedMessage(name string, texts ...string) message {
	return pathMessage(fxpExtended, append([]string{name}, texts...)...)
}

func lookMessage(path string) message { return pathMessage(fxpLstat, path) }

func statMessage(handle string) message { return message{fxpFstat, appendString(nil, handle)} }

func closeMessage(handle string) message { return message{fxpClose, appendString(nil, handle)} }

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// request sends one request, and waits for its answer.
func (c *connection) request(ctx context.Context, m message) (answer, error) {
	return ask(ctx, func() (answer, error) {
		a := c.wire.exchange(m)[0]
		return a, a.err
	})
}

// op is request for an operation that answers yes or no.
func (c *connection) op(ctx context.Context, m message) error {
	_, err := c.request(ctx, m)
	return err
}

// has reports whether the server has announced an extension.
func (c *connection) has(extension string) bool {
	_, ok := c.HasExtension(extension)
	return ok
}
