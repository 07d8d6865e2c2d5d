package sftpexport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
)

// wire is what a [sftp.Client] and its server talk over. Requests of one's own can go
// along with the client's, several in one write: the client waits for each answer
// before it sends the next request, which makes small files slow. Answers are told
// apart by their ids; ours have the highest bit set.
type wire struct {
	r io.Reader
	w io.WriteCloser

	sending sync.Mutex
	partial []byte       // guarded by sending: what the client has written of a message
	flights atomic.Int64 // writes so far

	unread, buffer []byte // of the goroutine that reads: what the client has not read yet

	mu      sync.Mutex
	nextID  uint32
	waiting map[uint32]chan<- answer
	err     error // why there will be no more answers
}

// answer is a server's answer to a request.
type answer struct {
	handle string
	attrs  *fileAttrs
	err    error // a [statusError] or an error of package io/fs, or that of the connection
}

// fileAttrs is what is of interest about a file.
type fileAttrs struct {
	size     int64
	modified time.Time // by the server's clock
}

func attrsOf(info fs.FileInfo) *fileAttrs { return &fileAttrs{info.Size(), info.ModTime()} }

func newWire(r io.Reader, w io.WriteCloser) *wire {
	return &wire{r: r, w: w, waiting: make(map[uint32]chan<- answer)}
}

// Kinds of messages, and bounds, of version 3 of the protocol
// (draft-ietf-secsh-filexfer-02).
const (
	fxpOpen     = 3
	fxpClose    = 4
	fxpWrite    = 6
	fxpLstat    = 7
	fxpFstat    = 8
	fxpExtended = 200
	fxpStatus   = 101
	fxpHandle   = 102
	fxpAttrs    = 105

	openWriteCreateExclusively = 0x02 | 0x08 | 0x20

	firstID    = 1 << 31   // of ours
	maxMessage = 256 << 10 // as pkg/sftp has it
	headLength = 4 + 1 + 4 // length, kind, id
)

// message is a request without its id.
type message struct {
	kind byte
	body []byte
}

func openMessage(path string) message {
	body := appendString(nil, path)
	body = binary.BigEndian.AppendUint32(body, openWriteCreateExclusively)
	return message{fxpOpen, binary.BigEndian.AppendUint32(body, 0)} // no attributes
}

func writeMessage(handle string, data []byte) message {
	body := make([]byte, 0, 4+len(handle)+8+4+len(data))
	body = binary.BigEndian.AppendUint64(appendString(body, handle), 0)
	body = binary.BigEndian.AppendUint32(body, uint32(len(data)))
	return message{fxpWrite, append(body, data...)}
}

func syncMessage(handle string) message {
	return message{fxpExtended, appendString(appendString(nil, "fsync@openssh.com"), handle)}
}

func lookMessage(path string) message { return message{fxpLstat, appendString(nil, path)} }

func statMessage(handle string) message { return message{fxpFstat, appendString(nil, handle)} }

func closeMessage(handle string) message { return message{fxpClose, appendString(nil, handle)} }

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// exchange sends requests together, and returns their answers in the same order. It
// waits as long as the connection lasts.
func (w *wire) exchange(requests ...message) []answer {
	answers := make([]answer, len(requests))
	channels := make([]chan answer, len(requests))
	var out []byte
	w.mu.Lock()
	err := w.err
	for i, m := range requests {
		if err != nil {
			break
		}
		channels[i] = make(chan answer, 1)
		id := firstID | w.nextID
		w.nextID = (w.nextID + 1) % firstID
		w.waiting[id] = channels[i]
		out = binary.BigEndian.AppendUint32(out, uint32(1+4+len(m.body)))
		out = append(out, m.kind)
		out = append(binary.BigEndian.AppendUint32(out, id), m.body...)
	}
	w.mu.Unlock()
	if err == nil {
		if err = w.send(out); err != nil {
			w.fail(err)
		}
	}
	for i, c := range channels {
		if c == nil {
			answers[i].err = err
		} else {
			answers[i] = <-c
		}
	}
	return answers
}

// openUnless makes a file and looks whether a name is taken, in one round trip. If it
// is, the error is ErrExists, and the file, if it could be made, is there and closed.
func (w *wire) openUnless(path, name string) (handle string, err error) {
	answers := w.exchange(lookMessage(name), openMessage(path))
	if answers[0].err != nil { // those who may not look will be told when it gets its name
		return answers[1].handle, answers[1].err
	}
	if answers[1].err == nil {
		_ = w.exchange(closeMessage(answers[1].handle))
	}
	return "", ErrExists
}

// send writes whole messages, never amid one of the client's.
func (w *wire) send(messages []byte) error {
	w.sending.Lock()
	defer w.sending.Unlock()
	return w.write(messages)
}

// write is called with sending locked.
func (w *wire) write(messages []byte) error {
	w.flights.Add(1)
	_, err := w.w.Write(messages)
	return err
}

// Write takes what the client sends, and passes it on in whole messages.
func (w *wire) Write(p []byte) (int, error) {
	w.sending.Lock()
	defer w.sending.Unlock()
	w.partial = append(w.partial, p...)
	whole := 0
	for rest := w.partial; len(rest) >= 4; rest = w.partial[whole:] {
		length := 4 + int(binary.BigEndian.Uint32(rest))
		if length > len(rest) {
			break
		}
		if length >= headLength && binary.BigEndian.Uint32(rest[5:]) >= firstID {
			return 0, errors.New("the connection has had all the requests that it can") // 70 TB at least
		}
		whole += length
	}
	if whole == 0 {
		return len(p), nil
	}
	if err := w.write(w.partial[:whole]); err != nil {
		return 0, err
	}
	w.partial = append(w.partial[:0], w.partial[whole:]...)
	return len(p), nil
}

// Read gives the client its answers, and passes others on to those who wait.
func (w *wire) Read(p []byte) (int, error) {
	for len(w.unread) == 0 {
		m, err := w.receive()
		if err != nil {
			w.fail(err)
			return 0, err
		}
		if !w.deliver(m) {
			w.unread = m
		}
	}
	n := copy(p, w.unread)
	w.unread = w.unread[n:]
	return n, nil
}

// receive reads a message. It is good until the next call.
func (w *wire) receive() ([]byte, error) {
	w.buffer = append(w.buffer[:0], 0, 0, 0, 0)
	if _, err := io.ReadFull(w.r, w.buffer); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(w.buffer)
	if length == 0 || length > maxMessage {
		return nil, fmt.Errorf("the server sends something else than SFTP, which begins with %q", w.buffer)
	}
	w.buffer = append(w.buffer, make([]byte, length)...)
	if _, err := io.ReadFull(w.r, w.buffer[4:]); err != nil {
		return nil, fmt.Errorf("%w: a message ends early", err)
	}
	return w.buffer, nil
}

// deliver hands an answer to who waits for it. It reports false if that is the client.
func (w *wire) deliver(m []byte) bool {
	if len(m) < headLength {
		return false
	}
	id := binary.BigEndian.Uint32(m[5:])
	w.mu.Lock()
	to := w.waiting[id]
	delete(w.waiting, id)
	w.mu.Unlock()
	if to == nil {
		return false
	}
	to <- parseAnswer(m[4], m[headLength:])
	return true
}

// fail gives up: who waits gets the error.
func (w *wire) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	for id, to := range w.waiting {
		to <- answer{err: w.err}
		delete(w.waiting, id)
	}
}

// Close ends what is sent. Who waits gets an error.
func (w *wire) Close() error {
	w.fail(sftp.ErrSSHFxConnectionLost)
	return w.w.Close()
}

// statusError is a server's refusal, with its own words.
type statusError struct {
	*sftp.StatusError
	text string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%v: the server says %q", e.FxCode(), e.text)
}
func (e *statusError) Unwrap() error { return e.StatusError }

var errMalformed = errors.New("the server's answer is malformed")

func parseAnswer(kind byte, body []byte) answer {
	switch kind {
	case fxpStatus:
		if len(body) < 4 {
			break
		}
		text, _, _ := cutString(body[4:]) // older servers have none
		return answer{err: statusOfCode(binary.BigEndian.Uint32(body), text)}
	case fxpHandle:
		if handle, _, ok := cutString(body); ok {
			return answer{handle: handle}
		}
	case fxpAttrs:
		if attrs, ok := parseAttrs(body); ok {
			return answer{attrs: attrs}
		}
	}
	return answer{err: errMalformed}
}

// statusOfCode makes the errors of a code that pkg/sftp makes of it.
func statusOfCode(code uint32, text string) error {
	status := &sftp.StatusError{Code: code}
	switch status.FxCode() {
	case sftp.ErrSSHFxOk:
		return nil
	case sftp.ErrSSHFxNoSuchFile:
		return fs.ErrNotExist
	case sftp.ErrSSHFxPermissionDenied:
		return fs.ErrPermission
	}
	return &statusError{status, text}
}

// parseAttrs reads size and time. It returns nil if the server did not tell both.
func parseAttrs(b []byte) (*fileAttrs, bool) {
	if len(b) < 4 {
		return nil, false
	}
	flags, b := binary.BigEndian.Uint32(b), b[4:]
	if flags&0x1 == 0 || flags&0x8 == 0 {
		return nil, true
	}
	at := 8
	if flags&0x2 != 0 {
		at += 8 // user and group
	}
	if flags&0x4 != 0 {
		at += 4 // permissions
	}
	if len(b) < at+8 { // access and modification
		return nil, false
	}
	size, modified := binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[at+4:])
	return &fileAttrs{int64(size), time.Unix(int64(modified), 0)}, true
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 4 {
		return "", nil, false
	}
	n := int64(binary.BigEndian.Uint32(b))
	if b = b[4:]; n > int64(len(b)) {
		return "", nil, false
	}
	return string(b[:n]), b[n:], true
}
