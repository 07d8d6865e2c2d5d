package send

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// doRenewed makes a call, and once more with a new token if the API turns the first down:
// whoever answers with status 401 has not acted on the call.
func doRenewed(ctx context.Context, x *pipeline.Export, call *Call) (*Reply, error) {
	reply, err := do(ctx, x, call)
	if err != nil || call.Renew == nil || reply.Status != http.StatusUnauthorized {
		return reply, err
	}
	made, err := call.Renew(ctx)
	if err != nil {
		return nil, err
	}
	if made == nil {
		return reply, nil
	}
	made = made.copied()
	made.Name, made.Item = call.Name, call.Item
	if client, _ := pipelinerun.Sender(x); client == nil || client.Jar == nil { // which keeps them itself
		takeCookies(made, reply)
	}
	return do(ctx, x, made)
}

// takeCookies sends the cookies of a reply along with a call, as a browser would: those
// that its address may have, and none beside a Cookie header of its own.
func takeCookies(call *Call, reply *Reply) {
	from, err := url.Parse(reply.URL)
	to, err2 := url.Parse(call.URL)
	if errors.Join(err, err2) != nil || call.Header.Get("Cookie") != "" {
		return
	}
	var cookies httpcall.Cookies
	cookies.Add(from, reply.Header)
	if value := cookies.Header(to); value != "" {
		call.SetHeader("Cookie", value)
	}
}
