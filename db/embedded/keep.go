package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// firstPause and maxPause bound the pause before a start that follows a failed one.
	firstPause, maxPause = 250 * time.Millisecond, 10 * time.Second
	// steadyTime is how long PostgreSQL has to run for the next start to be immediate.
	steadyTime = time.Minute
)

// Keeper keeps a PostgreSQL running: it starts it again when it ends by itself, killed
// for lack of memory or out of disk space, for as long as it takes. The URL stays the
// same, and the data directory stays locked meanwhile. The methods of a nil Keeper do
// nothing.
type Keeper struct {
	cfg Config
	// server has ended while no start succeeds.
	server *Server
}

// Keep is Start for a PostgreSQL that Run then keeps running. The first start must
// succeed.
func Keep(ctx context.Context, cfg Config) (*Keeper, error) {
	cfg = cfg.withDefaults()
	server, err := Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Keeper{cfg, server}, nil
}

// URL is that of Server.
func (k *Keeper) URL() string { return k.server.URL() }

// Run starts PostgreSQL again whenever it ends, until the context ends.
func (k *Keeper) Run(ctx context.Context) error {
	if k == nil {
		return nil
	}
	pause := time.Duration(0)
	for started := time.Now(); ; started = time.Now() {
		select {
		case <-ctx.Done():
			return nil
		case <-k.server.Exited():
		}
		if time.Since(started) > steadyTime {
			pause = 0
		}
		k.cfg.Logger.ErrorContext(ctx, "PostgreSQL has ended by itself; starting it again", "error", k.server.Err(), "pause", pause)
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			pause = nextPause(pause)
			server, err := startIn(ctx, k.cfg, k.server.data, false)
			if err == nil {
				k.server = server
				break
			}
			if ctx.Err() != nil {
				return nil
			}
			k.cfg.Logger.ErrorContext(ctx, "PostgreSQL cannot be started; trying again", "error", err, "pause", pause)
		}
	}
}

// nextPause returns twice a pause, within bounds, with jitter.
func nextPause(pause time.Duration) time.Duration {
	pause = min(max(2*pause, firstPause), maxPause)
	return pause - rand.N(pause/5) //nolint:gosec // jitter
}

// Stop is Server.Stop; Run must have returned.
func (k *Keeper) Stop(ctx context.Context) error {
	if k == nil {
		return nil
	}
	if err := k.server.Stop(ctx); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}
