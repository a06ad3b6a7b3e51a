package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
)

// Connect makes a connection outside any pool, to listen on. It must be direct, not through a transaction pooler.
type Connect func(context.Context) (*pgx.Conn, error)

// answerTimeout limits the wait for an answer of the database, which never arrives
// if the network is broken.
const answerTimeout = 10 * time.Second

// keepConnected runs work on a connection that listens to a channel, and again on
// a new one whenever it fails, until the context ends. It listens before work
// reads, so that nothing is written between the two unnoticed. work calls its last
// argument when the database has answered.
func keepConnected(ctx context.Context, connect Connect, channel string, logger *slog.Logger, what string, connections prometheus.Counter, work func(context.Context, *pgx.Conn, func()) error) error {
	var attempts backoff
	for failures := 0; ; {
		err := onConnection(ctx, connect, channel, connections, func(connection *pgx.Conn) error {
			return work(ctx, connection, func() { attempts, failures = 0, 0 })
		})
		if ctx.Err() != nil {
			return nil
		}
		// An outage is logged when it begins, and then at every 30th failure.
		if failures%30 == 0 {
			logger.WarnContext(ctx, what+" has lost its connection; connecting again", "error", err)
		}
		failures++
		if sleep(ctx, attempts.next()) != nil {
			return nil
		}
	}
}

func onConnection(ctx context.Context, connect Connect, channel string, connections prometheus.Counter, work func(*pgx.Conn) error) error {
	connection, err := connect(ctx)
	if err != nil {
		return err
	}
	connections.Inc()
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = connection.Close(closing)
	}()
	if _, err := bounded(ctx, func(ctx context.Context) (pgconn.CommandTag, error) { return connection.Exec(ctx, "LISTEN "+channel) }); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return work(connection)
}

// backoff is the last pause between attempts that fail.
type backoff time.Duration

// next returns the next pause: twice the last, up to two seconds, with jitter.
func (b *backoff) next() time.Duration {
	const shortest, longest = 50 * time.Millisecond, 2 * time.Second
	pause := min(max(2*time.Duration(*b), shortest), longest)
	*b = backoff(pause)
	return pause/2 + rand.N(pause/2) //nolint:gosec // jitter
}

// bounded limits the time of one exchange with the database.
func bounded[T any](ctx context.Context, exchange func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return exchange(ctx)
}

// waitForNotification returns false if no notification arrives in time.
func waitForNotification(ctx context.Context, connection *pgx.Conn, timeout time.Duration) (bool, error) {
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := connection.WaitForNotification(waiting)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded) && !connection.IsClosed():
		return false, nil
	}
	return false, fmt.Errorf("wait for a notification: %w", err)
}

func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
