package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// ErrGone means that the annotation was purged or deleted after its export was asked for.
var ErrGone = errors.New("the annotation was purged or deleted after this export was asked for; nothing more is exported")

// isGone reports that a hook call tells that its annotation was purged or deleted.
func isGone(p *rossum.Payload) bool {
	return p.Event == rossum.EventAnnotationStatus && (p.Annotation.Status == "purged" || p.Annotation.Status == "deleted")
}

// erase removes what the ledger has of an annotation that is gone, but for the run of the
// event that says so. It stays for as long as runs are kept, so that a process which stood
// still over all of it learns of it; see refuseGone.
func (c config) erase(ctx context.Context, p *rossum.Payload, run RunID) error {
	key := RunKeyOf(p)
	if err := c.journal.ledger.Erase(ctx, key.Organization, key.Annotation, run); err != nil {
		return fmt.Errorf("erasing the records of an annotation that is gone: %w", err)
	}
	return nil
}

// refuseGone ends a run that was claimed, without a trace of it, if its annotation has gone
// since the run was asked for. The event's run is claimed before it erases, so that either
// it is seen here or this run is fenced.
func (j *Journal) refuseGone(ctx context.Context, p *rossum.Payload, run RunInfo) error {
	asked, err := time.Parse(time.RFC3339Nano, p.Timestamp)
	if err != nil || p.Event == rossum.EventAnnotationStatus {
		return nil // nothing says when it was asked for, or it is such an event itself
	}
	gone, err := j.goneAfter(ctx, run.Key, asked)
	if err != nil || !gone {
		return err
	}
	var others []RunID
	for info, err := range j.ledger.Find(ctx, RunQuery{Organization: run.Key.Organization, Annotation: run.Key.Annotation}) {
		if err == nil && info.ID != run.ID {
			others = append(others, info.ID)
		}
	}
	return errors.Join(ErrGone, j.ledger.Erase(context.WithoutCancel(ctx), run.Key.Organization, run.Key.Annotation, others...))
}

// goneAfter reports whether an event of a later time says that the annotation is gone. Both
// times are the platform's.
func (j *Journal) goneAfter(ctx context.Context, key RunKey, asked time.Time) (bool, error) {
	q := RunQuery{Organization: key.Organization, Annotation: key.Annotation, Event: rossum.EventAnnotationStatus + "." + rossum.ActionChanged}
	for info, err := range j.ledger.Find(ctx, q) {
		if err != nil {
			return false, fmt.Errorf("%w: looking whether the annotation is gone: %w", ErrNotNoted, err)
		}
		if info.Key.Organization != key.Organization {
			continue // a hook call without an address asks for those of any organisation
		}
		h, err := j.load(ctx, info.ID)
		if errors.Is(err, ErrNoRun) {
			continue
		}
		var b begunRecord
		if err == nil {
			b, err = j.beginning(h)
		}
		if err != nil {
			return false, fmt.Errorf("%w: looking whether the annotation is gone: %w", ErrNotNoted, err)
		}
		p, err := rossum.ParsePayload(b.Payload)
		if err != nil || p.Annotation == nil {
			continue // it was not recorded
		}
		if at, err := time.Parse(time.RFC3339Nano, p.Timestamp); err == nil && isGone(p) && at.After(asked) {
			return true, nil
		}
	}
	return false, nil
}
