package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun/temporaltest"
)

// chaos kills while exports run: something each time when some more exports have ended.
type chaos struct {
	random   *rand.Rand
	fleet    *fleet
	database *pgledgertest.Server
	engine   *temporaltest.Server // nil without Temporal
	done     chan error

	kills, pauses, restarts, engineRestarts, cuts int
}

func startChaos(ctx context.Context, o options, f *fleet, database *pgledgertest.Server, engine *temporaltest.Server, p *platform) *chaos {
	c := &chaos{random: rand.New(rand.NewPCG(uint64(o.seed), 16)), fleet: f, database: database, engine: engine, done: make(chan error, 1)}
	go func() {
		for n := range o.kills {
			// The last exports end in peace only after the last kill.
			for due := int64(n * (o.exports - o.atOnce) / max(o.kills, 1)); p.ended.Load() < due && ctx.Err() == nil; {
				time.Sleep(5 * time.Millisecond)
			}
			time.Sleep(time.Duration(c.random.IntN(100)) * time.Millisecond)
			if ctx.Err() != nil {
				break
			}
			if err := c.strike(); err != nil {
				c.done <- err
				return
			}
		}
		c.done <- nil
	}()
	return c
}

// strike kills something and starts it again.
func (c *chaos) strike() error {
	i := c.random.IntN(len(c.fleet.replicas))
	switch n := c.random.IntN(20); {
	case n < 11:
		c.kills++
		return c.fleet.replace(i)
	case n < 15: // for longer than its lease
		c.pauses++
		r := c.fleet.at(i)
		if err := r.pause(true); err != nil {
			return err
		}
		time.Sleep(lease + time.Duration(c.random.IntN(1500))*time.Millisecond)
		return r.pause(false)
	case n < 16 && c.engine != nil:
		c.engineRestarts++
		if err := c.engine.Kill(); err != nil {
			return err
		}
		return c.engine.StartAgain()
	case n < 18:
		c.restarts++
		if err := c.database.Kill(); err != nil {
			return err
		}
		return c.database.StartAgain()
	default:
		c.cuts++
		return c.database.Cut()
	}
}

// wait returns what was done, when all of it was.
func (c *chaos) wait() (string, error) {
	err := <-c.done
	said := fmt.Sprintf("%d kills of replicas, %d pauses, %d kills of the database, %d cuts of its connections", c.kills, c.pauses, c.restarts, c.cuts)
	if c.engine != nil {
		said += fmt.Sprintf(", %d kills of Temporal's server", c.engineRestarts)
	}
	return said, err
}
