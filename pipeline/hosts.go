package pipeline

import (
	"net/url"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// network are the options that say where calls may go.
type network struct {
	allowedHosts []string
	origins      []string // of Rossum
	signed       bool     // calls come with a signature that is checked
}

// WithAllowedHosts names hosts that calls may go to although a document's text chooses
// them: a whole URL in a field, or the end of a host's name. Without it such a URL may
// only repeat a host that the step's settings, its auth request, or the literal text of
// a formula of the schema has. An entry is a host, such as erp.example (any scheme and
// port), a host with a port, or an origin such as https://erp.example.
func WithAllowedHosts(hosts ...string) Option {
	hosts = slices.Clone(hosts)
	return func(c *config) { c.allowedHosts = append(slices.Clip(c.allowedHosts), hosts...) }
}

// Signed says that the hook calls come with a signature that was checked, so that their
// base_url is that of the organisation.
func Signed() Option { return func(c *config) { c.signed = true } }

// AllowsURL reports whether a value of the export may choose the host of a URL: those
// of [WithAllowedHosts], and those that formulas of the schema have literally. What the
// settings of a step allow is for the step to know.
func (x *Export) AllowsURL(u *url.URL) bool {
	if address.Known(x.run.config.allowedHosts).Allows(u) {
		return true
	}
	schema := x.schema()
	if schema == nil {
		return false
	}
	for f := range schema.All() {
		if f.Formula != "" && address.Literals(f.Formula).Allows(u) {
			return true
		}
	}
	return false
}

// FormulaOf returns the text of a field's formula, "" if it has none or the run has no
// schema.
func (x *Export) FormulaOf(schemaID string) string {
	if schema := x.schema(); schema != nil {
		if f := schema.Field(schemaID); f != nil {
			return f.Formula
		}
	}
	return ""
}

// schema is that of [WithFormulas], or else the sideloaded one, nil if there is none.
func (x *Export) schema() *rossum.Schema {
	if s := x.run.config.formulas.Schema; s != nil {
		return s
	}
	s, err := x.Payload.Schema()
	if err != nil {
		return nil // whoever needs it to go on says so
	}
	return s
}
