// Hookserver is the least code that serves an export as a Rossum hook, with a
// graceful end: exports that run are finished first.
//
//	ROSSUM_HOOK_SECRET=… go run ./examples/hookserver -listen :8080
//	go run ./examples/hookserver -once      shows one call and ends; the secret is made up
//
// With -ledger DIR exports survive the process, and no other process that shares the
// folder makes their calls twice; -pending and -settle are for calls of which nobody
// knows whether they were made.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func main() {
	listen := flag.String("listen", "", "serve the hook at this `address`")
	once := flag.Bool("once", false, "call the hook once and end; the default without -listen")
	ledger := flag.String("ledger", "", "keep exports in this `folder`, sealed with "+keyVariable+", so that they survive this process")
	pending := flag.Bool("pending", false, "list the calls that wait for a person's verdict, and end")
	verdict := flag.String("settle", "", "say what has become of such a call, as `RUN/CALL=there` or =absent, and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := do(ctx, *ledger, *pending, *verdict, *listen, *once || *listen == ""); err != nil {
		log.Fatal(err)
	}
}

func do(ctx context.Context, ledger string, pending bool, verdict, listen string, once bool) error {
	if ledger == "" {
		if pending || verdict != "" {
			return errors.New("-pending and -settle need -ledger")
		}
		return run(ctx, listen, once, nil)
	}
	journal, err := openJournal(ledger)
	if err != nil {
		return err
	}
	switch {
	case pending:
		err = listPending(ctx, os.Stdout, journal)
	case verdict != "":
		err = settle(ctx, journal, verdict)
	default:
		err = run(ctx, listen, once, journal)
	}
	return errors.Join(err, journal.Ledger().Close())
}

// run serves the hook. Without a journal, exports are forgotten when this process ends.
func run(ctx context.Context, listen string, once bool, journal *pipeline.Journal) error {
	secret := os.Getenv("ROSSUM_HOOK_SECRET")
	switch {
	case secret == "" && !once:
		return errors.New("set ROSSUM_HOOK_SECRET to the hook's secret")
	case secret == "":
		secret = rand.Text() // for the one call that this program makes itself
	}
	chain, err := pipeline.New(
		&steps.Purge{},
		&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "csv", Template: "number,total\n{{ field.document_id }},{{ field.amount_total }}\n"}}},
		&steps.Evaluate{Check: steps.Check{Condition: "is_empty(field.document_id)", Message: "The invoice has no number."}},
	)
	if err != nil {
		return err
	}
	hook, err := hookserver.New(hookserver.Options{Chain: chain, SignatureSecrets: []string{secret}, Journal: journal})
	if err != nil {
		return err // such as: secret 1 is empty
	}
	mux := http.NewServeMux()
	mux.Handle("/export", hook)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	if listen == "" {
		listen = "127.0.0.1:0"
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("serving at http://%s/export\n", l.Addr())
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	if once {
		if err := call("http://"+l.Addr().String()+"/export", secret); err != nil {
			return err
		}
	} else {
		<-ctx.Done()
	}
	// Exports that are running get the time that Rossum gives them.
	ctx, cancel := context.WithTimeout(context.Background(), rossum.DefaultHookTimeout)
	defer cancel()
	if err := errors.Join(server.Shutdown(ctx), hook.Shutdown(ctx)); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// call calls the hook as Rossum does.
func call(url, secret string) error {
	body := string(rossumtest.Annotation(rossumtest.Field("document_id", "2026-0042"), rossumtest.Field("amount_total", "12.50"), rossumtest.Offline()).Bytes())
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	rossum.Sign(req.Header, []byte(body), secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Println("answered with", resp.Status)
	return nil
}
