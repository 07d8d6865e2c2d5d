package steps

import (
	"context"
	"fmt"
	"html"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// run looks at one reply.
func (r ReplyCheck) run(ctx context.Context, x *pipeline.Export) error {
	kind := r.Type
	if kind == "" {
		kind = rossum.MessageError
	}
	show := func(format string, args ...any) {
		x.Message(rossum.Message{Type: kind, Content: fmt.Sprintf(format, args...)})
	}
	beginning := func(text string, most int) string {
		if shown, cut := redact.Beginning(text, most, x.Redact); cut {
			return shown + "…"
		}
		return text
	}
	label := html.EscapeString(r.Label)
	field, err := x.Field(r.StatusField)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(field.Text())
	status, err := strconv.Atoi(text)
	switch {
	case text == "":
		show("<b>%s</b>: no status; the call was not made or not answered", label)
		return nil
	case err != nil || status < 100 || status > 599:
		show("<b>%s</b>: %s is not a valid status", label, html.EscapeString(strconv.Quote(beginning(text, maxStatus))))
		return nil
	case status < 400:
		return nil
	}
	body := ""
	if r.BodyField != "" {
		n, err := x.Field(r.BodyField)
		if err != nil {
			return err
		}
		body = n.Value()
	}
	messages := replyErrors(ctx, body)
	if len(messages) == 0 {
		show("<b>%s</b>: unhandled error", label)
	}
	for _, m := range messages {
		if err := ctx.Err(); err != nil {
			return err
		}
		show("<b>%s (%s)</b>: %s", label, html.EscapeString(beginning(m.key, maxReplyError)), html.EscapeString(beginning(m.text, maxReplyError)))
	}
	return nil
}

// What a message shows of a reply, in bytes.
const (
	maxStatus     = 1000               // of what should be a status
	maxReplyError = redact.MaxSaid / 4 // of a text, which HTML may make five times as long
)

type replyError struct{ key, text string }

// replyErrors reads {"errors": {key: [texts]}} and {"errors": {"request": [{key:
// [texts]}]}}, and the errors object alone. Each text comes once.
func replyErrors(ctx context.Context, body string) []replyError {
	v, err := pyvalue.FromReply(ctx, []byte(body), true)
	if err != nil || v.Dict() == nil {
		return nil
	}
	if inner, ok := v.Dict().GetStr("errors"); ok {
		v = inner
	}
	var list []replyError
	seen := make(map[string]bool)
	var collect func(key string, v pyvalue.Value)
	collect = func(key string, v pyvalue.Value) {
		switch {
		case v.Dict() != nil:
			for k, item := range v.Dict().All() {
				collect(k.Text(), item)
			}
		case v.List() != nil:
			for _, item := range v.List().Items {
				collect(key, item)
			}
		case !v.IsNone():
			text, err := valueText(ctx, v)
			if err == nil && text != "" && !seen[text] {
				seen[text] = true
				list = append(list, replyError{key, text})
			}
		}
	}
	if v.Dict() == nil {
		return nil
	}
	collect("", v)
	return list
}
