// Package pipelinerun is what the components of this module, and package send, need of a
// run and authors of steps do not: whose a token is, which hosts the text of a document may
// choose, and what a dry run puts in the place of an answer. Package pipeline fills it in when
// it makes the first Export, but for OptionFaults; x is its *Export.
package pipelinerun

import (
	"context"
	"net/http"
	"net/url"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

var (
	// OptionFaults joins what is wrong with options, a []pipeline.Option.
	OptionFaults func(options any) error

	// AllowsURL reports whether a value of the export may choose the host of a URL: those
	// of pipeline.WithAllowedHosts, and those that formulas of the schema have literally.
	// What the settings of a step allow is for the step to know.
	AllowsURL func(x any, u *url.URL) bool

	// FormulaOf returns the text of a field's formula, "" if it has none or the run has no
	// schema.
	FormulaOf func(x any, schemaID string) string

	// IsRaw reports whether a text that a field has is known to be that of the document or of
	// a person: no formula or extension has made it. The schema says so or, where it does not,
	// that it is what was read from the document.
	IsRaw func(x any, schemaID, text string) bool

	// KeepToken keeps an access token that a step has got as a secret of its hook: in this
	// run, and in Rossum, so that the next process need not ask for it again. It goes only
	// to the Rossum that the program expects; see pipeline.WithRossumOrigin. That it can't
	// be kept there fails nothing; the report and the log say so.
	KeepToken func(ctx context.Context, x any, name, value string)

	// OwnToken returns the token that an owner, such as a token request, has kept as a
	// secret, or "" if in this run the same value belongs to another owner: steps of one
	// chain may use one name for the tokens of different systems.
	OwnToken func(x any, name, owner string) string

	// Own says that a token belongs to an owner. The result is false if it belongs to
	// another one already.
	Own func(x any, value, owner string) bool

	// MadeUpToken decides about the error of a token request. With ok the run is dry, and
	// the token is made up, which the report says.
	MadeUpToken func(x any, err error) (token string, ok bool)

	// KeepsFields reports whether the run is dry and the fields hold what an earlier export
	// has filled in, so that they must not be emptied.
	KeepsFields func(x any) bool

	// Sender returns the client that one call goes through, for a package that notes its
	// calls in the report itself: the program's, nil if it has none, or in a dry run one
	// that makes no calls; rendered returns the body that such a call would have sent.
	Sender func(x any) (client *http.Client, rendered func() []byte)

	// Caller returns what makes the calls of that client, as Sender does.
	Caller func(x any) (caller *httpcall.Client, rendered func() []byte)
)
