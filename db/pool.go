package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// crowdedTime is how long the pool does not try to grow after PostgreSQL refused
	// another connection.
	crowdedTime = 100 * time.Millisecond
	// crowdedPoll is how often the first of the callers that wait looks for a
	// connection.
	crowdedPoll = time.Millisecond
)

// Pool is a pgxpool.Pool whose callers wait for one of its connections if PostgreSQL
// refuses another one. pgxpool fails then, although its own connections are free a
// moment later.
type Pool struct {
	*pgxpool.Pool
	// queue holds the caller whose turn it is to look for a free connection.
	queue chan struct{}
	// refused is when PostgreSQL last refused a connection, in nanoseconds.
	refused atomic.Int64
	// waits counts the callers that waited in the queue, and waited how long they did, in
	// nanoseconds.
	waits, waited atomic.Int64

	stallTime   time.Duration
	stalled     atomic.Bool
	connections connections
	timelines   *timelines
}

// errCrowded ends an attempt to grow soon after PostgreSQL refused a connection.
var errCrowded = errors.New("PostgreSQL has no connection free")

// acquireError is an error before anything was sent.
type acquireError struct{ error }

// SafeToRetry is for pgconn.SafeToRetry.
func (acquireError) SafeToRetry() bool { return true }

func (e acquireError) Unwrap() error { return e.error }

// beforeConnect is a pgxpool hook.
func (p *Pool) beforeConnect(context.Context, *pgx.ConnConfig) error {
	if p.stalled.Load() {
		return errStalled
	}
	if refused := p.refused.Load(); refused != 0 && p.living() > 0 && time.Since(time.Unix(0, refused)) < crowdedTime {
		return errCrowded
	}
	return nil
}

// living is how many connections the pool has.
func (p *Pool) living() int32 {
	stat := p.Stat()
	return stat.AcquiredConns() + stat.IdleConns()
}

// crowded reports whether PostgreSQL refused a connection and the pool has others.
func (p *Pool) crowded(err error) bool {
	if errors.Is(err, errCrowded) {
		return true
	}
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || refusal.Code != "53300" {
		return false
	}
	p.refused.Store(time.Now().UnixNano())
	return p.living() > 0
}

// Conn is a connection of the pool.
type Conn struct {
	*pooled
	pool *Pool
}

type pooled = pgxpool.Conn

// Release gives the connection back. Another call does nothing.
func (c *Conn) Release() {
	if c.pooled == nil {
		return
	}
	if c.Conn().IsClosed() {
		c.pool.connections.broke()
	}
	c.pooled.Release()
	c.pooled = nil
}

// Acquire returns a connection of the pool, to be released.
func (p *Pool) Acquire(ctx context.Context) (Conn, error) {
	if len(p.queue) == 0 { // nobody waits
		connection, err := p.Pool.Acquire(ctx)
		if err == nil {
			return Conn{connection, p}, nil
		}
		if !p.crowded(err) {
			return Conn{}, acquireError{err}
		}
	}
	defer func(since time.Time) {
		p.waits.Add(1)
		p.waited.Add(int64(time.Since(since)))
	}(time.Now())
	select {
	case p.queue <- struct{}{}:
		defer func() { <-p.queue }()
	case <-ctx.Done():
		return Conn{}, acquireError{errors.Join(errCrowded, ctx.Err())}
	}
	for {
		connection, err := p.Pool.Acquire(ctx)
		if err == nil {
			return Conn{connection, p}, nil
		}
		if !p.crowded(err) {
			return Conn{}, acquireError{err}
		}
		select {
		case <-time.After(crowdedPoll):
		case <-ctx.Done():
			return Conn{}, acquireError{errors.Join(errCrowded, ctx.Err())}
		}
	}
}

// errUnconfirmed is for a commit that a synchronous standby may not have. It is as if
// the answer had been lost.
var errUnconfirmed = fmt.Errorf("the commit was not confirmed by a synchronous standby: %w", io.ErrUnexpectedEOF)

// unconfirmed is the key of pgconn's custom data.
const unconfirmed = "unconfirmed"

// onNotice is a pgx hook. PostgreSQL answers a commit whose wait for a standby was
// cancelled as one that was not, after a warning.
func onNotice(connection *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.Routine == "SyncRepWaitForLSN" {
		connection.CustomData()[unconfirmed] = true
	}
}

// unlessUnconfirmed returns err, or errUnconfirmed after a warning of onNotice.
func unlessUnconfirmed(connection Conn, err error) error {
	data := connection.Conn().PgConn().CustomData()
	if _, found := data[unconfirmed]; !found {
		return err
	}
	delete(data, unconfirmed)
	return cmp.Or(err, errUnconfirmed)
}

// Ping reports whether the database answers.
func (p *Pool) Ping(ctx context.Context) error {
	connection, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer connection.Release()
	return connection.Ping(ctx)
}

// Exec runs a statement.
func (p *Pool) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	connection, err := p.Acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer connection.Release()
	tag, err := connection.Exec(ctx, sql, args...)
	return tag, unlessUnconfirmed(connection, err)
}

// Query runs a statement; the rows must be closed.
func (p *Pool) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	connection, err := p.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	found, err := connection.Query(ctx, sql, args...)
	if err != nil {
		connection.Release()
		return nil, err
	}
	return &rows{Rows: found, connection: connection}, nil
}

// rows release their connection at the end.
type rows struct {
	pgx.Rows
	connection Conn
	err        error
}

func (r *rows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *rows) Close() {
	r.Rows.Close()
	if r.connection.pooled != nil {
		r.err = unlessUnconfirmed(r.connection, r.Rows.Err())
		r.connection.Release()
	}
}

func (r *rows) Err() error { return cmp.Or(r.err, r.Rows.Err()) }

// QueryRow runs a statement when its row is scanned.
func (p *Pool) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return row(func(into ...any) error {
		connection, err := p.Acquire(ctx)
		if err != nil {
			return err
		}
		defer connection.Release()
		return unlessUnconfirmed(connection, connection.QueryRow(ctx, sql, args...).Scan(into...))
	})
}

type row func(into ...any) error

func (r row) Scan(into ...any) error { return r(into...) }

// SendBatch sends statements; the results must be closed.
func (p *Pool) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	connection, err := p.Acquire(ctx)
	if err != nil {
		return failedBatch{err: err}
	}
	return &results{connection.SendBatch(ctx, batch), connection}
}

type results struct {
	pgx.BatchResults
	connection Conn
}

func (r *results) Close() error {
	defer r.connection.Release()
	return r.BatchResults.Close() // for reads only: unlessUnconfirmed is not called
}

// failedBatch are the results of a batch that was not sent.
type failedBatch struct {
	pgx.BatchResults
	err error
}

func (b failedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, b.err }
func (b failedBatch) Query() (pgx.Rows, error)         { return nil, b.err }
func (b failedBatch) QueryRow() pgx.Row                { return row(func(...any) error { return b.err }) }
func (b failedBatch) Close() error                     { return b.err }

// Begin begins a transaction, which must be committed or rolled back.
func (p *Pool) Begin(ctx context.Context) (pgx.Tx, error) { return p.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx is Begin with options.
func (p *Pool) BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error) {
	connection, err := p.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	begun, err := connection.Conn().BeginTx(ctx, options)
	if err != nil {
		connection.Release()
		return nil, err
	}
	return &transaction{begun, connection}, nil
}

type transaction struct {
	pgx.Tx
	connection Conn
}

func (t *transaction) Commit(ctx context.Context) error {
	defer t.connection.Release()
	err := t.Tx.Commit(ctx)
	if t.connection.pooled == nil { // it has ended before
		return err
	}
	return unlessUnconfirmed(t.connection, err)
}

func (t *transaction) Rollback(ctx context.Context) error {
	defer t.connection.Release()
	return t.Tx.Rollback(ctx)
}
