// Package sshkey reads private SSH keys in the forms that people paste into a
// secret: OpenSSH's and PuTTY's formats, PEM and PKCS #8, with and without a
// passphrase, indented, base64-encoded once more, or without their line breaks.
//
// x/crypto/ssh reads keys that are whole files; it has neither PuTTY's format nor
// encrypted PKCS #8, and of OpenSSH's ciphers only AES-CTR and AES-CBC. Errors never
// quote the key.
package sshkey

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Errors that say what is wrong with a key.
var (
	ErrNoKey         = errors.New("this is not a private key in OpenSSH's or PuTTY's format or in PEM")
	ErrPublicKey     = errors.New("this is a public key; the private one is needed")
	ErrNoPassphrase  = errors.New("the key has a passphrase; put it into the secret ssh_key_passphrase")
	ErrPassphrase    = errors.New("the secret ssh_key_passphrase does not open the key")
	ErrDSA           = errors.New("this is a DSA key, which SSH no longer uses; make an Ed25519 or RSA key, and give its public part to the server's operator")
	errNotReadable   = errors.New("the key is damaged: it cannot be read to its end")
	errUnsupported   = errors.New("the key is encrypted in a way that is not supported; convert it with: ssh-keygen -p -f KEYFILE")
	errTooLong       = fmt.Errorf("the text is longer than any key: %d KB and more", maxText>>10)
	errTooExpensive  = errors.New("opening the key would take more memory or time than any real key asks for")
	errSecurityToken = errors.New("this key needs a security token that is touched by hand; make an Ed25519 or RSA key without one")
)

// maxText is how long the text of a key may be. One of RSA with 16,384 bits has 13 KB.
const maxText = 64 << 10

// Parse reads a private key. The passphrase is not looked at if the key has none.
func Parse(text, passphrase string) (ssh.Signer, error) {
	if len(text) > maxText {
		return nil, errTooLong
	}
	key, err := parse(clean(text), []byte(passphrase), true)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, errNotReadable
	}
	return signer, nil
}

// clean removes what editors and forms put around a key.
func clean(text string) string {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.NewReplacer(`\r\n`, "\n", `\n`, "\n", "\r\n", "\n", "\r", "\n", "\u00a0", " ", "\u200b", "").Replace(text)
	return strings.Trim(strings.TrimSpace(text), `"'`)
}

var pemText = regexp.MustCompile(`(?s)-----\s*BEGIN ([A-Z0-9 ]*PRIVATE KEY)\s*-----(.*?)-----\s*END [A-Z0-9 ]+-----`)

func parse(text string, passphrase []byte, mayBeEncoded bool) (crypto.PrivateKey, error) {
	if found := pemText.FindStringSubmatch(text); found != nil {
		block, err := pemBlock(found[1], found[2])
		if err != nil {
			return nil, err
		}
		return parseBlock(block, passphrase)
	}
	switch {
	case strings.Contains(text, "PuTTY-User-Key-File"):
		return parsePuTTY(text, passphrase)
	case strings.HasPrefix(text, "ssh-"), strings.HasPrefix(text, "ecdsa-"), strings.HasPrefix(text, "sk-"), strings.Contains(text, "PUBLIC KEY"):
		return nil, ErrPublicKey
	case !mayBeEncoded:
		return nil, ErrNoKey
	}
	data, err := decodeBase64(text)
	switch {
	case err != nil:
		return nil, ErrNoKey
	case bytes.HasPrefix(data, []byte(opensshMagic)):
		return parseBlock(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: data}, passphrase)
	}
	return parse(clean(string(data)), passphrase, false)
}

func decodeBase64(text string) ([]byte, error) {
	joined := strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
	if strings.ContainsAny(joined, "-_") {
		return base64.RawURLEncoding.DecodeString(joined)
	}
	return base64.RawStdEncoding.DecodeString(joined)
}

var pemHeaders = regexp.MustCompile(`^\s*Proc-Type:\s*4,\s*ENCRYPTED\s+DEK-Info:\s*([A-Za-z0-9-]+),\s*([0-9A-Fa-f]+)\s`)

// pemBlock makes a block of its text, whatever became of its line breaks.
func pemBlock(kind, body string) (*pem.Block, error) {
	block := &pem.Block{Type: kind, Headers: map[string]string{}}
	if found := pemHeaders.FindStringSubmatch(body); found != nil {
		block.Headers["Proc-Type"] = "4,ENCRYPTED"
		block.Headers["DEK-Info"] = strings.ToUpper(found[1]) + "," + found[2]
		body = body[len(found[0]):]
	}
	data, err := decodeBase64(body)
	if err != nil || len(data) == 0 {
		return nil, errNotReadable
	}
	block.Bytes = data
	return block, nil
}

func parseBlock(block *pem.Block, passphrase []byte) (crypto.PrivateKey, error) {
	isLocked := block.Headers["Proc-Type"] != ""
	switch {
	case block.Type == "DSA PRIVATE KEY":
		return nil, ErrDSA
	case block.Type == "OPENSSH PRIVATE KEY":
		return parseOpenSSH(block.Bytes, passphrase)
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return parsePKCS8(block.Bytes, passphrase)
	case isLocked && len(passphrase) == 0:
		return nil, ErrNoPassphrase
	case isLocked:
		key, err := ssh.ParseRawPrivateKeyWithPassphrase(pem.EncodeToMemory(block), passphrase)
		if err != nil {
			return nil, ErrPassphrase
		}
		return key, nil
	}
	key, err := ssh.ParseRawPrivateKey(pem.EncodeToMemory(block))
	switch {
	case err != nil && strings.Contains(err.Error(), "unsupported key type"):
		return nil, ErrNoKey
	case err != nil:
		return nil, errNotReadable
	}
	return key, nil
}
