package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// defaultStallTime is the default of Options.StallTime.
const defaultStallTime = 6 * time.Second

// errStalled refuses a connection to a PostgreSQL that does not answer.
var errStalled = errors.New("PostgreSQL does not answer")

// connections are those of the pool, so that they can be closed while they are used.
type connections struct {
	mu   sync.Mutex
	open map[*pgconn.PgConn]struct{}
	// closed counts those that the pool has closed.
	closed int64
	// broken is when the last one broke.
	broken time.Time
}

func (c *connections) add(connection *pgx.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[connection.PgConn()] = struct{}{}
}

func (c *connections) remove(connection *pgx.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, connection.PgConn())
	c.closed++
}

// broke records that a connection has broken.
func (c *connections) broke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = time.Now()
}

// shouldPing is a pgxpool hook. Besides connections that have idled for long, it
// suspects those that were last used before another one broke: after a crash of
// PostgreSQL all of them are dead, and each would fail a request.
func (c *connections) shouldPing(_ context.Context, of pgxpool.ShouldPingParams) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return of.IdleDuration > time.Second || time.Since(c.broken) < of.IdleDuration
}

// abandon closes the sockets, which ends all statements that wait for an answer.
func (c *connections) abandon() (count int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for connection := range c.open {
		_ = connection.Conn().Close()
	}
	return len(c.open)
}

// Watch ends the statements that wait for a PostgreSQL that does not answer, until the
// context ends: one that is stopped, or whose machine has vanished, does not obey
// statement_timeout. If no statement has ended for half of Options.StallTime while some
// run, a probe on a connection of its own has the other half to get any answer. As long
// as PostgreSQL answers probes, the deadline of the statements holds. Then the pool
// refuses callers until a probe is answered.
func (p *Pool) Watch(ctx context.Context, logger *slog.Logger) error {
	look := time.NewTicker(p.stallTime / 12)
	defer look.Stop()
	ended, progress := p.statementsEnded(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		now := p.statementsEnded()
		if now > ended || !p.busy() {
			progress = time.Now()
		}
		ended = now
		if time.Since(progress) < p.stallTime/2 {
			continue
		}
		err := p.probe(ctx)
		progress = time.Now()
		if err == nil || ctx.Err() != nil || p.statementsEnded() > ended {
			continue
		}
		p.stalled.Store(true)
		logger.ErrorContext(ctx, "PostgreSQL does not answer; ending the statements that wait for it", "after", p.stallTime,
			"connections", p.connections.abandon(), "error", err)
		for p.probe(ctx) != nil && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-look.C:
			}
		}
		p.Reset()
		p.stalled.Store(false)
		logger.InfoContext(ctx, "PostgreSQL answers again")
		progress = time.Now()
	}
}

// busy reports whether callers wait for PostgreSQL.
func (p *Pool) busy() bool {
	stat := p.Stat()
	return stat.AcquiredConns()+stat.ConstructingConns() > 0
}

// statementsEnded rises with each use of a connection that ends, except those that end
// with the connection.
func (p *Pool) statementsEnded() int64 {
	p.connections.mu.Lock()
	defer p.connections.mu.Unlock()
	stat := p.Stat()
	return stat.AcquireCount() - int64(stat.AcquiredConns()) - p.connections.closed
}

// probe returns an error if PostgreSQL does not answer in time. A refusal is an answer.
func (p *Pool) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.stallTime/2)
	defer cancel()
	config := p.Config().ConnConfig
	config.ConnectTimeout = p.stallTime / 2 / time.Duration(1+len(config.Fallbacks))
	connection, err := pgx.ConnectConfig(ctx, config)
	if refusal := (*pgconn.PgError)(nil); errors.As(err, &refusal) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("connect for a probe: %w", err)
	}
	err = connection.Ping(ctx)
	return cmp.Or(err, connection.Close(ctx))
}
