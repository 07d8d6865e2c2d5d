package sshkey

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"encoding/binary"
	"encoding/pem"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/ssh"
)

// opensshMagic begins a key in OpenSSH's format (PROTOCOL.key of its source).
const opensshMagic = "openssh-key-v1\x00"

// opensshKey is what follows it. Tag is that of an authenticating cipher.
type opensshKey struct {
	Cipher, KDF, Options string
	Keys                 uint32
	Public, Private      []byte
	Tag                  []byte `ssh:"rest"`
}

// opensshCiphers are those that ssh-keygen -Z takes, with the lengths of their key
// and vector.
var opensshCiphers = map[string]struct {
	key, iv int
	open    func(key, iv, data, tag []byte) ([]byte, error)
}{
	"aes128-ctr": {16, 16, openCTR}, "aes192-ctr": {24, 16, openCTR}, "aes256-ctr": {32, 16, openCTR},
	"aes128-cbc": {16, 16, openAESCBC}, "aes192-cbc": {24, 16, openAESCBC}, "aes256-cbc": {32, 16, openAESCBC},
	"rijndael-cbc@lysator.liu.se": {32, 16, openAESCBC}, "3des-cbc": {24, 8, openDES},
	"aes128-gcm@openssh.com": {16, 12, openGCM}, "aes256-gcm@openssh.com": {32, 12, openGCM},
	"chacha20-poly1305@openssh.com": {64, 0, openChaCha},
}

// maxRounds bounds what opening a key may cost; ssh-keygen's default is 16 or 24.
const maxRounds = 4096

func parseOpenSSH(data, passphrase []byte) (crypto.PrivateKey, error) {
	var k opensshKey
	if len(data) < len(opensshMagic) || ssh.Unmarshal(data[len(opensshMagic):], &k) != nil || k.Keys != 1 {
		return nil, errNotReadable
	}
	switch publicType(k.Public) {
	case "ssh-dss":
		return nil, ErrDSA
	case "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com":
		return nil, errSecurityToken
	}
	if k.Cipher != "none" {
		plain, err := k.open(passphrase)
		if err != nil {
			return nil, err
		}
		k = opensshKey{Cipher: "none", KDF: "none", Keys: 1, Public: k.Public, Private: plain}
	}
	k.Tag = nil
	block := &pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: append([]byte(opensshMagic), ssh.Marshal(k)...)}
	key, err := ssh.ParseRawPrivateKey(pem.EncodeToMemory(block))
	if err != nil {
		return nil, errNotReadable
	}
	return key, nil
}

// publicType is the kind of a public key, "" if it cannot be told.
func publicType(public []byte) string {
	var head struct {
		Type string
		Rest []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(public, &head) != nil {
		return ""
	}
	return head.Type
}

// open decrypts the private part. Two equal numbers at its beginning show that the
// passphrase is right.
func (k *opensshKey) open(passphrase []byte) ([]byte, error) {
	var options struct {
		Salt   string
		Rounds uint32
	}
	c, known := opensshCiphers[k.Cipher]
	switch {
	case !known || k.KDF != "bcrypt":
		return nil, errUnsupported
	case len(passphrase) == 0:
		return nil, ErrNoPassphrase
	case ssh.Unmarshal([]byte(k.Options), &options) != nil || options.Salt == "" || options.Rounds == 0:
		return nil, errNotReadable
	case options.Rounds > maxRounds:
		return nil, errTooExpensive
	}
	derived := bcryptKey(passphrase, []byte(options.Salt), int(options.Rounds), c.key+c.iv)
	plain, err := c.open(derived[:c.key], derived[c.key:], k.Private, k.Tag)
	if err != nil {
		return nil, err
	}
	if len(plain) < 8 || binary.BigEndian.Uint32(plain) != binary.BigEndian.Uint32(plain[4:]) {
		return nil, ErrPassphrase
	}
	return plain, nil
}

func openCTR(key, iv, data, _ []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(data))
	cipher.NewCTR(block, iv).XORKeyStream(plain, data)
	return plain, nil
}

func openAESCBC(key, iv, data, _ []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return openCBC(block, iv, data)
}

func openDES(key, iv, data, _ []byte) ([]byte, error) {
	block, err := des.NewTripleDESCipher(key)
	if err != nil {
		return nil, err
	}
	return openCBC(block, iv, data)
}

func openCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	if len(data) == 0 || len(data)%block.BlockSize() != 0 || len(iv) != block.BlockSize() {
		return nil, errNotReadable
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	return plain, nil
}

func openGCM(key, iv, data, tag []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, iv, append(append([]byte(nil), data...), tag...), nil)
	if err != nil {
		return nil, ErrPassphrase
	}
	return plain, nil
}

// openChaCha is OpenSSH's own combination of ChaCha20 and Poly1305
// (PROTOCOL.chacha20poly1305), for packet 0 and without its encrypted length.
func openChaCha(key, _, data, tag []byte) ([]byte, error) {
	c, err := chacha20.NewUnauthenticatedCipher(key[:32], make([]byte, chacha20.NonceSize))
	if err != nil {
		return nil, err
	}
	first := make([]byte, 64)
	c.XORKeyStream(first, first)
	if sum := poly1305(first[:32], data); subtle.ConstantTimeCompare(sum[:], tag) != 1 {
		return nil, ErrPassphrase
	}
	plain := make([]byte, len(data))
	c.XORKeyStream(plain, data)
	return plain, nil
}
