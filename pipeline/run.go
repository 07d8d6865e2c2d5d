package pipeline

import (
	"context"
	"net/http"
	"net/url"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
)

var wired sync.Once

// wire fills in what other packages of this module need of a run. [newExport] calls it, and
// no init function, so that all this is linked only into programs that make exports.
func wire() {
	pipelinerun.AllowsURL = func(x any, u *url.URL) bool { return x.(*Export).allowsURL(u) }
	pipelinerun.IsRaw = func(x any, schemaID, text string) bool { return x.(*Export).isRaw(schemaID, text) }
	pipelinerun.FormulaOf = func(x any, schemaID string) string { return x.(*Export).formulaOf(schemaID) }
	pipelinerun.KeepToken = func(ctx context.Context, x any, name, value string) { x.(*Export).keepToken(ctx, name, value) }
	pipelinerun.OwnToken = func(x any, name, owner string) string { return x.(*Export).ownToken(name, owner) }
	pipelinerun.Own = func(x any, value, owner string) bool { return x.(*Export).own(value, owner) }
	pipelinerun.MadeUpToken = func(x any, err error) (string, bool) { return x.(*Export).madeUpToken(err) }
	pipelinerun.KeepsFields = func(x any) bool { return x.(*Export).keepsFields() }
	pipelinerun.Caller = func(x any) (*httpcall.Client, func() []byte) { return x.(*Export).caller() }
	pipelinerun.Sender = func(x any) (*http.Client, func() []byte) { return x.(*Export).sender() }
}
