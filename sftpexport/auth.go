package sftpexport

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/sshkey"
)

// port of the SFTP server.
func (c *Credentials) port() int {
	if c.Port == 0 {
		return 22
	}
	return int(c.Port)
}

func (c *Credentials) hostPort() string {
	return net.JoinHostPort(strings.Trim(c.Host, "[]"), strconv.Itoa(c.port()))
}

// checkLogin says what is missing of the secrets that a login needs.
func checkLogin(secrets rossum.Secrets) error {
	if kind := secrets["type"]; kind != "" && kind != "sftp" {
		return fmt.Errorf("secret type is %q, and the credentials are of type sftp", kind)
	}
	if strings.TrimSpace(secrets["ssh_key"]) == "" && secrets["password"] == "" {
		return errors.New("the hook has neither secret password nor secret ssh_key")
	}
	return nil
}

// checkKey reads the key, too, unless that is work, as it is for an encrypted one.
func checkKey(secrets rossum.Secrets) error {
	if err := checkLogin(secrets); err != nil {
		return err
	}
	key := secrets["ssh_key"]
	if strings.TrimSpace(key) == "" || secrets["ssh_key_passphrase"] != "" {
		return nil
	}
	if _, err := sshkey.Parse(key, ""); err != nil {
		return fmt.Errorf("secret ssh_key: %w", err)
	}
	return nil
}

// authMethods makes SSH credentials of the hook's secrets. A server may ask for
// several of them, one after the other. They are made for each connection, since they
// count what they are asked.
func authMethods(user string, secrets rossum.Secrets, signatures []string) (func() []ssh.AuthMethod, error) {
	if err := checkLogin(secrets); err != nil {
		return nil, err
	}
	var signers []ssh.Signer
	if key := secrets["ssh_key"]; strings.TrimSpace(key) != "" {
		signer, err := sshkey.Parse(key, secrets["ssh_key_passphrase"])
		if err == nil {
			signers, err = signing(signer, signatures)
		}
		if err != nil {
			return nil, fmt.Errorf("secret ssh_key: %w", err)
		}
	}
	password := secrets["password"]
	return func() []ssh.AuthMethod {
		var methods []ssh.AuthMethod
		if signers != nil {
			methods = append(methods, ssh.PublicKeys(signers...))
		}
		if password != "" {
			methods = append(methods, ssh.Password(password), ssh.KeyboardInteractive(answers(user, password)))
		}
		return methods
	}, nil
}

// maxQuestions ends a dialogue with a server that asks again and again.
const maxQuestions = 8

// answers answers what a server asks like a person at a keyboard: the user's name
// where the answer is shown, else the password, and that only once for each question.
func answers(user, password string) ssh.KeyboardInteractiveChallenge {
	var asked atomic.Int64
	given := make(map[string]bool)
	return func(_, _ string, questions []string, shown []bool) ([]string, error) {
		list := make([]string, len(questions))
		for i, question := range questions {
			words := strings.ToLower(question)
			isName := shown[i] && (strings.Contains(words, "user") || strings.Contains(words, "login") || strings.Contains(words, "name"))
			switch {
			case isName:
				list[i] = user
				continue
			case strings.Contains(words, "code") || strings.Contains(words, "otp") || strings.Contains(words, "one-time") || strings.Contains(words, "token"):
				return nil, fmt.Errorf("the server asks for more than a password (%q), which no program can answer", naming.Shorten(strings.TrimSpace(question), 80))
			case given[question] || asked.Add(1) > maxQuestions:
				return nil, fmt.Errorf("the server does not take the password as the answer to %q", naming.Shorten(strings.TrimSpace(question), 80))
			}
			given[question] = true
			list[i] = password
		}
		return list, nil
	}
}

// signing keeps RSA keys from signing with SHA-1, which servers refuse, unless the
// settings name it. Then it is tried last: servers may announce signatures that they
// do not take.
func signing(signer ssh.Signer, signatures []string) ([]ssh.Signer, error) {
	if signer.PublicKey().Type() != ssh.KeyAlgoRSA {
		return []ssh.Signer{signer}, nil
	}
	capable, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("this RSA key cannot sign with SHA-2")
	}
	var signers []ssh.Signer
	for _, list := range [][]string{{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}, {ssh.KeyAlgoRSA}} {
		if !slices.Contains(signatures, list[0]) {
			continue
		}
		one, err := ssh.NewSignerWithAlgorithms(capable, list)
		if err != nil {
			return nil, err
		}
		signers = append(signers, one)
	}
	return signers, nil
}
