package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Purge removes what an earlier export of the annotation left: artefacts and
// stored replies, in this run and in the store (see [pipeline.InRossum]), so that
// a re-export starts clean. Rossum calls it "Cleaning" or "Custom format
// templating purge". Put it first.
//
// When an annotation is purged or deleted (annotation_status.changed), it
// removes the generated documents for good. The original is never touched.
type Purge struct {
	// Keys limits what is removed; empty means everything.
	Keys []string `json:"reference_keys"`
	// ResetFields are fields that an earlier run filled from replies: an id, a
	// status, a gate. They are emptied, so that nothing acts on old values.
	ResetFields []string `json:"reset_schema_ids"`
}

var (
	_ pipeline.Step      = (*Purge)(nil)
	_ pipeline.Validator = (*Purge)(nil)
	_ pipeline.Listener  = (*Purge)(nil)
)

// UnmarshalJSON decodes settings strictly. An empty document stands for none.
func (s *Purge) UnmarshalJSON(data []byte) error {
	return settings.Decode(data, s)
}

// Name returns "Cleaning".
func (s *Purge) Name() string { return "Cleaning" }

// Validate looks for empty names.
func (s *Purge) Validate() error {
	var faults settings.Faults
	for i, key := range s.Keys {
		if key == "" {
			faults.Add(settings.Index("reference_keys", i), "is empty")
		}
	}
	for i, id := range s.ResetFields {
		if id == "" {
			faults.Add(settings.Index("reset_schema_ids", i), "is empty")
		}
	}
	return faults.Err()
}

// ListensTo reports exports, and changes of status.
func (s *Purge) ListensTo(event, action string) bool {
	return event == "" || event == rossum.EventAnnotationContent && action == rossum.ActionExport ||
		event == rossum.EventAnnotationStatus && action == rossum.ActionChanged
}

// Run cleans up.
func (s *Purge) Run(ctx context.Context, x *pipeline.Export) error {
	if x.Payload.Event == rossum.EventAnnotationStatus && x.Annotation.Status != "purged" && x.Annotation.Status != "deleted" {
		x.Decide("skipped: the annotation is %s, not purged or deleted", x.Annotation.Status)
		return nil
	}
	n, err := x.Files.Purge(ctx, s.Keys...)
	if err != nil {
		return err
	}
	if n == 1 {
		x.Decide("removed 1 file of an earlier export")
	} else {
		x.Decide("removed %d files of an earlier export", n)
	}
	if x.Payload.Event == rossum.EventAnnotationStatus {
		return nil
	}
	if pipelinerun.KeepsFields(x) {
		return nil
	}
	return s.reset(x)
}

func (s *Purge) reset(x *pipeline.Export) error {
	var faults []error
	for i, id := range s.ResetFields {
		if x.Annotation.Content == nil {
			return pipeline.ErrNoContent
		}
		nodes := x.Annotation.Content.Find(id)
		if len(nodes) == 0 {
			_, err := x.Field(id) // names the nearest known id
			faults = append(faults, &pipeline.StepError{Place: settings.Index("reset_schema_ids", i), Key: id, Err: err})
		}
		for _, n := range nodes {
			if err := n.SetValue(""); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", settings.Index("reset_schema_ids", i), err))
			}
		}
	}
	return errors.Join(faults...)
}
