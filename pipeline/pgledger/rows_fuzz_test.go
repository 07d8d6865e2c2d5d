package pgledger

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// textRow is a row as the server sends it, in text; a column that is "NULL" is NULL.
type textRow struct{ columns []string }

var columnTypes = pgtype.NewMap()

func (r textRow) Scan(into ...any) error {
	for i, to := range into {
		var text []byte
		if i < len(r.columns) && r.columns[i] != "NULL" {
			text = []byte(r.columns[i])
		}
		if err := columnTypes.Scan(uint32(typeOf[i%len(typeOf)]), pgtype.TextFormatCode, text, to); err != nil {
			return err
		}
	}
	return nil
}

// typeOf are the types of infoColumns.
var typeOf = [...]int{
	pgtype.TextOID, pgtype.TextOID, pgtype.TextOID, pgtype.Int8OID, pgtype.TextOID, pgtype.Int8OID, pgtype.Int8OID, pgtype.TextOID, pgtype.TextOID, pgtype.TextOID,
	pgtype.TimestamptzOID, pgtype.TimestamptzOID, pgtype.TextOID, pgtype.Int4OID, pgtype.Int4OID, pgtype.TimestamptzOID, pgtype.TimestamptzOID,
}

// FuzzRow reads the row of a run, with anything in it: what is read is what was there, and
// what is NULL is nothing.
func FuzzRow(f *testing.F) {
	if n := strings.Count(infoColumns, ",") + 1; n != len(typeOf) {
		f.Fatalf("%d columns and %d types", n, len(typeOf))
	}
	const at = "2026-11-26 08:00:00.5+01"
	f.Add("run|https://acme.rossum.app|7|1|annotation_content.export|2|3|replica|hash|f|" + at + "|NULL|NULL|5|1|" + at + "|2026-11-26 08:00:30.5+01")
	f.Add("run|o|h|-9223372036854775808|e|0|0||||" + at + "|" + at + "|ended|0|2|" + at + "|NULL")
	f.Add(strings.Repeat("NULL|", len(typeOf)))
	f.Add("run" + strings.Repeat("|NULL", len(typeOf)-1))
	f.Add("run|o|h|1|e|1|1|x|x|x|infinity|-infinity|x|1|9|0001-01-01 00:00:00+00 BC|294276-12-31 23:59:59.999999+00")
	f.Fuzz(func(t *testing.T, text string) {
		row := textRow{strings.Split(text, "|")}
		if len(row.columns) < len(typeOf) {
			return
		}
		i, left, err := scanInfo(row)
		if err != nil || row.columns[0] == "NULL" {
			if i != (pipeline.RunInfo{}) || left != 0 {
				t.Errorf("%q: %+v, %v", text, i, err)
			}
			return
		}
		for n, got := range map[int]string{
			0: string(i.ID), 1: i.Key.Organization, 2: i.Key.Hook, 4: i.Key.Event, 7: i.Owner, 8: i.Content, 9: i.Fingerprint, 12: string(i.Outcome),
		} {
			if want := row.columns[n]; got != want && (want != "NULL" || got != "") {
				t.Errorf("column %d of %q is %q", n, text, got)
			}
		}
		for n, got := range map[int]int64{3: i.Key.Annotation, 5: i.Generation, 6: i.Fence, 13: int64(i.Count), 14: int64(i.State)} {
			if want, err := strconv.ParseInt(row.columns[n], 10, 64); err == nil && got != want || err != nil && got != 0 {
				t.Errorf("column %d of %q is %d", n, text, got)
			}
		}
		for n, got := range map[int]time.Time{10: i.Started, 11: i.Ended, 15: i.Seen} {
			if got.Location() != time.UTC && !got.IsZero() || row.columns[n] == "NULL" && !got.IsZero() {
				t.Errorf("column %d of %q is %v", n, text, got)
			}
		}
	})
}

// FuzzNotice hears anything on the channel: who waits for that run looks, and nobody else.
func FuzzNotice(f *testing.F) {
	f.Add("a", "a", "b")
	f.Add("", "a", "")
	f.Add("nonce1", "run", "run")
	f.Fuzz(func(t *testing.T, payload, one, other string) {
		n := &listener{running: true}
		heard, leave := n.join(nil, pipeline.RunID(one))
		second, leaveToo := n.join(nil, pipeline.RunID(other))
		n.wake(pipeline.RunID(payload))
		n.wake(pipeline.RunID(payload)) // who has heard already is not waited for
		for id, ears := range map[*string]<-chan struct{}{&one: heard, &other: second} {
			if want := payload == "" || payload == *id; len(ears) == 1 != want {
				t.Errorf("%q has who waits for %q look: %t", payload, *id, !want)
			}
		}
		leave()
		leaveToo()
		if len(n.waiting) > 0 {
			t.Errorf("%v wait after they left", n.waiting)
		}
	})
}
