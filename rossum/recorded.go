package rossum

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// Keys of a hook call that differ when the platform calls again, or that must not be
// kept.
var (
	credentials = []string{"rossum_authorization_token", "secrets"}
	volatile    = []string{"request_id", "timestamp", "rossum_authorization_token", "secrets", "token_lifetime_s", "modifiers", "queues"}
	// lasting are the keys of the annotation that an export is about; the others, such
	// as status and modified_at, tell of its life.
	lasting = []string{"id", "url", "queue", "schema", "document", "content", "metadata", "labels", "organization"}
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
	type member struct{ key, value string }
	members := make([]member, 0, len(p.other)+len(lasting))
	for key, v := range p.other {
		if v.to > 0 && !slices.Contains(volatile, key) {
			members = append(members, member{key, string(p.raw[v.from:v.to])})
		}
	}
	gjson.GetBytes(p.raw, "annotation").ForEach(func(key, value gjson.Result) bool {
		if slices.Contains(lasting, key.Str) {
			members = append(members, member{"annotation." + key.Str, value.Raw})
		}
		return true
	})
	if p.raw == nil && p.Annotation != nil {
		members = append(members, member{"annotation.id", strconv.FormatInt(p.Annotation.ID, 10)}, member{"settings", string(p.Settings)})
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	h := sha256.New()
	for _, m := range members {
		for _, text := range []string{m.key, m.value} {
			_, _ = io.WriteString(h, strconv.Itoa(len(text))+":") // a hash never fails
			_, _ = io.WriteString(h, text)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
