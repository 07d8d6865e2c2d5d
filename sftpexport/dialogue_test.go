package sftpexport_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
)

// question is one that a server asks in a round of its own.
type question struct {
	instruction, text string
	isShown           bool
}

const dialoguePassword = "dialogue-password-5"

// TestAPasswordAnswersOnlyQuestionsForIt: servers ask for names, passwords, further factors,
// and new passwords, in one round or in several.
func TestAPasswordAnswersOnlyQuestionsForIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		rounds [][]question
		want   []string // answers until the login is over
		text   string   // of the error; "" if it succeeds
	}{
		{"a password", [][]question{{{"", "Password: ", false}}}, []string{dialoguePassword}, ""},
		{"in German", [][]question{{{"", "Kennwort:", false}}}, []string{dialoguePassword}, ""},
		{"a hidden question without a word that is known", [][]question{{{"", "SecretWord>", false}}}, []string{dialoguePassword}, ""},
		{"a name and a password", [][]question{{{"", "login: ", true}, {"", "Password: ", false}}}, []string{"erp", dialoguePassword}, ""},
		{
			"two passwords in two rounds", [][]question{{{"", "Password: ", false}}, {{"", "LDAP Password: ", false}}},
			[]string{dialoguePassword, dialoguePassword}, "",
		},
		{
			"a code after it", [][]question{{{"", "Password: ", false}}, {{"", "Verification code: ", false}}}, []string{dialoguePassword},
			"more than a password",
		},
		{
			"a factor without a word that is known after it", [][]question{{{"", "Password: ", false}}, {{"", "Duo: ", false}}},
			[]string{dialoguePassword}, "more than a password",
		},
		{"a one-time password", [][]question{{{"", "One-time password (OATH) for `erp': ", false}}}, nil, "more than a password"},
		{"a PIN", [][]question{{{"", "Enter PIN: ", false}}}, nil, "more than a password"},
		{"a choice", [][]question{{{"", "Passcode or option (1-2): ", true}}}, nil, "more than a password"},
		{
			"a new password", [][]question{{{"", "Password: ", false}}, {{"", "New password: ", false}, {"", "Retype new password: ", false}}},
			[]string{dialoguePassword}, "wants the password to be changed",
		},
		{
			"the old password, of PAM", [][]question{{{"You must change your password now", "(current) UNIX password: ", false}}}, nil,
			"wants the password to be changed",
		},
		{
			"an expired password in the instruction", [][]question{{{"Your password has expired", "Password: ", false}}}, nil,
			"wants the password to be changed",
		},
		{"a name with a word of another question in it", [][]question{{{"", "Data Exchange password: ", false}}}, []string{dialoguePassword}, ""},
		{"an address in it", [][]question{{{"", "(erp@codes.token.example) Password: ", false}}}, []string{dialoguePassword}, ""},
		{"a host in it", [][]question{{{"", "otp-factory.example.com password: ", false}}}, []string{dialoguePassword}, ""},
		{"a factor for an address", [][]question{{{"", "Code for erp@files.example: ", false}}}, nil, "more than a password"},
		{"a factor in German", [][]question{{{"", "Bestätigungscode: ", false}}}, nil, "more than a password"},
		{
			"where it may be changed", [][]question{{{"To change your password, see https://files.example/", "Password: ", false}}},
			[]string{dialoguePassword}, "",
		},
		{
			"that it is to be changed", [][]question{{{"Welcome. Please change your password.", "Password: ", false}}}, nil,
			"wants the password to be changed",
		},
		{
			"that it must be changed", [][]question{{{"You are required to change your password immediately.", "Password: ", false}}}, nil,
			"wants the password to be changed",
		},
		{
			"the same again", [][]question{{{"", "Password: ", false}}, {{"", "Password: ", false}}}, []string{dialoguePassword},
			"does not take the password",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			config := &ssh.ServerConfig{
				KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
					for _, round := range c.rounds {
						var texts []string
						var shown []bool
						for _, q := range round {
							texts, shown = append(texts, q.text), append(shown, q.isShown)
						}
						answers, err := ask("", round[0].instruction, texts, shown)
						if err != nil {
							return nil, err
						}
						got = append(got, answers...)
					}
					return nil, nil
				},
			}
			step, _ := dialogue(t, config)
			err := login(t, step, rossumtest.Secret("password", dialoguePassword))
			switch {
			case c.text == "" && !strings.Contains(fmt.Sprint(err), "logged in"), // "logged in" is the server's answer, which has no SFTP
				c.text != "" && (!errors.Is(err, sftpexport.ErrAuth) || !strings.Contains(err.Error(), c.text)):
				t.Errorf("the error is %v", err)
			case strings.Contains(err.Error(), dialoguePassword):
				t.Errorf("the error shows the password: %v", err)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("answered %q, want %q", got, c.want)
			}
		})
	}
}

// TestMethodsInSteps: a server may want several methods one after the other.
func TestMethodsInSteps(t *testing.T) {
	t.Parallel()
	private, err := os.ReadFile(sshKeyOf(t, "ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	password := func(next error) func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
		return func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			if string(p) != dialoguePassword {
				return nil, errors.New("wrong")
			}
			return nil, next
		}
	}
	key := func(next error) func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
		return func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, next }
	}
	keyboard := func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
		got, err := ask("", "", []string{"Password: "}, []bool{false})
		if err == nil && got[0] != dialoguePassword {
			err = errors.New("wrong")
		}
		return nil, err
	}
	silent := func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
		_, err := ask("", "A push was sent to your phone", nil, nil)
		return nil, err
	}
	then := func(next ssh.ServerAuthCallbacks) error { return &ssh.PartialSuccessError{Next: next} }
	for name, config := range map[string]*ssh.ServerConfig{
		"key, then password":                {PublicKeyCallback: key(then(ssh.ServerAuthCallbacks{PasswordCallback: password(nil)}))},
		"password, then key":                {PasswordCallback: password(then(ssh.ServerAuthCallbacks{PublicKeyCallback: key(nil)}))},
		"key, then keyboard":                {PublicKeyCallback: key(then(ssh.ServerAuthCallbacks{KeyboardInteractiveCallback: keyboard}))},
		"key, then a push without question": {PublicKeyCallback: key(then(ssh.ServerAuthCallbacks{KeyboardInteractiveCallback: silent}))},
		"password, then keyboard":           {PasswordCallback: password(then(ssh.ServerAuthCallbacks{KeyboardInteractiveCallback: keyboard}))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step, _ := dialogue(t, config)
			err := login(t, step, rossumtest.Secret("password", dialoguePassword), rossumtest.Secret("ssh_key", string(private)))
			if !strings.Contains(fmt.Sprint(err), "logged in") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// relay stands between the credentials' server and its clients, whom it greets. hangUp ends
// the connections that there are.
func relay(t *testing.T, c *sftpexport.Credentials, greeting string) (hangUp func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := fmt.Sprintf("127.0.0.1:%d", c.Port)
	c.Port = sftpexport.Port(l.Addr().(*net.TCPAddr).Port)
	var mu sync.Mutex
	var conns []net.Conn
	hangUp = func() {
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
	t.Cleanup(func() { _ = l.Close(); hangUp() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				return
			}
			mu.Lock()
			conns = append(conns, in, out)
			mu.Unlock()
			_, _ = io.WriteString(in, greeting)
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_, _ = in.Close(), out.Close()
				}()
			}
		}
	}()
	return hangUp
}

func TestAKeyboardThatIsRefusedUnaskedIsToldAsALogin(t *testing.T) {
	t.Parallel()
	config := &ssh.ServerConfig{
		KeyboardInteractiveCallback: func(ssh.ConnMetadata, ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			return nil, errors.New("not for this user")
		},
		PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, errors.New("wrong") },
	}
	step, _ := dialogue(t, config)
	err := login(t, step, rossumtest.Secret("password", dialoguePassword))
	if !errors.Is(err, sftpexport.ErrAuth) || !strings.Contains(err.Error(), "takes neither the password") {
		t.Errorf("the error is %v", err)
	}
}

// TestAServerThatHangsUpAtThePasswordIsNotAskedAgain: some say no like that, and lock the
// account after a few times.
func TestAServerThatHangsUpAtThePasswordIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	var logins atomic.Int64
	var hangUp func() // set before anybody connects
	config := &ssh.ServerConfig{PasswordCallback: func(m ssh.ConnMetadata, _ []byte) (*ssh.Permissions, error) {
		logins.Add(1)
		hangUp()
		return nil, errors.New("wrong")
	}}
	step, _ := dialogue(t, config)
	hangUp = relay(t, &step.Credentials, "")
	err := login(t, step, rossumtest.Secret("password", dialoguePassword))
	if !errors.Is(err, sftpexport.ErrAuth) || logins.Load() != 1 || !strings.Contains(err.Error(), "when it had seen the password") {
		t.Errorf("%d logins, error %v", logins.Load(), err)
	}
}

// TestOtherProtocolsAreKnownByTheirGreeting although their servers wait for the client.
func TestOtherProtocolsAreKnownByTheirGreeting(t *testing.T) {
	t.Parallel()
	for _, greeting := range []string{
		"220 files.example.com FTP server ready\r\n", "220 what p\xe4ssword-\xfcnd-geh\xebim opens\r\n", "220-Welcome\r\n220 ready\r\n", "+OK POP3 ready\r\n", "* OK IMAP4rev1\r\n", "HTTP/1.1 400 Bad Request\r\n",
	} {
		t.Run(greeting, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			var n atomic.Int64
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					n.Add(1)
					t.Cleanup(func() { _ = conn.Close() }) // it waits until then
					_, _ = io.WriteString(conn, greeting)
				}
			}()
			c := sftpexport.Credentials{
				Type: "sftp", Host: "127.0.0.1", Port: sftpexport.Port(l.Addr().(*net.TCPAddr).Port), Username: "u", InsecureIgnoreHostKey: true,
			}
			err = login(t, replacing(t, c, "/out"), rossumtest.Secret("password", "pässword-ünd-gehëim"))
			if strings.Contains(err.Error(), "ssword") || strings.Contains(err.Error(), "geh") {
				t.Errorf("the password is shown: %v", err)
			}
			if !errors.Is(err, sftpexport.ErrConnection) || !strings.Contains(err.Error(), "no SSH server answers") || n.Load() != 1 {
				t.Errorf("%d connections, error %v", n.Load(), err)
			}
		})
	}
}

func TestABannerBeforeTheVersionIsRead(t *testing.T) {
	t.Parallel()
	s := realtest.NewOpenSSH(t)
	c := s.Credentials()
	relay(t, &c, "Authorised use only.\r\n"+strings.Repeat("-", 70)+"\r\n")
	if err := login(t, replacing(t, c, s.Dir), rossumtest.Secret("ssh_key", s.Text)); err != nil {
		t.Error(err)
	}
}

func TestAServerThatEndsAtOnceIsTriedAgainAndSaysWhatMayBe(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go hangUp(conn)
		}
	}()
	c := sftpexport.Credentials{
		Type:                  "sftp",
		Host:                  "127.0.0.1",
		Port:                  sftpexport.Port(l.Addr().(*net.TCPAddr).Port),
		Username:              "u",
		InsecureIgnoreHostKey: true,
	}
	err = login(t, replacing(t, c, "/out"), rossumtest.Secret("password", "p-of-nobody"))
	if !errors.Is(err, sftpexport.ErrConnection) || !strings.Contains(err.Error(), "let in certain addresses only") {
		t.Errorf("the error is %v", err)
	}
}

// TestHostKeysAsOtherProgramsPrintThem: WinSCP, ssh.com's, records of DNS.
func TestHostKeysAsOtherProgramsPrintThem(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	other, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	for name, printed := range map[string]func(key, sum, inHex string) string{
		"WinSCP": func(_, sum, _ string) string { return "ssh-ed25519 255 " + sum + "=" },
		"WinSCP in quotation": func(_, sum, _ string) string {
			return "ssh-ed25519 255 " + strings.NewReplacer("+", "-", "/", "_").Replace(sum)
		},
		"the sum alone":           func(_, sum, _ string) string { return sum },
		"with its padding":        func(_, sum, _ string) string { return "SHA256:" + sum + "=" },
		"SSHFP":                   func(_, _, inHex string) string { return "files.example.com. 3600 IN SSHFP 4 2 " + inHex },
		"hexadecimal with colons": func(_, _, inHex string) string { return colons(inHex) },
		"marked and hexadecimal":  func(_, _, inHex string) string { return "SHA256:" + inHex },
		"RFC 4716": func(key, _, _ string) string {
			return "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"256-bit\\\n by somebody\"\n" + key[:40] + "\n" + key[40:] +
				"\n---- END SSH2 PUBLIC KEY ----\n"
		},
		"RFC 4716 with CRLF, two of them": func(key, _, _ string) string {
			return strings.Repeat("---- BEGIN SSH2 PUBLIC KEY ----\r\nSubject: a\r\n"+key+"\r\n---- END SSH2 PUBLIC KEY ----\r\n", 2)
		},
	} {
		// What is read must let the server in, and still tell servers apart.
		for line, want := range map[string]error{s.HostKey(): nil, string(ssh.MarshalAuthorizedKey(other.PublicKey())): sftpexport.ErrHostKey} {
			key := strings.Fields(line)[1]
			raw, err := base64.StdEncoding.DecodeString(key)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(raw)
			c := s.Credentials()
			c.HostKey = printed(key, base64.RawStdEncoding.EncodeToString(sum[:]), hex.EncodeToString(sum[:]))
			err = login(t, replacing(t, c, "/out"), rossumtest.Secret("password", s.Secrets()["password"]))
			if !errors.Is(err, want) {
				t.Errorf("%s, %q: %v", name, c.HostKey, err)
			}
		}
	}
}

func colons(text string) string {
	var parts []string
	for i := 0; i < len(text); i += 2 {
		parts = append(parts, text[i:i+2])
	}
	return strings.Join(parts, ":")
}
