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

// Words in the questions of servers, in lower case. The names of passwords are those of
// some languages that servers speak.
var (
	wordsOfChange    = []string{"new password", "change", "retype", "re-enter", "reenter", "confirm", "old password", "current password", "(current)", "expired"}
	wordsOfPasswords = []string{"passw", "kennwort", "heslo", "mot de passe", "contrase", "senha", "has\u0142o", "wachtwoord", "parola", "jelsz"}
	wordsOfNames     = []string{"user", "login", "name"}
	wordsOfFactors   = []string{"code", "otp", "one-time", "onetime", "token", "factor", "2fa", "mfa", "challenge", "authenticator"}

	pin = regexp.MustCompile(`\bpin\b`)
)

func hasOneOf(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

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
			words, asks := strings.ToLower(question), naming.Shorten(strings.TrimSpace(question), 80)
			asked++
			switch {
			case shown[i] && hasOneOf(words, wordsOfNames):
				list[i] = user
				continue
			case hasOneOf(words, wordsOfChange) || hasOneOf(strings.ToLower(instruction), []string{"password change", "change your password", "password has expired", "password expired"}):
				return nil, fmt.Errorf("%w (it asks %q)", errPasswordExpired, asks)
			case given[question] || asked > maxQuestions:
				return nil, fmt.Errorf("the server does not take the password as the answer to %q", asks)
			case shown[i], hasOneOf(words, wordsOfFactors), pin.MatchString(words), len(given) > 0 && !hasOneOf(words, wordsOfPasswords):
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
