package sshkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/ssh"
)

// ppkText is a key in PuTTY's format, version 2 or 3 (appendix C of its manual), with
// line breaks or blanks in their place.
var ppkText = regexp.MustCompile(`(?s)PuTTY-User-Key-File-([0-9]+):\s*(\S+)\s+Encryption:\s*(\S+)\s+Comment:[ ]?(.*?)\s*` +
	`Public-Lines:\s*[0-9]+\s+([A-Za-z0-9+/=\s]+?)\s+` +
	`(?:Key-Derivation:\s*(\S+)\s+Argon2-Memory:\s*([0-9]+)\s+Argon2-Passes:\s*([0-9]+)\s+Argon2-Parallelism:\s*([0-9]+)\s+Argon2-Salt:\s*([0-9a-fA-F]*)\s+)?` +
	`Private-Lines:\s*[0-9]+\s+([A-Za-z0-9+/=\s]+?)\s+Private-MAC:\s*([0-9a-fA-F]+)`)

// ppk is what stands in such a key.
type ppk struct {
	version                     string
	kind, encryption, comment   string
	public, private, mac, salt  []byte
	derivation                  string
	memory, passes, parallelism uint64
}

// maxArgon bounds the memory for opening a key, in KiB; PuTTYgen's default is 8192.
const maxArgon = 1 << 20

func parsePuTTY(text string, passphrase []byte) (crypto.PrivateKey, error) {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, " \t") // the comment may end in blanks
	}
	found := ppkText.FindStringSubmatch(strings.Join(lines, "\n"))
	if found == nil {
		return nil, errNotReadable
	}
	k := ppk{version: found[1], kind: found[2], encryption: found[3], comment: found[4], derivation: found[6]}
	var faults [4]error
	k.public, faults[0] = decodeBase64(found[5])
	k.private, faults[1] = decodeBase64(found[11])
	k.mac, faults[2] = hex.DecodeString(found[12])
	k.salt, faults[3] = hex.DecodeString(found[10])
	for i, n := range []*uint64{&k.memory, &k.passes, &k.parallelism} {
		*n, _ = strconv.ParseUint(found[7+i], 10, 32) // 0 if there is none
	}
	for _, err := range faults {
		if err != nil {
			return nil, errNotReadable
		}
	}
	if k.version != "2" && k.version != "3" {
		return nil, errUnsupported
	}
	if err := k.open(passphrase); err != nil {
		return nil, err
	}
	return k.key()
}

// open decrypts the private part, and checks that nothing has changed.
func (k *ppk) open(passphrase []byte) error {
	isLocked := k.encryption != "none"
	switch {
	case isLocked && k.encryption != "aes256-cbc":
		return errUnsupported
	case isLocked && len(passphrase) == 0:
		return ErrNoPassphrase
	case !isLocked:
		passphrase = nil
	}
	key, iv, macKey, err := k.keys(passphrase, isLocked)
	if err != nil {
		return err
	}
	if isLocked {
		if k.private, err = openAESCBC(key, iv, k.private, nil); err != nil {
			return err
		}
	}
	mac := hmac.New(sha256.New, macKey)
	if k.version == "2" {
		mac = hmac.New(sha1.New, macKey)
	}
	for _, part := range [][]byte{[]byte(k.kind), []byte(k.encryption), []byte(k.comment), k.public, k.private} {
		_, _ = mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		_, _ = mac.Write(part)
	}
	switch {
	case hmac.Equal(mac.Sum(nil), k.mac):
		return nil
	case isLocked:
		return ErrPassphrase
	}
	return errNotReadable
}

// keys derives the keys of a version.
func (k *ppk) keys(passphrase []byte, isLocked bool) (key, iv, mac []byte, err error) {
	if k.version == "2" {
		first, second := sha1.Sum(append([]byte{0, 0, 0, 0}, passphrase...)), sha1.Sum(append([]byte{0, 0, 0, 1}, passphrase...))
		sum := sha1.Sum(append([]byte("putty-private-key-file-mac-key"), passphrase...))
		return append(first[:], second[:12]...), make([]byte, 16), sum[:], nil
	}
	if !isLocked {
		return nil, nil, nil, nil
	}
	if k.passes == 0 || k.parallelism == 0 || k.parallelism > 255 || k.memory == 0 {
		return nil, nil, nil, errNotReadable
	}
	if k.memory > maxArgon || k.passes*k.memory > 64*maxArgon {
		return nil, nil, nil, errTooExpensive
	}
	derive := argon2.IDKey
	switch k.derivation {
	case "Argon2id":
	case "Argon2i":
		derive = argon2.Key
	default:
		return nil, nil, nil, errUnsupported
	}
	all := derive(passphrase, k.salt, uint32(k.passes), uint32(k.memory), uint8(k.parallelism), 80)
	return all[:32], all[32:48], all[48:], nil
}

// key makes a key of the parts.
func (k *ppk) key() (crypto.PrivateKey, error) {
	switch k.kind {
	case ssh.KeyAlgoRSA:
		return k.rsa()
	case ssh.KeyAlgoED25519:
		var private struct {
			Seed []byte
			Rest []byte `ssh:"rest"`
		}
		if ssh.Unmarshal(k.private, &private) != nil || len(private.Seed) != ed25519.SeedSize {
			return nil, errNotReadable
		}
		key := ed25519.NewKeyFromSeed(private.Seed)
		return key, nil
	case ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return k.ecdsa()
	case "ssh-dss":
		return nil, ErrDSA
	}
	return nil, errUnsupported
}

func (k *ppk) rsa() (crypto.PrivateKey, error) {
	var public struct {
		Type string
		E, N *big.Int
	}
	var private struct {
		D, P, Q, Inverse *big.Int
		Rest             []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(k.public, &public) != nil || ssh.Unmarshal(k.private, &private) != nil || !public.E.IsInt64() || public.E.Int64() > 1<<31-1 {
		return nil, errNotReadable
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: public.N, E: int(public.E.Int64())}, D: private.D, Primes: []*big.Int{private.P, private.Q},
	}
	if private.P.Sign() <= 0 || private.Q.Sign() <= 0 || key.Validate() != nil {
		return nil, errNotReadable
	}
	key.Precompute()
	return key, nil
}

func (k *ppk) ecdsa() (crypto.PrivateKey, error) {
	var public struct {
		Type, Curve string
		Point       []byte
	}
	var private struct {
		D    *big.Int
		Rest []byte `ssh:"rest"`
	}
	curves := map[string]elliptic.Curve{"nistp256": elliptic.P256(), "nistp384": elliptic.P384(), "nistp521": elliptic.P521()}
	if ssh.Unmarshal(k.public, &public) != nil || ssh.Unmarshal(k.private, &private) != nil || curves[public.Curve] == nil || private.D.Sign() <= 0 {
		return nil, errNotReadable
	}
	curve := curves[public.Curve]
	if private.D.BitLen() > curve.Params().BitSize {
		return nil, errNotReadable
	}
	key, err := ecdsa.ParseRawPrivateKey(curve, private.D.FillBytes(make([]byte, (curve.Params().BitSize+7)/8)))
	if err != nil {
		return nil, errNotReadable
	}
	return key, nil
}
