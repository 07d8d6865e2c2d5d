package httpcall

import (
	"bytes"
	"strings"
	"sync"
)

// maxRecorded is how much of a reply's header is recorded, in bytes; net/http refuses
// a longer one.
const maxRecorded = 1<<20 + 1<<12

// recorder keeps the header of one reply as it comes over a connection: net/http spells its
// names anew and forgets their order. It belongs to the request, not to the connection, which
// net/http gives to the next request before it hands out a reply that has no body. A nil one
// keeps nothing.
type recorder struct {
	mu      sync.Mutex
	on      bool   // the header can be read, and has not ended
	head    []byte // of the reply, from its status line
	sending bool   // the request has begun to leave
	replied bool   // something has come since then
}

// fresh reports that nothing has left or come.
func (r *recorder) fresh() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.sending && len(r.head) == 0
}

// send notes that something of the request is about to be written.
func (r *recorder) send() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sending = true
}

// unasked reports that nothing has come since the request began to leave. What net/http
// takes for its reply came before it: the server sent it beyond the end of the last one.
func (r *recorder) unasked() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.replied
}

// add takes what was read from the connection.
func (r *recorder) add(data []byte) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replied = r.replied || r.sending && len(data) > 0
	if !r.on {
		return
	}
	r.head = append(r.head, data...)
	for {
		end := endOfHeader(r.head)
		switch {
		case end < 0 && len(r.head) > maxRecorded:
			r.on, r.head = false, nil
			return
		case end < 0:
			return
		case !isInterim(r.head):
			r.on, r.head = false, bytes.Clone(r.head[:end])
			return
		}
		r.head = r.head[end:]
	}
}

// endOfHeader returns where the empty line after a header ends, -1 if it has not come.
func endOfHeader(head []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(head[at:], '\n')
		if i < 0 {
			return -1
		}
		line := head[at : at+i]
		first := at == 0
		if at += i + 1; len(bytes.TrimSuffix(line, []byte("\r"))) == 0 && !first {
			return at
		}
	}
}

// isInterim reports a reply before the real one, such as 100 Continue.
func isInterim(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	_, status, _ := bytes.Cut(line, []byte(" "))
	status = bytes.TrimLeft(bytes.TrimSuffix(status, []byte("\r")), " ")
	return len(status) >= 3 && status[0] == '1' && !bytes.HasPrefix(status, []byte("101"))
}

// fields returns the names and values of the header, nil if there is none yet.
func (r *recorder) fields() (all [][2]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on {
		return nil
	}
	_, rest, _ := strings.Cut(string(r.head), "\n")
	for line := range strings.SplitSeq(rest, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line != "" && (line[0] == ' ' || line[0] == '\t') && len(all) > 0 {
			last := &all[len(all)-1]
			last[1] = strings.TrimLeft(last[1]+" "+strings.Trim(line, " \t"), " \t") // as net/http joins them
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok {
			all = append(all, [2]string{strings.TrimRight(name, " \t"), strings.Trim(value, " \t")})
		}
	}
	return all
}
