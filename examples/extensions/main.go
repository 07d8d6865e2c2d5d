// Extensions serves every step at a path of its own, as the hosted extensions are,
// so that a team can move one hook at a time: only config.url changes.
//
//	go run ./examples/extensions                                        calls each hook as Rossum would, and ends
//	ROSSUM_HOOK_SECRET=… go run ./examples/extensions -listen :8080     serves
//
// Without -listen it starts a fake Rossum and a small ERP on loopback, and plays the
// platform: it calls the hooks of the folder hooks one after the other, each with its
// own settings, and applies what they answer. Artefacts and replies go from hook to
// hook as documents in the fake Rossum.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/exportpipeline/exportpipeline/examples/internal/erp"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/workday"
)

func main() {
	listen := flag.String("listen", "", "serve at this `address`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if *listen != "" {
		err = serve(ctx, *listen, os.Getenv("ROSSUM_HOOK_SECRET"))
	} else {
		err = show(os.Stdout, "examples/extensions/hooks")
	}
	if err != nil {
		log.Fatal(err)
	}
}

// newExtensions serves all steps of this module.
func newExtensions(secret string) (*hookserver.Server, error) {
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	sftpexport.Register(registry, sftpexport.RegisterOptions{Backends: map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}})
	workday.Register(registry, workday.RegisterOptions{})
	return hookserver.New(hookserver.Options{Extensions: registry, SignatureSecrets: []string{secret}})
}

func serve(ctx context.Context, address, secret string) error {
	if secret == "" {
		return errors.New("set ROSSUM_HOOK_SECRET to the secret of the hooks")
	}
	extensions, err := newExtensions(secret)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: extensions, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		// Calls that are running get the time that Rossum gives them; those that are cut
		// off then are called again.
		ctx, cancel := context.WithTimeout(context.Background(), rossum.DefaultHookTimeout)
		defer cancel()
		ended <- errors.Join(server.Shutdown(ctx), extensions.Shutdown(ctx))
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}

// hookSecret is for the calls that this program makes itself.
var hookSecret = rand.Text()

// show plays the platform.
func show(out io.Writer, folder string) error {
	hooks, err := readHooks(folder)
	if err != nil {
		return err
	}
	platform, target := rossumtest.NewServer(), erp.Start("")
	defer platform.Close()
	defer target.Close()
	extensions, err := newExtensions(hookSecret)
	if err != nil {
		return err
	}
	defer extensions.Shutdown(context.Background())
	server := httptest.NewServer(extensions)
	defer server.Close()

	call := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026/0042"), rossumtest.Field("sender_name", "Müller & Söhne"), rossumtest.Number("amount_total", "30,00", "30.00"),
		rossumtest.Table("line_items",
			rossumtest.Row("item_description", "Paper \"A4\"", "item_amount", "12.50"), rossumtest.Row("item_description", "Ink", "item_amount", "17.50")),
		rossumtest.Field("erp_status", ""), rossumtest.Field("erp_invoice_id", ""),
		rossumtest.Secret("erp_url", target.URL), rossumtest.Secret("client_secret", erp.ClientSecret), rossumtest.On(platform),
	)
	content := call.Payload().Annotation.Content
	for _, h := range hooks {
		answer, err := callHook(server.URL, h, call, content)
		if err != nil {
			return fmt.Errorf("hook %s: %w", h, err)
		}
		if err := content.Apply(answer.Operations); err != nil {
			return fmt.Errorf("hook %s: %w", h, err)
		}
		fmt.Fprintf(out, "%-14s %d operations, %d messages\n", h.Name, len(answer.Operations), len(answer.Messages))
		for _, m := range answer.Messages {
			fmt.Fprintf(out, "  %s: %s\n", m.Type, m.Content)
		}
	}
	for _, invoice := range target.Invoices() {
		fmt.Fprintf(out, "the ERP holds  %s %s: %s EUR, %d lines\n", invoice.ID, invoice.Number, invoice.Total, len(invoice.Lines))
	}
	return nil
}

func readHooks(folder string) ([]*rossum.Hook, error) {
	// LoadOrganisation wants the folder above, as prd2 has it.
	o, err := rossum.LoadOrganisation(os.DirFS(filepath.Dir(folder)))
	if err != nil {
		return nil, err
	}
	return o.Hooks, nil // by id, which is the order of run_after here
}

// callHook calls one hook with the content as it is now.
func callHook(server string, h *rossum.Hook, call *rossumtest.Call, content *rossum.Content) (*rossum.Response, error) {
	tree, err := content.MarshalJSON()
	if err != nil {
		return nil, err
	}
	body := call.Clone().With(
		rossumtest.Settings(h.Settings), rossumtest.Request(fmt.Sprintf("request-%d", h.ID)), rossumtest.Sideload("hook", h.URL),
		rossumtest.Set("content", json.RawMessage(tree)),
	).Bytes()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server+"/"+filepath.Base(h.Config.URL), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	rossum.Sign(req.Header, body, hookSecret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer rossum.Response
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("status %d: %w", resp.StatusCode, err)
	}
	return &answer, nil
}
