package rossum

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
)

const hiddenText = "[secret]"

// Secret is a text that must not be shown: fmt, slog and encoding/json print
// [secret] instead of it. Convert it with string(s) at the place that sends it.
type Secret string

// String returns a placeholder.
func (Secret) String() string { return hiddenText }

// Format implements [fmt.Formatter], so that no verb shows the secret.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hiddenText) }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(hiddenText) }

// MarshalText keeps the secret out of JSON and other encodings.
func (Secret) MarshalText() ([]byte, error) { return []byte(hiddenText), nil }

// Secrets are a hook's secrets by name. They hold plain strings for those who
// must send them; printing, logging or encoding the map shows the names alone.
type Secrets map[string]string

// String returns the names of the secrets.
func (s Secrets) String() string {
	return fmt.Sprintf("secrets%v", slices.Sorted(maps.Keys(s)))
}

// Format implements [fmt.Formatter].
func (s Secrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements [slog.LogValuer].
func (s Secrets) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON encodes the names, with a placeholder for every value.
func (s Secrets) MarshalJSON() ([]byte, error) {
	names := make(map[string]string, len(s))
	for name := range s {
		names[name] = hiddenText
	}
	return encode(names), nil
}

// Format implements [fmt.Formatter], so that printing a payload shows neither
// its secrets nor its data.
func (p *Payload) Format(f fmt.State, _ rune) {
	id := int64(0)
	if p != nil && p.Annotation != nil {
		id = p.Annotation.ID
	}
	_, _ = fmt.Fprintf(f, "payload(annotation %d)", id)
}

// Format implements [fmt.Formatter], so that printing a client does not show its
// token.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client("+c.origin+")") }
