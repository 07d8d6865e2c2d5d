package hookserver

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// String returns how many secrets there are.
func (o Options) String() string {
	return fmt.Sprintf("hook server options with %d signature secrets", len(o.SignatureSecrets))
}

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (o Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// LogValue implements [slog.LogValuer].
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// MarshalText keeps the secrets out of JSON and other encodings, which have what String returns.
func (o Options) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// String returns the address.
func (a Async) String() string { return "polling at " + redact.Address("", a.URL) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (a Async) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }

// LogValue implements [slog.LogValuer].
func (a Async) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText keeps the key out of JSON and other encodings, which have what String returns.
func (a Async) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// String says what it is.
func (s *Server) String() string { return "hook server" }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements [slog.LogValuer].
func (s *Server) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String returns which run it is.
func (r EngineRun) String() string {
	return fmt.Sprintf("run %s of annotation %d", r.Run.ID, r.Run.Key.Annotation)
}

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (r EngineRun) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue implements [slog.LogValuer].
func (r EngineRun) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String returns which run it is of.
func (p Part) String() string { return "part of run " + string(p.Run) }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (p Part) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue implements [slog.LogValuer].
func (p Part) LogValue() slog.Value { return slog.StringValue(p.String()) }
