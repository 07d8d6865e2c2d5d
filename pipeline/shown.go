package pipeline

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// String returns the key's id.
func (k SealKey) String() string { return "seal key " + k.ID }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (k SealKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue implements [slog.LogValuer].
func (k SealKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText keeps the secret out of JSON and other encodings, which have what String returns.
func (k SealKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// String returns how many certificates there are.
func (t TLS) String() string { return fmt.Sprintf("TLS with %d certificates", len(t.Certificates)) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (t TLS) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue implements [slog.LogValuer].
func (t TLS) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps the private keys out of JSON and other encodings, which have what String returns.
func (t TLS) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// String returns method and address, without credentials.
func (r Request) String() string { return redact.Address(r.Method, r.URL) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (r Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer].
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String returns status, address and size.
func (r Reply) String() string {
	return fmt.Sprintf("%d from %s, %d bytes", r.Status, redact.Address("", r.URL), len(r.Body))
}

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (r Reply) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer].
func (r Reply) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String returns method and address, without credentials.
func (c DryCall) String() string { return redact.Address(c.Method, c.URL) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (c DryCall) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c DryCall) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String returns status and size.
func (r DryReply) String() string { return fmt.Sprintf("%d, %d bytes", r.Status, len(r.Body)) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (r DryReply) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer].
func (r DryReply) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String returns method, address and step.
func (q Question) String() string {
	return fmt.Sprintf("%s in step %s", redact.Address(q.Method, q.URL), q.Step)
}

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (q Question) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, q.String()) }

// LogValue implements [slog.LogValuer].
func (q Question) LogValue() slog.Value { return slog.StringValue(q.String()) }

// String returns what was said, and by whom.
func (v Verdict) String() string {
	return fmt.Sprintf("there %t, status %d, by %s", v.There, v.Status, v.By)
}

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (v Verdict) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// LogValue implements [slog.LogValuer].
func (v Verdict) LogValue() slog.Value { return slog.StringValue(v.String()) }

// String returns which key seals.
func (o JournalOptions) String() string { return "journal options with " + o.Key.String() }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (o JournalOptions) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// LogValue implements [slog.LogValuer].
func (o JournalOptions) LogValue() slog.Value { return slog.StringValue(o.String()) }

// String lists the names of the steps.
func (c *Chain) String() string {
	names := make([]string, len(c.links))
	for i, l := range c.links {
		names[i] = l.name
	}
	return "chain of " + strings.Join(names, ", ")
}

// Format implements [fmt.Formatter], so that no verb shows what the steps' settings have.
func (c *Chain) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c *Chain) LogValue() slog.Value { return slog.StringValue(c.String()) }
