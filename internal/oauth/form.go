package oauth

import (
	"bufio"
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"net/url"
	"strings"
)

var (
	errEscape = errors.New("a broken %-escape")
	errFields = errors.New("more fields, or a longer name of one, than can be signed")
)

const (
	// maxHeld is how many bytes of a value are held, as it is sent. A longer one is read
	// again when it is needed.
	maxHeld = 1 << 20
	// maxPrefix is how many bytes of a longer one are held.
	maxPrefix = 4 << 10
	// maxFields bounds the fields of a form.
	maxFields = 1 << 18
)

// readForm lists the fields of an urlencoded text, as oauthlib does. Values of more than
// held bytes are not held.
func readForm(in io.Reader, held int) ([]parameter, error) {
	var list []parameter
	buffered := bufio.NewReaderSize(in, 64<<10)
	for at := int64(0); ; {
		f := rawField{held: held, from: at}
		err := f.read(buffered)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		at = f.to + 1
		if len(f.text) > 0 {
			p, err := f.parameter()
			if err != nil {
				return nil, err
			}
			if string(p.name) != "oauth_signature" {
				list = append(list, p)
			}
		}
		if len(list) > maxFields {
			return nil, errFields
		}
		if err != nil {
			return list, nil
		}
	}
}

// rawField is a field as it is sent.
type rawField struct {
	held     int
	from, to int64  // where it is
	text     []byte // without what is not held of its value
	long     bool
	sum      maphash.Hash // of a long value
}

// read reads a field, and the & after it. The error is [io.EOF] if there is none.
func (f *rawField) read(in *bufio.Reader) error {
	f.sum.SetSeed(seed)
	for f.to = f.from; ; {
		chunk, err := in.ReadSlice('&')
		if err == nil {
			chunk = chunk[:len(chunk)-1]
		}
		f.to += int64(len(chunk))
		if f.long {
			_, _ = f.sum.Write(chunk)
		} else if fault := f.hold(chunk); fault != nil {
			return fault
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// hold adds to the text of a field, until its value has become a long one.
func (f *rawField) hold(chunk []byte) error {
	f.text = append(f.text, chunk...)
	name, value, found := bytes.Cut(f.text, []byte{'='})
	switch {
	case !found && len(f.text) > max(f.held, maxHeld):
		return errFields
	case !found || len(value) <= f.held:
		return nil
	}
	_, _ = f.sum.Write(value)
	f.long, f.text = true, bytes.Clone(f.text[:min(len(f.text), len(name)+1+maxPrefix)])
	return nil
}

// parameter decodes the field.
func (f *rawField) parameter() (parameter, error) {
	rawName, rawValue, _ := strings.Cut(string(f.text), "=")
	name, err := url.QueryUnescape(rawName)
	if err != nil {
		return parameter{}, errEscape
	}
	p := parameter{name: []byte(valid(name))}
	own := strings.HasPrefix(string(p.name), "oauth_")
	if f.long {
		p.value = beginning(rawValue)
		p.long = &stretch{f.from + int64(len(rawName)) + 1, f.to, f.sum.Sum64()}
		if own {
			return parameter{}, errFields
		}
		return p, nil
	}
	value, err := url.QueryUnescape(rawValue)
	if err != nil {
		return parameter{}, errEscape
	}
	if value = valid(value); own {
		value = unquote(value)
	}
	p.value = []byte(value)
	return p, nil
}
