package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/rossum"
)

const captureHelp = `
exportrun capture serves a hook that exports nothing: it keeps each hook call in a folder,
without its token and its secrets, so that "exportrun run -payload" can run it later.

  exportrun capture -dir DIR -listen ADDRESS [flags]

Calls are checked against the hook's secret in ROSSUM_HOOK_SECRET; -unsigned takes calls
of everybody. Each call is answered with an error message, so that Rossum does not take the
annotation for exported; -accept answers without one.

The files hold data of documents. Keep them as such.

Exit codes: 0 it was ended by Ctrl-C; 2 the arguments are unusable, or the address cannot
be listened at.

Example
  ROSSUM_HOOK_SECRET=… exportrun capture -dir calls -listen :8080
`

// captured keeps hook calls.
type captured struct {
	dir      string
	calls    *hookcall.Reader
	accept   bool
	now      func() time.Time
	announce func(file string)
}

func captureCommand(ctx context.Context, args []string, out *terminal) int {
	f := newFlags("capture", captureHelp)
	dir := f.String("dir", "", "keep the calls in this `folder`")
	listen := f.String("listen", "127.0.0.1:8080", "serve at this `address`")
	unsigned := f.Bool("unsigned", false, "take calls without a signature")
	accept := f.Bool("accept", false, "answer without an error message, so that Rossum takes the annotation for exported")
	rest, err := parseFlags(f, args, out)
	secret := os.Getenv(hookSecret)
	switch {
	case err != nil:
	case len(rest) > 0:
		err = fmt.Errorf("%q is not a flag", rest[0])
	case *dir == "":
		err = errors.New("-dir is missing; exportrun capture -help shows how to call it")
	case secret == "" && !*unsigned:
		err = fmt.Errorf("set %s to the hook's secret, or give -unsigned to take calls of everybody", hookSecret)
	}
	if err != nil {
		return code(err, out)
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return out.fail(err)
	}
	c := &captured{dir: *dir, calls: hookcall.NewReader([]string{secret}, *unsigned, 0, 0), accept: *accept, now: time.Now, announce: func(file string) { fmt.Fprintln(out.stdout, file) }}
	if err := serveUntil(ctx, *listen, c, out); err != nil {
		return out.fail(err)
	}
	return answered
}

// serveUntil serves until the context ends.
func serveUntil(ctx context.Context, listen string, h http.Handler, out *terminal) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(out.stderr, "serving at http://%s (Ctrl-C ends it)\n", l.Addr())
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}

// ServeHTTP keeps a call.
func (c *captured) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusOK) // a health check
		return
	}
	body, err := c.calls.Read(w, r)
	if err != nil {
		hookcall.Refuse(w, err)
		return
	}
	file, err := c.keep(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.announce(file)
	answer := &rossum.Response{}
	if !c.accept {
		answer.Messages = []rossum.Message{{Type: rossum.MessageError, Content: "This call was captured for a test. Nothing was exported."}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // whoever has gone does not want it
}

// keep writes a call to a file of its own.
func (c *captured) keep(body []byte) (file string, err error) {
	payload, err := rossum.ParsePayload(body)
	if err != nil {
		return "", err
	}
	clean, err := withoutSecrets(body, payload)
	if err != nil {
		return "", err
	}
	var id int64
	if payload.Annotation != nil {
		id = payload.Annotation.ID
	}
	name := fmt.Sprintf("%s_%d", c.now().UTC().Format("20060102T150405"), id)
	for n := 1; ; n++ {
		file = filepath.Join(c.dir, name+".json")
		if n > 1 {
			file = filepath.Join(c.dir, fmt.Sprintf("%s_%d.json", name, n))
		}
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(clean)
		return file, errors.Join(err, f.Close())
	}
}

// withoutSecrets returns a hook call without its token and secrets, wherever they stand.
func withoutSecrets(body []byte, p *rossum.Payload) ([]byte, error) {
	var call map[string]json.RawMessage
	if err := json.Unmarshal(body, &call); err != nil {
		return nil, err
	}
	delete(call, "rossum_authorization_token")
	delete(call, "secrets")
	var clean bytes.Buffer
	encoder := json.NewEncoder(&clean)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(call); err != nil {
		return nil, err
	}
	hide := redact.New(string(p.Token))
	hide.AddHook(p.Secrets)
	text := hide.Bytes(clean.Bytes())
	if !json.Valid(text) {
		return nil, errors.New("a secret of the call is a part of its structure; the call was not kept")
	}
	return text, nil
}
