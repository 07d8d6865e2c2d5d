package send

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// String returns method and address, without credentials.
func (c Call) String() string { return redact.Address(c.Method, c.URL) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (c Call) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c Call) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String returns status, address and size.
func (r Reply) String() string {
	return fmt.Sprintf("%d from %s, %d bytes", r.Status, redact.Address("", r.URL), len(r.Body))
}

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (r Reply) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer].
func (r Reply) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String says what it is.
func (r TokenRequest) String() string { return "token request" }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (r TokenRequest) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer].
func (r TokenRequest) LogValue() slog.Value { return slog.StringValue(r.String()) }
