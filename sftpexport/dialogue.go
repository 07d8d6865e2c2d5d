package sftpexport

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// maxQuestions ends a dialogue with a server that asks again and again.
const maxQuestions = 8

// errPasswordExpired means that the server wants another password first. A program must
// not choose one.
var errPasswordExpired = errors.New("the server wants the password to be changed first; log in by hand, change it, and put the new one into the secret password")

// What servers ask, in lower case and without the names of users and hosts. The words for
// passwords are those of some languages that servers speak.
var (
	asksForChange   = regexp.MustCompile(`new password|\bchange|retype|re-?enter|confirm|old password|current password|\(current\)|expired`)
	asksForPassword = regexp.MustCompile(`passw|kennwort|heslo|mot de passe|contrase|senha|hasło|wachtwoord|parola|jelsz`)
	asksForName     = regexp.MustCompile(`user|login|name`)
	asksForFactor   = regexp.MustCompile(`code|otp|one-?time|token|factors?\b|2fa|mfa|challenge|authenticator|\bpin\b`)

	// wantsChange is what an instruction says of a password that must be changed, and not
	// of one that may be.
	wantsChange = regexp.MustCompile(`password (has |is )?expired|((must|(required|need|have) to) |(^|[.!:;,] *)(please )?)change (your|the) password|password change (is )?required`)

	// namesAsked are the names of users and hosts in questions, which may have any words
	// in them: (erp@token.example) Password.
	namesAsked = regexp.MustCompile(`\S+@\S+|[\pL\d-]+(\.[\pL\d-]+)+`)
)

// answers answers what a server asks like a person at a keyboard: the user's name where
// the answer is shown, and the password to the first question that hides it. Later
// questions get it only if they name it, and none gets it twice: what else there is to ask
// for would see the password, and a server that asks for a new one would take it.
func (o *offer) answers(user, password string) ssh.KeyboardInteractiveChallenge {
	asked := 0
	given := make(map[string]bool)
	return func(_, instruction string, questions []string, shown []bool) ([]string, error) {
		list := make([]string, len(questions))
		for i, question := range questions {
			words, asks := namesAsked.ReplaceAllString(strings.ToLower(question), ""), naming.Excerpt(strings.TrimSpace(question), 80)
			asked++
			switch {
			case shown[i] && asksForName.MatchString(words):
				list[i] = user
				continue
			case asksForChange.MatchString(words), wantsChange.MatchString(strings.ToLower(instruction)):
				return nil, fmt.Errorf("%w (it asks %q)", errPasswordExpired, asks)
			case given[question] || asked > maxQuestions:
				return nil, fmt.Errorf("the server does not take the password as the answer to %q", asks)
			case shown[i], asksForFactor.MatchString(words), len(given) > 0 && !asksForPassword.MatchString(words):
				return nil, fmt.Errorf("the server asks for more than a password (%q), which no program can answer; ask its operator for a login by key", asks)
			}
			given[question] = true
			list[i] = password
			o.shown.Store(true)
		}
		return list, nil
	}
}

// whyRefused puts x/crypto's errors about messages that it does not expect in words.
func whyRefused(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "unexpected message type 60"):
		return fmt.Errorf("%w: %w", errPasswordExpired, err) // SSH_MSG_USERAUTH_PASSWD_CHANGEREQ
	case strings.Contains(text, "unexpected message type 51 (expected 60)"):
		return fmt.Errorf("the server takes neither the password nor answers at a keyboard: %w", err)
	}
	return err
}
