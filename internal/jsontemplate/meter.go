package jsontemplate

import (
	"context"
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// renderingLimits bound what one rendering does and makes, whatever the settings ask for
// and however large the document is. The meter also looks at the context.
var renderingLimits = pyvalue.Limits{Steps: maxSteps, TotalBytes: 4 * maxText}

const maxSteps = 20_000_000

// maxJSON bounds a value that is written as JSON, in bytes.
const maxJSON = 2 * maxText

// Costs of parts of a result, in bytes.
const (
	elementCost = 24 // of a list
	memberCost  = 96 // of an object
)

// rendering is one run of a template.
type rendering struct {
	ctx   context.Context
	meter *pyvalue.Meter
	texts int64 // bytes of all texts that were put in
	most  int64 // that may be

	body   bool // see [Template.RenderBody]
	other  bool // no JSON
	within WithinJSON

	// wanted is the path whose origin is looked for; see [Template.Origin].
	wanted []Step
	depth  int
	off    bool // the current part is not on the path
	origin Origin
}

func newRendering(ctx context.Context) *rendering {
	return &rendering{ctx: ctx, meter: pyvalue.NewMeter(ctx, renderingLimits), most: maxText}
}

// put counts a text that is put into the result. Call it before anything is made of it:
// the text itself may still be that of the document, which many places share.
func (r *rendering) put(bytes int) error {
	if r.texts += int64(bytes); r.texts > r.most {
		return fmt.Errorf("%w: the texts that the settings put together take more than %d MB", pyvalue.ErrLimit, r.most>>20)
	}
	return r.meter.Grow(int64(bytes))
}

// placed says where in the settings a limit was reached, unless that is known.
func (t *Template) placed(err error) error {
	var known *Error
	if errors.Is(err, pyvalue.ErrLimit) && !errors.As(err, &known) {
		return &Error{t.place, "", err}
	}
	return err
}

// putFile counts a file that is put into text. Its bytes are bounded one by one (see
// [ReadAll]), and here in all.
func (r *rendering) putFile(bytes int) error { return r.meter.Grow(int64(bytes)) }
