package db

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// readTimeline returns the system and the timeline of a primary: those of its next
// record, since pg_control_checkpoint has the former timeline until the first
// checkpoint. It stands here because pgconn validates connections below pgx and sqlc.
const readTimeline = `SELECT system_identifier::text, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
	FROM pg_control_system() WHERE NOT pg_is_in_recovery()`

// refusalInterval is how often refused connections are logged.
const refusalInterval = 10 * time.Second

// timelines refuses connections to a primary whose standby has been promoted since: a
// promotion begins a timeline, and a primary on a lower one has another history. It
// knows the timelines that this process has seen.
type timelines struct {
	logger *slog.Logger

	mu sync.Mutex
	// highest is that of system. Timelines are eight hexadecimal digits.
	system, highest string
	// open are the connections to a primary, all of the highest timeline.
	open map[net.Conn]struct{}
	// logged is when a refusal was logged last.
	logged time.Time
}

// guard makes the connections of a configuration known to t.
func (t *timelines) guard(config *pgx.ConnConfig) {
	dial, validate := config.DialFunc, config.ValidateConnect
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &tracked{connection, t}, nil
	}
	config.ValidateConnect = func(ctx context.Context, connection *pgconn.PgConn) error {
		if validate != nil {
			if err := validate(ctx, connection); err != nil {
				return err
			}
		}
		return t.check(ctx, connection)
	}
}

// tracked is a connection that is forgotten when it is closed.
type tracked struct {
	net.Conn
	timelines *timelines
}

func (c *tracked) Close() error {
	c.timelines.mu.Lock()
	delete(c.timelines.open, c)
	c.timelines.mu.Unlock()
	return c.Conn.Close()
}

// check returns an error for a connection to a lower timeline than the highest. It
// closes the connections to lower ones.
func (t *timelines) check(ctx context.Context, connection *pgconn.PgConn) error {
	read := connection.ExecParams(ctx, readTimeline, nil, nil, nil, nil).Read()
	if read.Err != nil || len(read.Rows) == 0 {
		// A standby, or a service that does not show its timeline.
		return nil //nolint:nilerr // nothing to compare
	}
	system, timeline := string(read.Rows[0][0]), string(read.Rows[0][1])
	socket := connection.Conn()
	if secured, ok := socket.(*tls.Conn); ok {
		socket = secured.NetConn()
	}
	stale, err := t.add(ctx, socket, system, timeline)
	for _, other := range stale {
		_ = other.Close()
	}
	return err
}

func (t *timelines) add(ctx context.Context, socket net.Conn, system, timeline string) (stale []net.Conn, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if system == t.system && timeline < t.highest {
		if time.Since(t.logged) > refusalInterval {
			t.logged = time.Now()
			t.logger.ErrorContext(ctx, "a former primary is refused: a standby has been promoted since, and has another history; end it, or make it a standby",
				"address", socket.RemoteAddr().String(), "timeline", timeline, "highest", t.highest)
		}
		return nil, fmt.Errorf("timeline %s lies below %s: this is a former primary", timeline, t.highest)
	}
	if system == t.system && timeline > t.highest {
		for other := range t.open {
			stale = append(stale, other)
		}
	}
	t.system, t.highest = system, timeline
	t.open[socket] = struct{}{}
	return stale, nil
}

// survey learns the timelines of all hosts of a URL: a former primary may be the first.
func (t *timelines) survey(ctx context.Context, config *pgx.ConnConfig) {
	var hosts sync.WaitGroup
	for _, fallback := range config.Fallbacks {
		if fallback.Host == config.Host && fallback.Port == config.Port {
			continue
		}
		one := config.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = fallback.Host, fallback.Port, fallback.TLSConfig, nil
		hosts.Go(func() {
			if connection, err := pgx.ConnectConfig(ctx, one); err == nil {
				_ = connection.Close(ctx)
			}
		})
	}
	hosts.Wait()
}
