package rossum

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// String returns method and address, without credentials.
func (c APICall) String() string { return redact.Address(c.Method, c.URL) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (c APICall) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c APICall) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String returns status and size.
func (r APIReply) String() string { return fmt.Sprintf("%d, %d bytes", r.Status, len(r.Body)) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (r APIReply) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer].
func (r APIReply) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String returns the address, without credentials.
func (c HookConfig) String() string { return "hook at " + redact.Address("", c.URL) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (c HookConfig) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c HookConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }
