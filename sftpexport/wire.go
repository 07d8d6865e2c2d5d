package sftpexport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
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
	spoken         bool   // of the same: there was a message

	mu      sync.Mutex
	nextID  uint32
	waiting map[uint32]chan<- answer
	lists   map[*listing]bool // that the client makes
	err     error             // why there will be no more answers
}

// answer is a server's answer to a request.
type answer struct {
	handle string
	attrs  *fileAttrs
	data   []byte // read, or of an answer to an extension's request
	err    error  // a [statusError] or an error of package io/fs, or that of the connection
}

// fileAttrs is what is of interest about a file.
type fileAttrs struct {
	size     int64     // -1 if the server does not say
	modified time.Time // by the server's clock; zero if it does not say
	mode     uint32    // kind and permissions, as in Unix; 0 if it does not say
}

// Kinds of files in a mode.
const (
	modeKind      = 0o170000
	modeDirectory = 0o040000
	modeRegular   = 0o100000
)

func (a *fileAttrs) is(kind uint32) bool { return a.mode&modeKind == kind }

func attrsOf(info fs.FileInfo) *fileAttrs {
	a := &fileAttrs{size: info.Size(), modified: info.ModTime()}
	if info.Mode().IsRegular() {
		a.mode = modeRegular
	}
	return a
}

func newWire(r io.Reader, w io.WriteCloser) *wire {
	return &wire{r: r, w: w, waiting: make(map[uint32]chan<- answer)}
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
func (w *wire) openUnless(path string, flags uint32, name string) (handle string, err error) {
	answers := w.exchange(lookMessage(name), openMessage(path, flags))
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
			w.listed(m)
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
		more := make([]byte, 200)
		n := 0
		if !w.spoken {
			n, _ = w.r.Read(more)
		}
		return nil, fmt.Errorf("the server sends something else than SFTP, which begins with %q; if it is text, a login script of the user's prints it, and must not when no terminal is there",
			strings.ToValidUTF8(string(append(w.buffer, more[:n]...)), "?"))
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
	kind error // what package io/fs calls it, nil if it has no word for it
}

func (e *statusError) Error() string {
	what := fmt.Sprint(e.FxCode())
	if e.kind != nil {
		what = e.kind.Error()
	}
	if e.text == "" || strings.EqualFold(e.text, what) || e.kind != nil && plainWords[strings.ToLower(e.text)] {
		return what
	}
	return fmt.Sprintf("%s: the server says %q", what, e.text)
}

// plainWords are texts that say no more than the code does.
var plainWords = map[string]bool{"no such file": true, "permission denied": true, "no such file or directory": true}

func (e *statusError) Unwrap() []error {
	if e.kind != nil {
		return []error{e.StatusError, e.kind}
	}
	return []error{e.StatusError}
}

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
	case fxpExtendedReply:
		return answer{data: bytes.Clone(body)}
	case fxpData:
		if data, _, ok := cutString(body); ok {
			return answer{data: []byte(data)}
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
		return &statusError{status, text, fs.ErrNotExist}
	case sftp.ErrSSHFxPermissionDenied:
		return &statusError{status, text, fs.ErrPermission}
	}
	switch code {
	case fxNoSuchPath:
		return &statusError{status, text, fs.ErrNotExist}
	case fxAlreadyExists:
		return &statusError{status, text, fs.ErrExist}
	}
	return &statusError{status, text, nil}
}

// parseAttrs reads size, time and mode.
func parseAttrs(b []byte) (*fileAttrs, bool) {
	if len(b) < 4 {
		return nil, false
	}
	attrs := &fileAttrs{size: -1}
	flags, b := binary.BigEndian.Uint32(b), b[4:]
	for _, f := range []struct {
		flag   uint32
		length int
		read   func([]byte)
	}{
		{0x1, 8, func(b []byte) { attrs.size = int64(binary.BigEndian.Uint64(b)) }},
		{0x2, 8, func([]byte) {}}, // user and group
		{0x4, 4, func(b []byte) { attrs.mode = binary.BigEndian.Uint32(b) }},
		{0x8, 8, func(b []byte) { attrs.modified = time.Unix(int64(binary.BigEndian.Uint32(b[4:])), 0) }}, // after that of access
	} {
		if flags&f.flag == 0 {
			continue
		}
		if len(b) < f.length {
			return nil, false
		}
		f.read(b)
		b = b[f.length:]
	}
	return attrs, true
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
