package pgledger_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/canary"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/jackc/pgx/v5"
)

// kept are what no row may show: secrets, and data of documents, which are sealed.
var kept = canary.Set{
	"secret": canary.New("Secret"), "token": canary.New("Token"), "literal": canary.New("Literal"), "field": canary.New("Field"), "reply": canary.New("Reply"),
}

func secretCall(annotation int64) *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field("number", kept["field"]), rossumtest.Secret("password", kept["secret"]), rossumtest.From("http://127.0.0.1:9", kept["token"]),
		rossumtest.Set("id", annotation),
		rossumtest.Settings(map[string]any{"headers": map[string]string{"Authorization": "Bearer " + kept["literal"]}}),
	)
}

// posting sends all that a call has to a path of the ERP, and fails with its words unless it is
// answered well.
func posting(erp, path string) pipeline.Step {
	return pipeline.Named("post "+path, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		number, err := x.Field("number")
		if err != nil {
			return err
		}
		call := &send.Call{
			Name: "post", Method: http.MethodPost, URL: erp + "/" + path + "?api_key=" + x.Secrets["password"] + "&number=" + number.Value(),
			Body: pipeline.Bytes(strings.Repeat(number.Value()+x.Secrets["password"], 1000)), Timeout: time.Second,
		}
		call.SetHeader("Authorization", "Bearer "+x.Secrets["password"]+string(x.Payload.Token))
		reply, err := send.Do(ctx, x, call)
		if err != nil || reply.Status >= 400 {
			return fmt.Errorf("%s %x %s %s %w", x.Secrets["password"], x.Secrets["password"], string(x.Payload.Token), x.Payload.Settings, errors.Join(err, errors.New(number.Value())))
		}
		x.Info("%s", reply.Body)
		return nil
	}))
}

// rows are all rows of all tables, every column as text, and bytes as they are, too.
func rows(t *testing.T, conn *pgx.Conn, schema string) (all string, tables map[string]int) {
	t.Helper()
	found, err := conn.Query(t.Context(), "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema = $1", schema)
	must(t, err)
	names, err := pgx.CollectRows(found, pgx.RowTo[string])
	must(t, err)
	tables = make(map[string]int)
	var b strings.Builder
	for _, name := range names {
		list, err := conn.Query(t.Context(), "SELECT * FROM "+name)
		must(t, err)
		for list.Next() {
			values, err := list.Values()
			must(t, err)
			for _, v := range values {
				if data, ok := v.([]byte); ok {
					b.Write(data)
				}
				_, _ = fmt.Fprintf(&b, " %v\n", v)
			}
			tables[name]++
		}
		must(t, list.Err())
	}
	return b.String(), tables
}

// However a run ends, and if it is asked for again, no column of any row, no log line of the ledger
// and none of PostgreSQL's, which logs every statement here with its parameters, shows a secret or
// data of the document, and no error of the run a secret.
func TestNoRowShowsASecret(t *testing.T) {
	if blind := kept.Blind(); blind != "" {
		t.Fatal(blind)
	}
	search, s := kept.Search(), pgledgertest.New(t, "log_statement=all", "log_min_duration_statement=0", "log_parameter_max_length_on_error=-1")
	said := 0 // of PostgreSQL's log
	conn, err := pgx.Connect(t.Context(), s.Address())
	must(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	var received sync.Map
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		echo := kept["reply"] + r.URL.String() + fmt.Sprint(r.Header) + string(body)
		received.Store(r.URL.Path, echo)
		switch r.URL.Path {
		case "/refuses":
			w.WriteHeader(http.StatusUnauthorized)
		case "/breaks-off":
			w.Header().Set("Content-Length", "1000000")
			_, _ = io.WriteString(w, echo)
			panic(http.ErrAbortHandler)
		case "/hangs-up":
			panic(http.ErrAbortHandler)
		case "/slow":
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, echo)
	}))
	erp.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	defer erp.Close()
	for _, sealed := range []bool{true, false} {
		schema := fmt.Sprintf("sealed_%v", sealed)
		var log bytes.Buffer
		ledger, err := open(address(s), pgledger.Options{Schema: schema, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		must(t, err)
		o := pipeline.JournalOptions{Lease: time.Minute, TrustDisk: true}
		if sealed {
			o = pipeline.JournalOptions{Lease: time.Minute, Key: pipeline.SealKey{ID: "k", Secret: bytes.Repeat([]byte("k"), 32)}}
		}
		journal, err := pipeline.NewJournal(ledger, o)
		must(t, err)
		for n, path := range []string{"succeeds", "refuses", "breaks-off", "hangs-up", "slow"} {
			for range 2 { // again: what was uncertain waits, what was not is answered
				chain, err := pipeline.New(posting(erp.URL, path))
				must(t, err)
				_, err = chain.Export(t.Context(), secretCall(int64(100+n)).Payload(), pipeline.WithJournal(journal), pipeline.WithLogger(nil), pipeline.WithTimeout(3*time.Second), pipeline.WithRossum(nil))
				for _, found := range canary.Errors(err) {
					if secret := (canary.Set{"secret": kept["secret"], "token": kept["token"], "literal": kept["literal"]}).Search()(found.Text); secret != "" {
						t.Errorf("%s: the %s shows %s", path, found.Name, secret)
					}
				}
				if sent, _ := received.Load("/" + path); !strings.Contains(fmt.Sprint(sent), kept["secret"]+kept["token"]) {
					t.Errorf("%s: the ERP was not sent the secrets: %.300v", path, sent)
				}
			}
		}
		server, err := os.ReadFile(filepath.Join(s.Dir(), "log"))
		must(t, err)
		if all := string(server[said:]); !strings.Contains(all, schema+".ledger_write_1(") || !strings.Contains(strings.ToLower(all), "parameters: $1 = ") {
			t.Errorf("PostgreSQL logs no statement of the ledger with its parameters: %.300s", all)
		} else if found := search(all); (found == "") != sealed {
			t.Errorf("sealed %v: PostgreSQL's log shows %s", sealed, cmp.Or(found, "nothing, so that this test proves nothing"))
		}
		said = len(server)
		text, tables := rows(t, conn, schema)
		if tables[schema+".ledger_run"] < 5 || tables[schema+".ledger_record"] < 15 || tables[schema+".ledger_body"] < 1 {
			t.Errorf("not every table was looked at: %v", tables)
		}
		if sealed {
			if found := search(text); found != "" {
				t.Errorf("a row shows %s", found)
			}
		} else {
			for name := range kept {
				if (canary.Set{name: kept[name]}).Search()(text) == "" { // the hook call and the reply are kept as they came
					t.Errorf("on a disk that is trusted the %s is not seen, so that this test proves nothing", name)
				}
			}
		}
		if found := search(log.String()); found != "" {
			t.Errorf("the log shows %s", found)
		}
		must(t, ledger.Close())
	}
}
