package sshkey

import (
	"crypto/sha512"
	"encoding/binary"
	"math/big"
	"slices"

	"golang.org/x/crypto/blowfish" //nolint:staticcheck // OpenSSH's keys are derived with it
)

// bcryptKey is bcrypt_pbkdf of OpenBSD, which OpenSSH encrypts its keys with. It is
// PBKDF2 over a hash of its own, with the bytes of the blocks interleaved.
func bcryptKey(passphrase, salt []byte, rounds, length int) []byte {
	const size = 32
	pass := sha512.Sum512(passphrase)
	count := (length + size - 1) / size
	key := make([]byte, count*size)
	for n := range count {
		hashed := sha512.Sum512(binary.BigEndian.AppendUint32(slices.Clone(salt), uint32(n+1)))
		block := bcryptHash(pass[:], hashed[:])
		sum := block
		for range rounds - 1 {
			hashed = sha512.Sum512(block[:])
			block = bcryptHash(pass[:], hashed[:])
			for i := range sum {
				sum[i] ^= block[i]
			}
		}
		for i, b := range sum {
			key[i*count+n] = b
		}
	}
	return key[:length]
}

// bcryptHash encrypts a text with keys that the hashes of passphrase and salt set up,
// and turns the bytes of each word around.
func bcryptHash(pass, salt []byte) (out [32]byte) {
	c, err := blowfish.NewSaltedCipher(pass, salt)
	if err != nil {
		return out // the lengths are right
	}
	for range 64 {
		blowfish.ExpandKey(salt, c)
		blowfish.ExpandKey(pass, c)
	}
	copy(out[:], "OxychromaticBlowfishSwatDynamite")
	for i := 0; i < len(out); i += 8 {
		for range 64 {
			c.Encrypt(out[i:i+8], out[i:i+8])
		}
	}
	for i := 0; i < len(out); i += 4 {
		slices.Reverse(out[i : i+4])
	}
	return out
}

// poly1305 authenticates a message with a key that is used once (RFC 8439, 2.5).
// x/crypto has it inside only. Keys are a few kilobytes, so it need not be fast.
func poly1305(key, message []byte) (sum [16]byte) {
	little := func(b []byte) *big.Int {
		b = slices.Clone(b)
		slices.Reverse(b)
		return new(big.Int).SetBytes(b)
	}
	r := slices.Clone(key[:16])
	for _, i := range []int{3, 7, 11, 15} {
		r[i] &= 15
	}
	for _, i := range []int{4, 8, 12} {
		r[i] &= 252
	}
	factor := little(r)
	prime := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 130), big.NewInt(5))
	total := new(big.Int)
	for block := range slices.Chunk(message, 16) {
		total.Add(total, little(append(slices.Clone(block), 1)))
		total.Mod(total.Mul(total, factor), prime)
	}
	total.Add(total, little(key[16:32]))
	whole := total.FillBytes(make([]byte, 32))
	slices.Reverse(whole)
	copy(sum[:], whole)
	return sum
}
