package pgledger

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const canary = "c4naryPassword0123"

// wrongAddresses have a password in them, and cannot be parsed.
var wrongAddresses = []string{
	"postgres://u:%s@h:port/db", "postgres://u:%s@h/db?sslmode=bad", "postgres://u:%s^zz@h/db", "host=h password=%s port=x", "host=h password='%s' sslmode=bad",
	"host=h password='%s port=1", "host=h password = %s sslmode=bad", "postgresql://u:p^40%s@h:x/", "postgres://h/db?password=%s&sslmode=bad",
	"host=h password=a\\ %s port=x", "u:%s@h/db", "host=h pass=%s x", "postgres://u:a@%s@h:bad/db", "host=h\npassword=%s\nport=x",
}

// spelled puts the canary into an address.
func spelled(address string) string {
	return strings.ReplaceAll(strings.ReplaceAll(address, "%s", canary), "^", "%")
}

func TestAPasswordInAnAddressIsNotShown(t *testing.T) {
	t.Parallel()
	driverShows := 0
	for _, address := range wrongAddresses {
		pool, err := pgxpool.New(t.Context(), "host=127.0.0.1 port=1 pool_max_conns=2")
		must(t, err)
		defer pool.Close()
		o := Options{Listen: spelled(address)}
		_, err = Open(t.Context(), pool, o)
		if err == nil || !strings.Contains(err.Error(), "Options.Listen cannot be parsed") {
			t.Errorf("%s: %v", address, err)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%x"} {
				if text := fmt.Sprintf(verb, err); strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
					t.Errorf("%s: %s shows the password: %s", address, verb, text)
				}
			}
		}
		if _, err := pgx.ParseConfig(o.Listen); err != nil && strings.Contains(err.Error(), canary) {
			driverShows++
		}
		var log strings.Builder
		for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(h).Info("options", "o", o, "p", &o, "text", fmt.Sprintf("%+v %#v %v", o, o, []Options{o}), "in", []Options{o})
		}
		if strings.Contains(log.String(), canary) {
			t.Errorf("the options show the password: %s", log.String())
		}
	}
	if driverShows == 0 {
		t.Error("the driver shows none of the passwords, so that this test proves nothing")
	}
}
