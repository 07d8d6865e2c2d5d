package sftpexport

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
)

// frame is a message of the server.
func frame(kind byte, id uint32, body ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(5+len(body)))
	return append(binary.BigEndian.AppendUint32(append(b, kind), id), body...)
}

func TestAnswersGoToWhoAsked(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	w := newWire(ours, ours)
	client := make(chan []byte)
	go func() {
		got, _ := io.ReadAll(w)
		client <- got
	}()
	served := make(chan error, 1)
	go func() {
		// Three requests come in one write, and are answered in another order, with an
		// answer to the client between them.
		sent := make([]byte, 1<<10)
		n, err := theirs.Read(sent)
		var ids []uint32
		for rest := sent[:n]; len(rest) > 0; rest = rest[4+binary.BigEndian.Uint32(rest):] {
			ids = append(ids, binary.BigEndian.Uint32(rest[5:]))
		}
		if len(ids) != 3 {
			served <- errors.New("there were not three requests in one write")
			return
		}
		attrs := []byte{0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 5}
		for _, m := range [][]byte{
			frame(fxpStatus, ids[2], 0, 0, 0, 2), frame(fxpStatus, 17, 0, 0, 0, 0), frame(fxpAttrs, ids[1], attrs...), frame(fxpHandle, ids[0], 0, 0, 0, 1, 'h'),
		} {
			_, writeErr := theirs.Write(m)
			err = errors.Join(err, writeErr)
		}
		served <- errors.Join(err, theirs.Close())
	}()
	answers := w.exchange(openMessage("/a", openWrite), statMessage("h"), closeMessage("h"))
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if a := answers[0]; a.handle != "h" || a.err != nil {
		t.Errorf("the handle is %+v", a)
	}
	if a := answers[1]; a.err != nil || a.attrs == nil || a.attrs.size != 7 || !a.attrs.modified.Equal(time.Unix(5, 0)) {
		t.Errorf("the attributes are %+v", a)
	}
	if a := answers[2]; !errors.Is(a.err, fs.ErrNotExist) {
		t.Errorf("the status is %+v", a)
	}
	if got, want := <-client, string(frame(fxpStatus, 17, 0, 0, 0, 0)); string(got) != want {
		t.Errorf("the client got %q", got)
	}
	if a := w.exchange(statMessage("h"))[0]; !errors.Is(a.err, io.EOF) || answered(a.err) {
		t.Errorf("behind the end the answer is %+v", a)
	}
}

func TestWhatAClientWritesInPiecesIsSentWhole(t *testing.T) {
	t.Parallel()
	var sent [][]byte
	w := newWire(nil, writeCloser(func(p []byte) { sent = append(sent, append([]byte(nil), p...)) }))
	m := frame(fxpWrite, 1, []byte("0123456789")...)
	for i := range m {
		if i == 6 {
			if err := w.send([]byte("ours")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Write(m[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent) != 2 || string(sent[0]) != "ours" || string(sent[1]) != string(m) {
		t.Errorf("sent were %q", sent)
	}
	if _, err := w.Write(frame(fxpClose, firstID)); err == nil {
		t.Error("the client may use our ids")
	}
}

// writeCloser calls a function for each write.
type writeCloser func([]byte)

func (f writeCloser) Write(p []byte) (int, error) { f(p); return len(p), nil }
func (writeCloser) Close() error                  { return nil }

func TestRefusalsAreWhatTheClientMakesOfThem(t *testing.T) {
	t.Parallel()
	for code, want := range map[byte]error{2: fs.ErrNotExist, 3: fs.ErrPermission, 0: nil} {
		if a := parseAnswer(fxpStatus, []byte{0, 0, 0, code}); !errors.Is(a.err, want) {
			t.Errorf("code %d is %v", code, a.err)
		}
	}
	a := parseAnswer(fxpStatus, append([]byte{0, 0, 0, 8, 0, 0, 0, 4}, "nope"...))
	var status *sftp.StatusError
	if !errors.As(a.err, &status) || !unsupported(a.err) || !answered(a.err) || !strings.Contains(a.err.Error(), "nope") {
		t.Errorf("the refusal is %v", a.err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(byte(fxpStatus), []byte{0, 0, 0, 4, 0, 0, 0, 1, 'x'})
	f.Add(byte(fxpHandle), []byte{0, 0, 0, 1, 'h'})
	f.Add(byte(fxpAttrs), []byte{0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		a := parseAnswer(kind, body)
		if a.err != nil && (a.handle != "" || a.attrs != nil || a.data != nil) {
			t.Errorf("%+v", a)
		}
		if a.err != nil {
			fuzzing.CheckMessage(t, a.err.Error())
		}
		if ok := kind == fxpStatus && len(body) > 3 && string(body[:4]) == "\x00\x00\x00\x00"; ok != (a.err == nil && kind == fxpStatus) {
			t.Errorf("the status %x is %v", body, a.err)
		}
		if text := a.handle + string(a.data); kind != fxpExtendedReply && text != "" && string(appendString(nil, text)) != string(body[:4+len(text)]) {
			t.Errorf("%x is %q", body, text)
		}
	})
}

func TestMessagesOfAnImpossibleLengthEndTheConnection(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{"nothing": "\x00\x00\x00\x00", "too much": "\xff\xff\xff\xff", "less than it says": "\x00\x00\x00\x09x"} {
		w := newWire(strings.NewReader(sent), writeCloser(func([]byte) {}))
		if _, err := w.Read(make([]byte, 9)); err == nil {
			t.Errorf("%s: there is no error", name)
		}
		if a := w.exchange(statMessage("h"))[0]; a.err == nil || answered(a.err) {
			t.Errorf("%s: the answer is %+v", name, a)
		}
	}
}
