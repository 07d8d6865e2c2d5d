package sftpexport

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/rossum"
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

// authMethods makes SSH credentials of the hook's secrets.
func authMethods(secrets rossum.Secrets) ([]ssh.AuthMethod, error) {
	if kind := secrets["type"]; kind != "" && kind != "sftp" {
		return nil, fmt.Errorf("secret type is %q, and the credentials are of type sftp", kind)
	}
	var methods []ssh.AuthMethod
	if key := secrets["ssh_key"]; key != "" {
		signer, err := parseKey(key, secrets["ssh_key_passphrase"])
		if err != nil {
			return nil, fmt.Errorf("secret ssh_key: %w", err)
		}
		methods = append(methods, ssh.PublicKeys(signer))
	}
	if password := secrets["password"]; password != "" {
		methods = append(methods, ssh.Password(password), ssh.KeyboardInteractive(
			func(_, _ string, questions []string, _ []bool) ([]string, error) {
				answers := make([]string, len(questions))
				for i := range answers {
					answers[i] = password
				}
				return answers, nil
			}))
	}
	if methods == nil {
		return nil, errors.New("the hook has neither secret password nor secret ssh_key")
	}
	return methods, nil
}

// parseKey reads a private key in OpenSSH's format or in PEM. Secrets are often
// typed into forms, so a key whose line breaks became \n, or blanks, is mended.
func parseKey(text, passphrase string) (ssh.Signer, error) {
	pem := []byte(mendKey(text))
	signer, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return withSHA2(signer)
	case errors.As(err, &locked) && passphrase == "":
		return nil, errors.New("the key has a passphrase; put it into the secret ssh_key_passphrase")
	case errors.As(err, &locked):
		if signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase)); err != nil {
			return nil, errors.New("the secret ssh_key_passphrase does not open the key")
		}
		return withSHA2(signer)
	case strings.HasPrefix(strings.TrimSpace(text), "ssh-"), strings.HasPrefix(strings.TrimSpace(text), "ecdsa-"):
		return nil, errors.New("this is a public key; the private one is needed")
	case strings.HasPrefix(strings.TrimSpace(text), "PuTTY-User-Key-File"):
		return nil, errors.New("this is PuTTY's format; export the key from PuTTYgen as an OpenSSH key")
	}
	// The library's text may quote the key.
	return nil, errors.New("this is no private key in OpenSSH's format or in PEM")
}

// withSHA2 keeps RSA keys from signing with SHA-1, which servers refuse.
func withSHA2(signer ssh.Signer) (ssh.Signer, error) {
	if signer.PublicKey().Type() != ssh.KeyAlgoRSA {
		return signer, nil
	}
	capable, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("this RSA key cannot sign with SHA-2")
	}
	return ssh.NewSignerWithAlgorithms(capable, []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256})
}

// mendKey gives a key that lost its line breaks new ones.
func mendKey(text string) string {
	text = strings.TrimSpace(strings.NewReplacer("\r\n", "\n", `\r\n`, "\n", `\n`, "\n").Replace(text))
	if strings.Contains(text, "\n") {
		return text + "\n"
	}
	head, rest, ok := strings.Cut(strings.TrimPrefix(text, "-----"), "-----")
	body, tail, ok2 := strings.Cut(rest, "-----")
	if !ok || !ok2 {
		return text
	}
	return "-----" + head + "-----\n" + strings.Join(strings.Fields(body), "\n") + "\n-----" + strings.TrimSuffix(tail, "-----") + "-----\n"
}
