package runfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/runfile"
)

const (
	name = "a-run"
	kind = "exprun"
)

type frame struct {
	typ        byte
	meta, data string
	end        int64 // in the file
}

var some = []frame{{1, "claim", "", 0}, {2, "", "data", 0}, {200, "meta", "\x9e\xc7 like a marker", 0}, {2, "m", string(bytes.Repeat([]byte("long "), 40_000)), 0}, {3, "end", "x", 0}}

// file makes a file of frames, whose ends it fills in.
func file(t testing.TB, frames []frame) []byte {
	t.Helper()
	b := runfile.Magic(kind)
	for i, f := range frames {
		h, err := runfile.Header(name, int64(len(b)), f.typ, 1, []byte(f.meta), []byte(f.data[:len(f.data)/2]), []byte(f.data[len(f.data)/2:]))
		if err != nil {
			t.Fatal(err)
		}
		b = append(append(b, h...), f.data...)
		frames[i].end = int64(len(b))
	}
	return b
}

func scan(s runfile.Scanner, b []byte) (got []frame, found runfile.Found, err error) {
	s.Name, s.Kind = name, kind
	found, err = s.Scan(bytes.NewReader(b), 0, int64(len(b)), func(f runfile.Frame) error {
		got = append(got, frame{f.Type, string(f.Meta), string(f.Data), f.Offset + f.Size})
		return nil
	})
	return got, found, err
}

func TestWholeFramesComeBack(t *testing.T) {
	t.Parallel()
	frames := slices.Clone(some)
	b := file(t, frames)
	got, found, err := scan(runfile.Scanner{}, b)
	if err != nil || !slices.Equal(got, frames) || found != (runfile.Found{End: int64(len(b))}) {
		t.Errorf("got %d frames, %+v, %v", len(got), found, err)
	}
	got, _, err = scan(runfile.Scanner{SkipData: true}, b)
	if err != nil || len(got) != len(frames) || got[3].data != "" || got[4].data != "x" {
		t.Errorf("without data: %d frames, %v", len(got), err)
	}
}

func TestAFileCutAnywhereKeepsTheFramesBefore(t *testing.T) {
	t.Parallel()
	frames := slices.Clone(some[:3])
	b := file(t, frames)
	for cut := range b {
		got, found, err := scan(runfile.Scanner{}, b[:cut])
		want, end := 0, int64(0)
		for _, f := range frames {
			if f.end <= int64(cut) {
				want, end = want+1, f.end
			}
		}
		if err != nil || len(got) != want || found.Damaged || found.End != end || found.Tail != int64(cut)-end {
			t.Errorf("cut at %d: %d frames, %+v, %v; want %d", cut, len(got), found, err, want)
		}
		// What a machine's stop leaves where data had not come: zeros.
		got, found, err = scan(runfile.Scanner{}, append(bytes.Clone(b[:cut]), make([]byte, 300)...))
		if err != nil || len(got) != want || found.Damaged {
			t.Errorf("zeros after %d: %d frames, %+v, %v; want %d", cut, len(got), found, err, want)
		}
	}
}

func TestDamageLosesItsOwnFrameOnly(t *testing.T) {
	t.Parallel()
	frames := slices.Clone(some[:3])
	b := file(t, frames)
	for at := runfile.MagicSize; at < len(b); at++ {
		damaged := bytes.Clone(b)
		damaged[at] ^= 0x55
		hit := slices.IndexFunc(frames, func(f frame) bool { return int64(at) < f.end })
		want := slices.Delete(slices.Clone(frames), hit, hit+1)
		got, found, err := scan(runfile.Scanner{}, damaged)
		if err != nil || !slices.Equal(got, want) || found.Damaged != (hit < len(frames)-1) {
			t.Errorf("byte %d of frame %d: got %d frames, %+v, %v", at, hit, len(got), found, err)
		}
	}
}

func TestAFrameBelongsToItsFileAndPlace(t *testing.T) {
	t.Parallel()
	frames := slices.Clone(some[:2])
	b := file(t, frames)
	moved := append(bytes.Clone(b), b[runfile.MagicSize:]...)
	if got, found, err := scan(runfile.Scanner{}, moved); err != nil || len(got) != 2 || found.Tail == 0 {
		t.Errorf("frames at another offset: %d frames, %+v, %v", len(got), found, err)
	}
	other := runfile.Scanner{Name: "another", Kind: kind}
	if _, err := other.Scan(bytes.NewReader(b), 0, int64(len(b)), func(runfile.Frame) error { return errors.New("yielded") }); err != nil {
		t.Errorf("frames of another file: %v", err)
	}
}

func TestANewerFormIsRefused(t *testing.T) {
	t.Parallel()
	b := file(t, slices.Clone(some[:1]))
	b[7] = runfile.Version + 1
	if got, _, err := scan(runfile.Scanner{}, b); !errors.Is(err, runfile.ErrNewer) || len(got) > 0 {
		t.Errorf("got %d frames, %v", len(got), err)
	}
}

func TestBrokenDataAreYieldedWhenWanted(t *testing.T) {
	t.Parallel()
	frames := slices.Clone(some[:3])
	b := file(t, frames)
	b[frames[1].end-1] ^= 1
	var broken []bool
	s := runfile.Scanner{Name: name, Kind: kind, KeepBroken: true}
	_, err := s.Scan(bytes.NewReader(b), 0, int64(len(b)), func(f runfile.Frame) error { broken = append(broken, f.Broken); return nil })
	if err != nil || fmt.Sprint(broken) != "[false true false]" {
		t.Errorf("got %v, %v", broken, err)
	}
	if s.WholeAt(bytes.NewReader(b), frames[0].end, int64(len(b))) || !s.WholeAt(bytes.NewReader(b), frames[1].end, int64(len(b))) {
		t.Error("WholeAt takes a broken frame for a whole one, or the other way round")
	}
}

// FuzzDamagedFile changes a good file at random: no frame may be invented, and those
// before the first change are all there.
func FuzzDamagedFile(f *testing.F) {
	frames := []frame{{1, "claim", "a", 0}, {2, "", "data", 0}, {200, "meta", "\x9e\xc7", 0}, {3, "end", "", 0}}
	good := file(f, frames)
	f.Add(uint64(1), uint8(3), uint16(10))
	f.Fuzz(func(t *testing.T, seed uint64, changes uint8, cut uint16) {
		random := rand.New(rand.NewPCG(seed, 1))
		b := bytes.Clone(good)
		for range changes % 8 {
			at := random.IntN(len(b))
			switch random.IntN(4) {
			case 0:
				b[at] ^= byte(1 + random.IntN(255))
			case 1:
				clear(b[at:min(len(b), at+random.IntN(40))])
			case 2:
				copy(b[at:], good[random.IntN(len(good)):])
			case 3:
				b = slices.Insert(b, at, good[random.IntN(len(good)):][:1]...)
			}
		}
		b = b[:min(len(b), len(b)-int(cut)%len(b))]
		first := 0
		for first < min(len(b), len(good)) && b[first] == good[first] {
			first++
		}
		got, _, err := scan(runfile.Scanner{}, b)
		if err != nil && !errors.Is(err, runfile.ErrNewer) {
			t.Fatal(err)
		}
		next := 0
		for _, g := range got {
			i := slices.Index(frames[next:], g)
			if i < 0 {
				t.Fatalf("the frame %+v was never written", g)
			}
			next += i + 1
		}
		if err == nil {
			for i, f := range frames {
				if f.end <= int64(first) && (len(got) <= i || got[i] != f) {
					t.Fatalf("frame %d, which is before the first change, is gone", i)
				}
			}
		}
	})
}

// FuzzAnyBytes has the reader bear anything.
func FuzzAnyBytes(f *testing.F) {
	f.Add(file(f, slices.Clone(some[:3])))
	f.Add(runfile.Magic(kind))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range []runfile.Scanner{{}, {SkipData: true}, {KeepBroken: true}} {
			got, found, err := scan(s, b)
			if err != nil && !errors.Is(err, runfile.ErrNewer) {
				t.Fatal(err)
			}
			if found.End < 0 || found.End+found.Tail > int64(len(b)) && err == nil {
				t.Fatalf("%d frames, %+v of %d bytes", len(got), found, len(b))
			}
		}
	})
}
