package txscript

import (
	"context"
	"errors"
	"math/big"
	"math/rand"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func TestALongExponentIsTakenInPieces(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(1))
	for _, c := range []struct{ length, modulus uint }{
		{1, 40}, {1 << 16, 40}, {1<<16 + 1, 40}, {1<<17 - 1, 40}, {1 << 17, 40}, {1<<17 + 1, 40}, {300_000, 64},
		{64, 20_000}, {65, 20_000}, {129, 20_000}, {2000, 20_000},
	} {
		length := c.length
		for range 5 {
			n := new(big.Int).Add(new(big.Int).Rand(random, new(big.Int).Lsh(big.NewInt(1), c.modulus)), big.NewInt(1))
			b := new(big.Int).Rand(random, n)
			e := new(big.Int).Rand(random, new(big.Int).Lsh(big.NewInt(1), length-1))
			e.SetBit(e, int(length)-1, 1)
			before := new(big.Int).Set(e)
			got, err := expWithin(nil, b, e, n)
			if want := new(big.Int).Exp(b, e, n); err != nil || got.Cmp(want) != 0 || e.Cmp(before) != 0 {
				t.Fatalf("%v ** an exponent of %d bits modulo %v is %v, want %v, %v", b, length, n, got, want, err)
			}
		}
	}
}

func TestALongExponentEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	m := pyvalue.NewMeter(ctx, pyvalue.Limits{})
	cancel()
	if _, err := expWithin(m, big.NewInt(2), new(big.Int).Lsh(big.NewInt(1), 60_000_000), big.NewInt(7)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the error of the context", err)
	}
}
