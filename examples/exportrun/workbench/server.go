package workbench

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

//go:embed page.html page.css page.js editors.js panels.js codemirror.min.js codemirror.LICENSE.txt
var assets embed.FS

// ErrNotLoopback means that the workbench is to listen where others could reach it.
var ErrNotLoopback = errors.New("the workbench listens on this machine only: give 127.0.0.1, [::1] or localhost, and a port")

// Serve listens at a loopback address, with port 0 for any free one, tells the address of
// the page, which has the token in it, and serves until the context ends.
func (b *Bench) Serve(ctx context.Context, listen string, tell func(address string)) error {
	l, err := Listen(ctx, listen)
	if err != nil {
		return err
	}
	token := rand.Text()
	server := &http.Server{
		Handler: b.Handler(l.Addr().String(), token), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: log.New(io.Discard, "", 0),
	}
	tell("http://" + l.Addr().String() + "/#" + token)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(server.Shutdown(ending), server.Close())
}

// Listen listens at an address of this machine, and refuses every other one.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, ErrNotLoopback)
	}
	if host == "localhost" {
		host = "127.0.0.1" // whatever the name server says
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%s: %w", address, ErrNotLoopback)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, port))
}

// tokenHeader is where the page has the token.
const tokenHeader = "X-Workbench-Token"

// maxBody bounds what the page sends.
const maxBody = 16 << 20

// Handler serves the page at the address that is listened at, to whoever has the token.
func (b *Bench) Handler(address, token string) http.Handler {
	mux := http.NewServeMux()
	nonce := rand.Text() // of the styles that the editor makes; the page is made once
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy(nonce))
		page, _ := assets.ReadFile("page.html")
		serveAsset(w, "text/html; charset=utf-8", bytes.ReplaceAll(page, []byte("{{nonce}}"), []byte(nonce)))
	})
	for name, kind := range map[string]string{"page.css": "text/css", "page.js": "text/javascript", "editors.js": "text/javascript", "panels.js": "text/javascript",
		"codemirror.min.js": "text/javascript", "codemirror.LICENSE.txt": "text/plain"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) {
			content, _ := assets.ReadFile(name)
			serveAsset(w, kind+"; charset=utf-8", content)
		})
	}
	mux.HandleFunc("GET /run/{id}", b.servePage)
	for path, answer := range map[string]func(context.Context, []byte) (any, error){
		"state": b.answerState, "hook": b.answerHook, "try": b.answerTry, "save": b.answerSave, "data": b.answerData, "run": b.answerRun,
	} {
		mux.HandleFunc("POST /api/"+path, func(w http.ResponseWriter, r *http.Request) {
			if subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(token)) != 1 {
				refuse(w, http.StatusUnauthorized, "The token is missing or wrong: open the address that exportrun has printed.")
				return
			}
			serveAnswer(w, r, answer)
		})
	}
	return guarded(address, mux)
}

// policy lets nothing run or load but what is served here. CodeMirror makes its styles
// itself, with the nonce, and draws underlines with data: images.
func policy(nonce string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce + "'; img-src data:; connect-src 'self'; " +
		"frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// guarded lets requests in that this page makes of this address.
func guarded(address string, next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(address)
	hosts := map[string]bool{address: true, "localhost:" + port: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		origin := r.Header.Get("Origin")
		site := r.Header.Get("Sec-Fetch-Site")
		switch {
		case !hosts[r.Host]: // a name that was bound to this machine in the meantime
			refuse(w, http.StatusMisdirectedRequest, "This is not an address of the workbench.")
		case origin != "" && origin != "http://"+r.Host, r.Method == http.MethodPost && origin == "",
			site == "cross-site", site == "same-site":
			refuse(w, http.StatusForbidden, "The workbench answers its own page only.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func serveAsset(w http.ResponseWriter, kind string, content []byte) {
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(content) // whoever has gone does not want it
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text}) // whoever has gone does not want it
}

// serveAnswer answers a request of the page.
func serveAnswer(w http.ResponseWriter, r *http.Request, answer func(context.Context, []byte) (any, error)) {
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		refuse(w, http.StatusUnsupportedMediaType, "The page sends JSON.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, err.Error())
		return
	}
	result, err := answer(r.Context(), body)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(result) // whoever has gone does not want it
}
