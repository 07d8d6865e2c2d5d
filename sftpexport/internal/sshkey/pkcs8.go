package sshkey

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"hash"

	"golang.org/x/crypto/scrypt"
)

// Object identifiers of RFC 8018 and RFC 7914.
var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}

	pbkdf2Hashes = map[string]func() hash.Hash{
		"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.8": sha256.New224, "1.2.840.113549.2.9": sha256.New,
		"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
	}
	pkcs8Ciphers = map[string]struct {
		key  int
		make func([]byte) (cipher.Block, error)
	}{
		"2.16.840.1.101.3.4.1.2": {16, aes.NewCipher}, "2.16.840.1.101.3.4.1.22": {24, aes.NewCipher}, "2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
		"1.2.840.113549.3.7": {24, des.NewTripleDESCipher},
	}
)

// Bounds of what opening a key may cost: openssl's defaults are 2048 and 16 MiB.
const (
	maxIterations = 20_000_000
	maxScrypt     = 256 << 20
)

// parsePKCS8 opens an encrypted key of PKCS #8, as openssl writes them.
func parsePKCS8(der, passphrase []byte) (crypto.PrivateKey, error) {
	var sealed struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	var scheme struct{ KDF, Cipher pkix.AlgorithmIdentifier }
	var iv []byte
	if _, err := asn1.Unmarshal(der, &sealed); err != nil {
		return nil, errNotReadable
	}
	if !sealed.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, errUnsupported
	}
	if _, err := asn1.Unmarshal(sealed.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, errNotReadable
	}
	c, known := pkcs8Ciphers[scheme.Cipher.Algorithm.String()]
	if !known {
		return nil, errUnsupported
	}
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, errNotReadable
	}
	if len(passphrase) == 0 {
		return nil, ErrNoPassphrase
	}
	derived, err := pkcs8Key(scheme.KDF, passphrase, c.key)
	if err != nil {
		return nil, err
	}
	block, err := c.make(derived)
	if err != nil {
		return nil, errNotReadable
	}
	plain, err := openCBC(block, iv, sealed.Data)
	if err != nil {
		return nil, err
	}
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > block.BlockSize() {
		return nil, ErrPassphrase
	}
	key, err := x509.ParsePKCS8PrivateKey(plain[:len(plain)-padding])
	if err != nil {
		return nil, ErrPassphrase
	}
	return key, nil
}

func pkcs8Key(kdf pkix.AlgorithmIdentifier, passphrase []byte, length int) ([]byte, error) {
	switch {
	case kdf.Algorithm.Equal(oidPBKDF2):
		var p struct {
			Salt       []byte
			Iterations int
			Length     int                      `asn1:"optional"`
			PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
		}
		if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &p); err != nil || p.Iterations < 1 {
			return nil, errNotReadable
		}
		name := ""
		if len(p.PRF.Algorithm) > 0 {
			name = p.PRF.Algorithm.String()
		}
		h, known := pbkdf2Hashes[name]
		switch {
		case !known:
			return nil, errUnsupported
		case p.Iterations > maxIterations:
			return nil, errTooExpensive
		}
		return pbkdf2.Key(h, string(passphrase), p.Salt, p.Iterations, length)
	case kdf.Algorithm.Equal(oidScrypt):
		var p struct {
			Salt    []byte
			N, R, P int
			Length  int `asn1:"optional"`
		}
		if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &p); err != nil || p.N < 2 || p.R < 1 || p.P < 1 {
			return nil, errNotReadable
		}
		if p.R > 1024 || p.P > 64 || p.N > maxScrypt/128/p.R {
			return nil, errTooExpensive
		}
		key, err := scrypt.Key(passphrase, p.Salt, p.N, p.R, p.P, length)
		if err != nil {
			return nil, errNotReadable
		}
		return key, nil
	}
	return nil, errUnsupported
}
