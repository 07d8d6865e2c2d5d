package shadow

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// String returns how many secrets there are.
func (o Options) String() string {
	return fmt.Sprintf("shadow options with %d signature secrets", len(o.SignatureSecrets))
}

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (o Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// LogValue implements [slog.LogValuer].
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// String returns method, address and status, without credentials.
func (c RecordedCall) String() string {
	return fmt.Sprintf("%s, answered %d", redact.Address(c.Method, c.URL), c.Status)
}

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (c RecordedCall) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c RecordedCall) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String returns how many calls there are.
func (r Recording) String() string { return fmt.Sprintf("recording of %d calls", len(r.Calls)) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (r Recording) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer].
func (r Recording) LogValue() slog.Value { return slog.StringValue(r.String()) }
