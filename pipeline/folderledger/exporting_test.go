package folderledger

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// exporter exports annotations by three calls to an ERP that takes no time.
func exporter(tb testing.TB, l pipeline.Ledger) func(annotation int) {
	tb.Helper()
	journal, err := pipeline.NewJournal(l, pipeline.JournalOptions{TrustDisk: true})
	if err != nil {
		tb.Fatal(err)
	}
	var list []pipeline.Step
	for _, name := range []string{"create", "attach", "submit"} {
		list = append(list, pipeline.Named(name, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			_, err := x.Once(ctx, pipeline.Act{
				Call: "request", What: "POST https://erp.example/" + name,
			}, func(context.Context, pipeline.Attempt) (*pipeline.Reply, error) {
				return &pipeline.Reply{Status: 201, Body: []byte(`{"id":"ERP-1"}`)}, nil
			})
			return err
		})))
	}
	chain, err := pipeline.New(list...)
	if err != nil {
		tb.Fatal(err)
	}
	return func(annotation int) {
		p := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Set("id", annotation)).Payload()
		p.BaseURL = "https://folder.rossum.example"
		if answer, err := chain.Export(tb.Context(), p, pipeline.WithJournal(journal)); err != nil || answer.Failed() {
			tb.Errorf("annotation %d: %+v, %v", annotation, answer, err)
		}
	}
}

// TestExportsAtOnceShareTheirSyncs has a slow disk, so that exports come while it syncs.
func TestExportsAtOnceShareTheirSyncs(t *testing.T) {
	t.Parallel()
	const exports = 64
	d := &disk.Disk{}
	d.Fault = func(op disk.Op, _ string, _ int) (int, error) {
		if op == disk.Sync {
			time.Sleep(50 * time.Millisecond)
		}
		return 0, nil
	}
	export := exporter(t, openOn(t, t.TempDir(), d))
	opened := d.Syncs()
	export(1)
	one := d.Syncs() - opened
	all(exports, func(i int) { export(i + 2) })
	together := d.Syncs() - opened - one
	t.Logf("one export needs %d syncs, %d at once %d", one, exports, together)
	if together > one*exports/4 {
		t.Errorf("one export needs %d syncs, and %d at once need %d", one, exports, together)
	}
}

// BenchmarkExportOnFolder compares what the folder adds to an export with the time that the
// syncs took which it needed; both take turns, and the fastest turns count.
func BenchmarkExportOnFolder(b *testing.B) {
	var d disk.Disk
	onFolder, inMemory := exporter(b, openOn(b, b.TempDir(), &d)), exporter(b, pipeline.MemoryLedger())
	const n = 20
	annotation := 0
	turn := func(f func(int)) time.Duration {
		started := time.Now()
		for range n {
			annotation++ // each is exported once, as nearly all are
			f(annotation)
		}
		return time.Since(started) / n
	}
	turn(onFolder) // which makes the journal
	folder, memory, syncing, syncs := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64), time.Duration(0), int64(0)
	for b.Loop() {
		before, count := d.Syncing(), d.Syncs()
		if took := turn(onFolder); took < folder {
			folder, syncing, syncs = took, (d.Syncing()-before)/n, d.Syncs()-count
		}
		memory = min(memory, turn(inMemory))
	}
	b.ReportMetric(float64(syncs)/n, "syncs/export")
	b.ReportMetric(float64(folder.Microseconds()), "µs/export")
	b.ReportMetric(float64(syncing.Microseconds()), "µs-syncing/export")
	b.ReportMetric(float64(memory.Microseconds()), "µs-in-memory/export")
	b.ReportMetric(float64(folder-memory)/float64(syncing), "x-its-syncs")
}
