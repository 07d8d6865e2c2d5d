package workday

import (
	"fmt"
	"io"
	"log/slog"
)

// String returns the host.
func (c *Client) String() string { return "client of Workday at " + c.wsdl.Domain }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
