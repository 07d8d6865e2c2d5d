package temporalrun

import (
	"context"
	"errors"
	"maps"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// The names of the search attributes of a workflow.
const (
	AttributeAnnotation = "RossumAnnotation" // number; type Int
	AttributeQueue      = "RossumQueue"      // number; type Int
	AttributeOutcome    = "ExportOutcome"    // see Outcome; type Keyword
)

// Outcome is how a workflow has ended: the value of [AttributeOutcome].
type Outcome string

// The values of an [Outcome].
const (
	OutcomeExported Outcome = "exported"
	OutcomeFailed   Outcome = "failed"   // the answer has an error message
	OutcomeWaits    Outcome = "waits"    // for a person, or for a chain that can go on with the run
	OutcomeReplaced Outcome = "replaced" // by an export of other content
	OutcomeGone     Outcome = "gone"     // the annotation was purged or deleted
)

var (
	annotationKey = temporal.NewSearchAttributeKeyInt64(AttributeAnnotation)
	queueKey      = temporal.NewSearchAttributeKeyInt64(AttributeQueue)
	outcomeKey    = temporal.NewSearchAttributeKeyKeyword(AttributeOutcome)
)

var attributeTypes = map[string]enumspb.IndexedValueType{
	AttributeAnnotation: enumspb.INDEXED_VALUE_TYPE_INT,
	AttributeQueue:      enumspb.INDEXED_VALUE_TYPE_INT,
	AttributeOutcome:    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
}

// RegisterAttributes registers the search attributes with a namespace, which the server must
// allow the client to do; those that are there already stay.
func RegisterAttributes(ctx context.Context, c client.Client, namespace string) error {
	missing := maps.Clone(attributeTypes)
	known, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return err
	}
	for name := range known.GetCustomAttributes() {
		delete(missing, name)
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if _, there := errors.AsType[*serviceerror.AlreadyExists](err); there { // another process was faster
		return nil
	}
	return err
}

// hasAttributes reports whether the namespace has the search attributes; it looks once. If it
// cannot be known, they are left out this time.
func (e *Engine) hasAttributes(ctx context.Context) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.looked {
		return e.attributes
	}
	known, err := e.client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: e.o.Namespace})
	_, forbidden := errors.AsType[*serviceerror.PermissionDenied](err)
	_, unknown := errors.AsType[*serviceerror.Unimplemented](err)
	if err != nil && !forbidden && !unknown {
		return false
	}
	e.looked, e.attributes = true, err == nil
	for name, kind := range attributeTypes {
		e.attributes = e.attributes && known.GetCustomAttributes()[name] == kind
	}
	if e.attributes {
		e.log.InfoContext(ctx, "workflows of exports have search attributes", "namespace", e.o.Namespace)
	} else {
		e.log.WarnContext(ctx, "workflows of exports have annotation, queue and outcome in their memo only, since the namespace has not the search attributes of temporalrun.RegisterAttributes", "namespace", e.o.Namespace)
	}
	return e.attributes
}

// forgetAttributes leaves them out from now on.
func (e *Engine) forgetAttributes() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.looked, e.attributes = true, false
}
