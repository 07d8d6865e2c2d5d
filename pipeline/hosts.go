package pipeline

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/egress"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// network are the options that say where calls may go.
type network struct {
	allowedHosts []string
	origins      []string // of Rossum
	signed       bool     // calls come with a signature that is checked
	egress       egress.Policy
}

// WithOnlyHosts has exports talk to these hosts and to no others, whatever settings and
// documents say: HTTP, SFTP and S3 alike, Rossum's API included, whose host must be among
// them. Entries are those of [WithAllowedHosts]; no entry allows nothing. Without the
// option every host is allowed but those at which clouds hand out credentials, which never
// are: link-local addresses and the names and addresses of metadata services, in every
// spelling.
func WithOnlyHosts(hosts ...string) Option {
	hosts = slices.Clone(hosts)
	return func(c *config) {
		c.egress.Hosts = append(address.Known{}, hosts...)
		c.checkHosts("WithOnlyHosts", hosts)
	}
}

// WithPublicAddressesOnly forbids exports to talk to private addresses, such as 10.0.0.1,
// and to this machine. What a name stands for is looked at when the connection is made,
// unless the program's own transport ([WithHTTPClient]) or a proxy makes it: those see to
// names themselves, and only addresses that a URL spells out are refused before. The proxy
// of the environment may be at a private address.
func WithPublicAddressesOnly() Option { return func(c *config) { c.egress.Public = true } }

// WithAllowedHosts names hosts that calls may go to although a document's text chooses
// them: a whole URL in a field, or the end of a host's name. Without it such a URL may
// only repeat a host that the step's settings, its auth request, or the literal text of
// a formula of the schema has. An entry is a host, such as erp.example (any scheme and
// port), a host with a port, or an origin such as https://erp.example; what is none of these,
// such as a pattern or a path, is an error before anything runs.
func WithAllowedHosts(hosts ...string) Option {
	hosts = slices.Clone(hosts)
	return func(c *config) {
		c.allowedHosts = append(slices.Clip(c.allowedHosts), hosts...)
		c.checkHosts("WithAllowedHosts", hosts)
	}
}

// checkHosts notes entries that no call could ever match.
func (c *config) checkHosts(option string, hosts []string) {
	for _, h := range hosts {
		if !address.IsHost(h) {
			if strings.ContainsAny(h, "@?") { // of a URL, which may have a password
				h = redact.Address("", h)
			}
			c.fault(option, "%q is not a host; write a host (erp.example), a host with a port (erp.example:8443) or an origin (https://erp.example)", h)
		}
	}
}

// WithSignedCalls says that the hook calls come with a signature that was checked, so that their
// base_url is that of the organisation.
func WithSignedCalls() Option { return func(c *config) { c.signed = true } }

// allowsURL reports whether a value of the export may choose the host of a URL: those
// of [WithAllowedHosts], and those that formulas of the schema have literally. What the
// settings of a step allow is for the step to know.
func (x *Export) allowsURL(u *url.URL) bool {
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

// formulaOf returns the text of a field's formula, "" if it has none or the run has no
// schema.
func (x *Export) formulaOf(schemaID string) string {
	if schema := x.schema(); schema != nil {
		if f := schema.Field(schemaID); f != nil {
			return f.Formula
		}
	}
	return ""
}

// isRaw reports whether a text that a field has is that of the document or of a person.
func (x *Export) isRaw(schemaID, text string) bool {
	if schema := x.schema(); schema != nil {
		if f := schema.Field(schemaID); f != nil {
			if isTyped(f) {
				return true
			}
			if f.UIConfiguration.Type != "" || f.Formula != "" {
				return false
			}
		}
	}
	if x.Annotation == nil || x.Annotation.Content == nil {
		return false
	}
	return slices.ContainsFunc(x.Annotation.Content.Find(schemaID), func(n *rossum.Node) bool {
		return n.Value() == text && gjson.GetBytes(n.Raw(), "content.rir_text").String() == text
	})
}

// schema is that of [WithFormulas], or else the sideloaded one, nil if there is none.
func (x *Export) schema() *rossum.Schema {
	if given := x.givenFacts(); given != nil {
		return given.schema
	}
	s, err := x.Payload.Schema()
	if err != nil {
		return nil // whoever needs it to go on says so
	}
	return s
}
