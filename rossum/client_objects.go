package rossum

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Relation links annotations: attachments to their parent, duplicates, edits.
type Relation struct {
	ID          int64    `json:"id"`
	Type        string   `json:"type"` // edit, attachment, duplicate
	Key         string   `json:"key"`
	Parent      string   `json:"parent"`      // URL of an annotation
	Annotations []string `json:"annotations"` // URLs
	URL         string   `json:"url"`
}

// Relations yields the relations that an annotation is part of.
func (c *Client) Relations(ctx context.Context, annotationID int64) iter.Seq2[*Relation, error] {
	return list[*Relation](ctx, c, "relations", url.Values{"annotation": {strconv.FormatInt(annotationID, 10)}})
}

// Attachments yields the relations from an annotation to its attachments.
func (c *Client) Attachments(ctx context.Context, parentID int64) iter.Seq2[*Relation, error] {
	return list[*Relation](ctx, c, "relations", url.Values{"parent": {strconv.FormatInt(parentID, 10)}, "type": {"attachment"}})
}

// Annotations yields the annotations with the given ids as the API describes
// them; their content is an address.
func (c *Client) Annotations(ctx context.Context, ids ...int64) iter.Seq2[json.RawMessage, error] {
	return listByID(ctx, c, "annotations", ids)
}

// listByID yields the objects with the given ids.
func listByID(ctx context.Context, c *Client, path string, ids []int64) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		// Without an id the API would list every object of the organisation.
		for some := range slices.Chunk(ids, pageSize) {
			texts := make([]string, len(some))
			for i, id := range some {
				texts[i] = strconv.FormatInt(id, 10)
			}
			for object, err := range list[json.RawMessage](ctx, c, path, url.Values{"id": {strings.Join(texts, ",")}}) {
				if !yield(object, err) || err != nil {
					return
				}
			}
		}
	}
}

// Hook returns one hook.
func (c *Client) Hook(ctx context.Context, id int64) (*Hook, error) {
	reply, err := c.do(ctx, request{method: http.MethodGet, path: "hooks/" + strconv.FormatInt(id, 10)})
	if err != nil {
		return nil, fmt.Errorf("getting hook %d: %w", id, err)
	}
	return ParseHook(reply.Body)
}

// Hooks returns the hooks of the organisation, or those of one queue if its id
// is not 0.
func (c *Client) Hooks(ctx context.Context, queueID int64) ([]*Hook, error) {
	query := url.Values{}
	if queueID != 0 {
		query.Set("queue", strconv.FormatInt(queueID, 10))
	}
	raw, err := collect(list[json.RawMessage](ctx, c, "hooks", query))
	if err != nil {
		return nil, fmt.Errorf("listing hooks: %w", err)
	}
	hooks := make([]*Hook, len(raw))
	for i, r := range raw {
		if hooks[i], err = ParseHook(r); err != nil {
			return nil, fmt.Errorf("listing hooks: %w", err)
		}
	}
	return hooks, nil
}

// SetHookSecrets adds secrets to those of a hook, or replaces them by name;
// others stay. It is how a new access token is kept for the next call.
func (c *Client) SetHookSecrets(ctx context.Context, hookID int64, secrets Secrets) error {
	for _, s := range secrets {
		c.redact.Add(s)
	}
	body := map[string]any{"secrets": map[string]string(secrets)}
	return c.send(ctx, http.MethodPatch, "hooks/"+strconv.FormatInt(hookID, 10), body, nil)
}

// QueueExport streams the platform's own export of an annotation; format is
// csv, xml, json or xlsx. The caller closes the reader.
func (c *Client) QueueExport(ctx context.Context, queueID, annotationID int64, format string) (io.ReadCloser, error) {
	path := fmt.Sprintf("queues/%d/export?%s", queueID, url.Values{"format": {format}, "id": {strconv.FormatInt(annotationID, 10)}}.Encode())
	body, _, err := c.openURL(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("exporting annotation %d as %s: %w", annotationID, format, err)
	}
	return body, nil
}
