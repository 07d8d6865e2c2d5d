package sftpexport

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// algorithms are what a client offers a server.
type algorithms struct {
	exchanges, ciphers, macs []string
	// hostKeys are the signatures of the server's key; nil leaves the choice to x/crypto.
	hostKeys []string
	// signatures are those of the user's own RSA key.
	signatures []string
}

// compileAlgorithms adds those that the settings name to the ones that are always
// offered, as the last choice.
func (c *Credentials) compileAlgorithms(faults *settings.Faults) algorithms {
	supported, old := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	a := algorithms{
		// Group 14 with SHA-1 and the short SHA-1 MAC are on by default in x/crypto.
		exchanges:  append(slices.Clone(supported.KeyExchanges), ssh.InsecureKeyExchangeDH14SHA1),
		ciphers:    slices.Clone(supported.Ciphers),
		macs:       append(slices.Clone(supported.MACs), ssh.InsecureHMACSHA196),
		signatures: []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256},
	}
	for i, name := range c.Algorithms {
		known := false
		for _, kind := range []struct {
			list         *[]string
			always, more []string
		}{
			{&a.exchanges, supported.KeyExchanges, old.KeyExchanges},
			{&a.ciphers, supported.Ciphers, old.Ciphers},
			{&a.macs, supported.MACs, old.MACs},
			{&a.hostKeys, supported.HostKeys, []string{ssh.KeyAlgoRSA}},
			{&a.signatures, nil, []string{ssh.KeyAlgoRSA}},
		} {
			switch {
			case slices.Contains(kind.always, name):
				known = true
			case slices.Contains(kind.more, name):
				known = true
				if !slices.Contains(*kind.list, name) {
					*kind.list = append(*kind.list, name)
				}
			}
		}
		if !known {
			faults.Add(settings.Index("credentials.algorithms", i), "%q is not supported; there are %s", name, strings.Join(oldAlgorithms(), ", "))
		}
	}
	if a.hostKeys != nil {
		a.hostKeys = append(slices.Clone(supported.HostKeys), a.hostKeys...)
	}
	return a
}

// oldAlgorithms are those that must be named.
func oldAlgorithms() []string {
	old := ssh.InsecureAlgorithms()
	always := []string{ssh.InsecureKeyExchangeDH14SHA1, ssh.InsecureHMACSHA196}
	names := slices.DeleteFunc(slices.Concat(old.KeyExchanges, old.Ciphers, old.MACs), func(name string) bool { return slices.Contains(always, name) })
	return append(names, ssh.KeyAlgoRSA)
}

// explain says what each side offers, and what the settings could allow.
func (a algorithms) explain(err *ssh.AlgorithmNegotiationError) error {
	text := fmt.Sprintf("for the %s the server offers %s, and this client %s", err.What,
		strings.Join(err.RequestedAlgorithms, ", "), strings.Join(err.SupportedAlgorithms, ", "))
	var could []string
	for _, name := range err.RequestedAlgorithms {
		if slices.Contains(oldAlgorithms(), name) && !slices.Contains(err.SupportedAlgorithms, name) {
			could = append(could, fmt.Sprintf("%q", name))
		}
	}
	if could == nil {
		return fmt.Errorf("%w: %s. None of the server's can be allowed here; its operator has to allow one of the client's", ErrAlgorithms, text)
	}
	return fmt.Errorf("%w: %s. If the server cannot be renewed, credentials.algorithms may allow what it has: [%s]", ErrAlgorithms, text, strings.Join(could, ", "))
}

// ErrAlgorithms means that client and server have no algorithm in common.
var ErrAlgorithms = errors.New("client and server have no algorithm in common")
