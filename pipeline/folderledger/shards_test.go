package folderledger

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// What cannot be read is not taken for what is not there: the runs of a part of the folder.
func TestAShardThatCannotBeReadIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openOn(t, dir, &disk.Disk{})
	claim := func(annotation int64) pipeline.Claimed {
		c, err := l.Claim(t.Context(), diskKey(annotation), pipeline.ClaimOptions{Owner: "x", Lease: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old, hidden := claim(1), claim(2)
	if err := l.End(t.Context(), old.Lease, pipeline.Record{Kind: "end"}); err != nil {
		t.Fatal(err)
	}
	shards := filepath.Join(dir, "runs", shard(hidden.Run.ID))
	if shard(old.Run.ID) == shard(hidden.Run.ID) {
		t.Fatal("the two runs are in one shard")
	}
	if err := os.Rename(shards, shards+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(shards, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "locks", "boot")); err != nil { // as after a boot
		t.Fatal(err)
	}
	other := openOn(t, dir, &disk.Disk{})
	var found error
	for _, err := range l.Find(t.Context(), pipeline.RunQuery{}) {
		found = err
	}
	if found == nil {
		t.Error("Find says nothing of a shard that cannot be read")
	}
	if n, err := l.Expire(t.Context(), 0); n != 1 || err == nil {
		t.Errorf("Expire removed %d runs of the others, and says %v", n, err)
	}

	if err := os.Remove(shards); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(shards+".away", shards); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "open", string(hidden.Run.ID))); err != nil {
		t.Fatal(err)
	}
	openOn(t, dir, &disk.Disk{})
	if _, err := os.Stat(filepath.Join(dir, "open", string(hidden.Run.ID))); err != nil {
		t.Errorf("the next start does not list the unended run: %v", err)
	}
}
