package components_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/internal/canary"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// spoiltKeys are a private key as people paste it, and what is left of one.
func spoiltKeys(key string) map[string]string {
	lines := strings.Split(strings.TrimSpace(key), "\n")
	middle := len(lines) / 2
	swapped := append([]string{}, lines...)
	swapped[middle], swapped[middle-1] = swapped[middle-1], swapped[middle]
	return map[string]string{
		"whole": key, "CRLF": strings.ReplaceAll(key, "\n", "\r\n"), "escaped": strings.ReplaceAll(key, "\n", `\n`), "one line": strings.Join(lines, " "),
		"no breaks": strings.Join(lines, ""), "half": key[:len(key)/2], "no head": strings.Join(lines[1:], "\n"), "no end": strings.Join(lines[:len(lines)-1], "\n"),
		"lines swapped": strings.Join(swapped, "\n"), "a letter changed": strings.Replace(key, lines[middle], "!"+lines[middle][1:], 1),
		"indented": "  " + strings.Join(lines, "\n  "), "quoted": fmt.Sprintf("%q", key), "in base64": base64.StdEncoding.EncodeToString([]byte(key)),
		"twice": key + key, "of another kind": strings.ReplaceAll(strings.ReplaceAll(key, "OPENSSH", "RSA"), " EC ", " OPENSSH "), "after words": "key: " + key,
	}
}

// digitsOfKey are what a key has besides words.
var digitsOfKey = regexp.MustCompile(`[A-Za-z0-9+/=]{24,}`)

// keyShown returns a part of a key that a text shows.
func keyShown(text, key string) string {
	for _, run := range digitsOfKey.FindAllString(key, -1) {
		for _, part := range []string{run[:24], run[len(run)-24:]} {
			if strings.Contains(text, part) {
				return part
			}
		}
	}
	return ""
}

func TestAKeyIsFound(t *testing.T) {
	t.Parallel()
	const line = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"
	for text, want := range map[string]bool{"x " + line[:30]: true, "x" + line[12:]: true, line[:20]: false, "BEGIN OPENSSH PRIVATE KEY": false} {
		if got := keyShown(text, "-----BEGIN OPENSSH PRIVATE KEY-----\n"+line+"\n"); (got != "") != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// No output of an export shows a private key or its passphrase, of whatever kind the key is and
// whatever has become of it: as a login of SFTP, and as what signs for a token.
func TestNoOutputShowsAPrivateKey(t *testing.T) {
	t.Parallel()
	server, err := sftptest.NewServer("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	files, err := filepath.Glob("../../sftpexport/internal/sshkey/testdata/*.key")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d keys, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			locked := strings.Contains(name, "locked")
			for how, key := range spoiltKeys(string(data)) {
				if locked && how != "whole" && how != "half" && how != "escaped" || !gates(8, name, how) {
					continue // reading a locked one takes long on purpose
				}
				parts := []rossumtest.Part{rossumtest.Secret("type", "sftp"), rossumtest.Secret("ssh_key", key)}
				if locked {
					parts = append(parts, rossumtest.Secret("ssh_key_passphrase", canaries["hook"]))
				}
				credentials := server.Credentials()
				checkNoKey(t, how+", for SFTP", key, outputs(t, []pipeline.Step{&sftpexport.Step{
					Credentials: credentials, Rules: []sftpexport.Rule{{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}},
				}}, parts...))
				for place, value := range map[string]string{"of the secrets": "{payload.secrets.ssh_key}", "of the settings": key} {
					step, err := signing(value)
					if err != nil {
						checkNoKey(t, how+", "+place, key, canary.Errors(err))
						continue
					}
					checkNoKey(t, how+", "+place, key, outputs(t, []pipeline.Step{step}, parts...))
				}
			}
		})
	}
}

func checkNoKey(t *testing.T, how, key string, all []canary.Output) {
	t.Helper()
	for _, found := range all {
		if part := keyShown(found.Text, key); part != "" || shown(found.Text) != "" {
			t.Errorf("%s: the %s shows %s%s: %.300s", how, found.Name, part, shown(found.Text), found.Text[max(0, strings.Index(found.Text, part)-150):])
			return
		}
	}
}

// signing is a step that signs for a token with a key.
func signing(key string) (pipeline.Step, error) {
	quoted, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	s := new(requestprocessor.Step)
	return s, json.Unmarshal([]byte(`{"stages":[{"call_api":[{"name":"c","auth":{"type":"oauth2_private_certificate","url":"http://127.0.0.1:1/token",
		"client_id":"x","certificate_id":"x","private_certificate":`+string(quoted)+`,"credential_key":"access_token"},
		"request":{"url":"http://127.0.0.1:1/x","method":"GET","timeout":1,"headers":{"Authorization":"Bearer {token}"}}}]}]}`), s)
}

// talkative is an SSH server that repeats the password that it was given, after so many bytes
// of other words, in one of the places where a server may speak.
type talkative struct {
	place string
	after int
	said  string
	mu    sync.Mutex
}

func (s *talkative) heard(password string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = strings.Repeat("x", s.after) + " " + password
	return s.said
}

func (s *talkative) says() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}

func (s *talkative) serve(c net.Conn, key ssh.Signer) {
	defer c.Close()
	config := &ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		text := s.heard(string(password))
		if s.place == "banner" || s.place == "question" || s.place == "instruction" {
			return nil, &ssh.BannerError{Err: errors.New("no"), Message: text}
		}
		return nil, nil
	}}
	if s.place == "question" || s.place == "instruction" {
		config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil || len(answers) == 0 {
				return nil, errors.New("no answer")
			}
			text := s.heard(answers[0])
			if s.place == "instruction" {
				_, err = ask(text, text, []string{"New password"}, []bool{false})
			} else {
				_, err = ask("", "", []string{text}, []bool{false})
			}
			return nil, fmt.Errorf("no: %w", err)
		}
	}
	config.AddHostKey(key)
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		if s.place == "channel" {
			_ = channel.Reject(ssh.Prohibited, s.says())
			continue
		}
		opened, asked, err := channel.Accept()
		if err != nil {
			return
		}
		for r := range asked {
			_ = r.Reply(r.Type == "subsystem", nil)
			if r.Type == "subsystem" {
				_, _ = io.WriteString(opened.Stderr(), s.says())
				if s.place == "output" {
					_, _ = io.WriteString(opened, s.says())
				}
				_, _ = opened.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{1}))
				_ = opened.Close()
			}
		}
	}
}

// No output shows the password of a login, wherever an SSH server repeats it, and wherever what
// it says is cut.
func TestNoOutputShowsAPasswordThatAnSSHServerRepeats(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cuts := map[string][]int{
		"banner": {0, 240}, "question": {0, 50, 55, 60, 65, 70, 74}, "instruction": {0, 60}, "channel": {0, 250}, "stderr": {0, 375, 380, 385, 390}, "output": {0},
	}
	for place, lengths := range cuts {
		for _, after := range lengths {
			s := &talkative{place: place, after: after}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					serving.Go(func() { s.serve(c, signer) })
				}
			})
			address := l.Addr().(*net.TCPAddr)
			all := outputs(t, []pipeline.Step{&sftpexport.Step{
				Credentials: sftpexport.Credentials{
					Type: "sftp", Host: "127.0.0.1", Port: sftpexport.Port(address.Port), Username: "u", InsecureIgnoreHostKey: true,
				},
				Rules: []sftpexport.Rule{{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}},
			}}, rossumtest.Secret("type", "sftp"), rossumtest.Secret("password", canaries["login"]))
			_ = l.Close()
			if s.says() == "" {
				t.Errorf("%s after %d: the server got no password", place, after)
			}
			for _, found := range all {
				if form := shown(found.Text); form != "" {
					t.Errorf("%s after %d: the %s shows %s", place, after, found.Name, form)
					break
				}
			}
			serving.Wait()
		}
	}
}

// No output shows what an SFTP server repeats of a secret in the words of its errors.
func TestNoOutputShowsASecretInTheErrorOfAnSFTPServer(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"open", "write", "rename", "posix-rename", "stat", "list", "mkdir", "remove"} {
		server, err := sftptest.NewServer("")
		if err != nil {
			t.Fatal(err)
		}
		server.Fail(sftptest.Fault{Op: op, Err: errors.New("not with " + canaries["login"]), Times: -1})
		all := outputs(t, []pipeline.Step{&sftpexport.Step{
			Credentials: server.Credentials(), Rules: []sftpexport.Rule{{Directory: "/a/b", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}},
		}}, rossumtest.Secret("type", "sftp"), rossumtest.Secret("password", sftptest.Password))
		_ = server.Close()
		for _, found := range all {
			if form := shown(found.Text); form != "" {
				t.Errorf("%s: the %s shows %s", op, found.Name, form)
				break
			}
		}
	}
}
