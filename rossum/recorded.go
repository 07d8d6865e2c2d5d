package rossum

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// Keys of a hook call that differ when the platform calls again, or that must not be
// kept.
var (
	credentials = []string{"rossum_authorization_token", "secrets"}
	volatile    = []string{"request_id", "timestamp", "rossum_authorization_token", "secrets", "token_lifetime_s", "modifiers", "queues"}
	// lasting are the keys of the annotation that an export is about; the others, such
	// as status and modified_at, tell of its life.
	lasting     = []string{"id", "url", "queue", "schema", "document", "content", "metadata", "labels", "organization"}
	lastingKeys = func() map[string]string {
		keys := make(map[string]string, len(lasting))
		for _, name := range lasting {
			keys[name] = "annotation." + name
		}
		return keys
	}()
)

// appendRecorded appends the hook call as JSON without its token and secrets, to be kept and
// parsed again; nothing for a payload that was not parsed from JSON.
func (p *Payload) appendRecorded(dst []byte) []byte {
	spans := make([]span, 0, len(credentials))
	for _, key := range credentials {
		if v := p.other[key]; v.to > 0 {
			spans = append(spans, v)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	dst, from := slices.Grow(dst, len(p.raw)), 0
	for _, v := range spans {
		dst, from = append(append(dst, p.raw[from:v.from]...), "null"...), v.to
	}
	return append(dst, p.raw[from:]...)
}

// ContentHash returns a hash of what the hook call is about. It is the same for calls
// that ask for the same export: request_id, timestamp, token and secrets do not count,
// nor what the platform notes of the annotation's life, such as its status.
func (p *Payload) ContentHash() string {
	if p.hash != nil {
		return p.hash()
	}
	return p.contentHash()
}

func (p *Payload) contentHash() string {
	members := make([]member, 0, len(p.other)+len(lasting)+2)
	for key, v := range p.other {
		if v.to > 0 && !slices.Contains(volatile, key) {
			members = append(members, member{key, p.raw[v.from:v.to]})
		}
	}
	if a := p.Annotation; a != nil {
		for _, m := range a.lasting {
			members = append(members, member{lastingKeys[m.key], m.value})
		}
		if p.raw == nil {
			members = append(members, member{"annotation.id", strconv.AppendInt(nil, a.ID, 10)}, member{"settings", p.Settings})
		}
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	h, text := sha256.New(), make([]byte, 0, 64)
	for _, m := range members {
		text = strconv.AppendInt(text[:0], int64(len(m.key)), 10)
		text = strconv.AppendInt(append(append(text, ':'), m.key...), int64(len(m.value)), 10)
		_, _ = h.Write(append(text, ':')) // a hash never fails
		_, _ = h.Write(m.value)
	}
	return hex.EncodeToString(h.Sum(text[:0]))
}

// member is a key of an object with its value as it came.
type member struct {
	key   string
	value []byte
}
