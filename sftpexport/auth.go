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

// offer is what one connection logs in with.
type offer struct {
	methods []ssh.AuthMethod
	shown   atomic.Bool // the server has seen the password
}

// authMethods makes SSH credentials of the hook's secrets. A server may ask for
// several of them, one after the other. They are made for each connection, since they
// count what they are asked.
func authMethods(user string, secrets rossum.Secrets, signatures []string) (func() *offer, error) {
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
	return func() *offer {
		o := new(offer)
		if signers != nil {
			o.methods = append(o.methods, ssh.PublicKeys(signers...))
		}
		if password != "" {
			o.methods = append(o.methods, ssh.PasswordCallback(func() (string, error) {
				o.shown.Store(true)
				return password, nil
			}), ssh.KeyboardInteractive(o.answers(user, password)))
		}
		return o
	}, nil
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
