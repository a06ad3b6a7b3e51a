// Limit is a minimal program that answers the requests of `bench requests`, as a bound to
// compare the server with: net/http, pgx, one SQL statement per request, and hand-written
// JSON. It has no GraphQL and no error messages for clients.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/noetl/noetl-catalog/db"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8081", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *listen)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen string) error {
	pool, err := db.Open(ctx, os.Getenv("DATABASE_URL"), db.Options{MaxConns: 16})
	if err != nil {
		return err
	}
	defer pool.Close()
	l := &limit{pool: pool.Pool, buffers: sync.Pool{New: func() any { return &buffer{bytes: make([]byte, 0, 64<<10)} }}}
	mux := http.NewServeMux()
	for path, answer := range map[string]func(*http.Request, []byte) ([]byte, error){
		"/Q1": l.version, "/Q2": l.resources, "/Q3": l.tree, "/Q4": l.feed, "/Q5": l.record,
	} {
		mux.Handle(path, l.handle(answer))
	}
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/metrics", promhttp.Handler())
	server := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type limit struct {
	pool    *pgxpool.Pool
	buffers sync.Pool
}

type buffer struct{ bytes []byte }

// handle responds with the bytes that answer appends to a pooled buffer.
func (l *limit) handle(answer func(*http.Request, []byte) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		buf := l.buffers.Get().(*buffer)
		defer l.buffers.Put(buf)
		bytes, err := answer(r, buf.bytes[:0])
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		buf.bytes = bytes
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(bytes)))
		_, _ = w.Write(bytes)
	}
}

// each calls row with the raw columns of each row, in the formats given.
func (l *limit) each(ctx context.Context, sql string, formats pgx.QueryResultFormats, args []any, row func(columns [][]byte)) error {
	rows, err := l.pool.Query(ctx, sql, append([]any{formats}, args...)...)
	if err != nil {
		return err
	}
	for rows.Next() {
		row(rows.RawValues())
	}
	return rows.Err()
}

const (
	asText   = pgx.TextFormatCode
	asBinary = pgx.BinaryFormatCode
)

// version is Q1.
func (l *limit) version(r *http.Request, buf []byte) ([]byte, error) {
	query := r.URL.Query()
	found := false
	err := l.each(r.Context(), `
		SELECT resource_path, resource_version, payload FROM catalog
		WHERE resource_path = $1 AND resource_version = $2`,
		pgx.QueryResultFormats{asText}, []any{query.Get("path"), query.Get("version")}, func(columns [][]byte) {
			found = true
			buf = appendJSON(buf, `{"data":{"version":{"path":$,"version":$,"payload":#}}}`, columns)
		})
	if err == nil && !found {
		buf = append(buf, `{"data":{"version":null}}`...)
	}
	return buf, err
}

// resources is Q2.
func (l *limit) resources(r *http.Request, buf []byte) ([]byte, error) {
	buf = append(buf, `{"data":{"resources":{"nodes":[`...)
	begin := len(buf)
	err := l.each(r.Context(), `
		SELECT r.resource_path, r.resource_type, c.resource_version, c.revision, c.timestamp, c.source
		FROM (SELECT * FROM resource WHERE resource_path > $1 ORDER BY resource_path LIMIT 50) AS r
		JOIN catalog c ON c.resource_path = r.resource_path AND c.resource_version = r.latest_version
		ORDER BY r.resource_path`,
		pgx.QueryResultFormats{asText, asText, asText, asText, asBinary, asText}, []any{r.URL.Query().Get("after")}, func(columns [][]byte) {
			if len(buf) > begin {
				buf = append(buf, ',')
			}
			buf = appendJSON(buf, `{"path":$,"type":{"name":$},"latestVersion":{"version":$,"revision":#,"timestamp":@,"source":$}}`, columns)
		})
	return append(buf, `]}}}`...), err
}

// tree is Q3. It has a row for each event, ordered by resource and version. No event is
// more than a day in the future, so PostgreSQL can skip the partitions of later months.
func (l *limit) tree(r *http.Request, buf []byte) ([]byte, error) {
	buf = append(buf, `{"data":{"resources":{"nodes":[`...)
	var path, version []byte // of the open resource and version
	err := l.each(r.Context(), `
		SELECT r.resource_path, c.resource_version, c.timestamp, e.event_id, e.event_type, e.timestamp
		FROM (SELECT resource_path FROM resource WHERE resource_path > $1 ORDER BY resource_path LIMIT 20) AS r
		CROSS JOIN LATERAL (
			SELECT resource_version, revision, timestamp FROM catalog
			WHERE resource_path = r.resource_path ORDER BY revision DESC LIMIT 5
		) AS c
		LEFT JOIN LATERAL (
			SELECT event_id, event_type, timestamp FROM event
			WHERE resource_path = r.resource_path AND resource_version = c.resource_version
				AND timestamp < now() + interval '2 days'
			ORDER BY timestamp DESC, event_id DESC LIMIT 5
		) AS e ON true
		ORDER BY r.resource_path, c.revision DESC, e.timestamp DESC, e.event_id DESC`,
		pgx.QueryResultFormats{asText, asText, asBinary, asText, asText, asBinary}, []any{r.URL.Query().Get("after")}, func(columns [][]byte) {
			same := path != nil && string(columns[0]) == string(path)
			switch {
			case same && string(columns[1]) == string(version):
				buf = append(buf, ',')
			case same:
				buf = append(buf, `]}},`...)
			case path != nil:
				buf = append(buf, `]}}]}},`...)
			}
			if !same {
				path = append(path[:0], columns[0]...)
				buf = appendJSON(buf, `{"path":$,"versions":{"nodes":[`, columns)
			}
			if !same || string(columns[1]) != string(version) {
				version = append(version[:0], columns[1]...)
				buf = appendJSON(buf, `{"version":$,"timestamp":@,"events":{"nodes":[`, columns[1:])
			}
			if columns[3] != nil {
				buf = appendJSON(buf, `{"eventId":$,"type":{"name":$},"timestamp":@}`, columns[3:])
			}
		})
	if path != nil {
		buf = append(buf, `]}}]}}`...)
	}
	return append(buf, `]}}}`...), err
}

// feed is Q4.
func (l *limit) feed(r *http.Request, buf []byte) ([]byte, error) {
	buf = append(buf, `{"data":{"events":{"nodes":[`...)
	begin := len(buf)
	err := l.each(r.Context(), `
		SELECT e.event_id, e.timestamp, e.event_type, e.resource_path, r.resource_type
		FROM (
			SELECT event_id, timestamp, event_type, resource_path FROM event
			WHERE timestamp < now() + interval '2 days'
			ORDER BY timestamp DESC, event_id DESC LIMIT 100
		) AS e
		JOIN resource r ON r.resource_path = e.resource_path
		ORDER BY e.timestamp DESC, e.event_id DESC`,
		pgx.QueryResultFormats{asText, asBinary, asText, asText, asText}, nil, func(columns [][]byte) {
			if len(buf) > begin {
				buf = append(buf, ',')
			}
			buf = appendJSON(buf, `{"eventId":$,"timestamp":@,"type":{"name":$},"resource":{"path":$,"type":{"name":$}}}`, columns)
		})
	return append(buf, `]}}}`...), err
}

// record is Q5.
func (l *limit) record(r *http.Request, buf []byte) ([]byte, error) {
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	err = l.each(r.Context(), `
		INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta)
		VALUES ($1, $2, $3, $4, $5, jsonb_build_object('execution_id', $6::text, 'node_name', 'step-1'))
		RETURNING event_id, timestamp`,
		pgx.QueryResultFormats{asText, asBinary},
		[]any{id.String(), query.Get("type"), query.Get("path"), query.Get("version"), payload, query.Get("execution")},
		func(columns [][]byte) {
			buf = appendJSON(buf, `{"data":{"recordEvent":{"event":{"eventId":$,"timestamp":@},"duplicate":false}}}`, columns)
		})
	return buf, err
}

// appendJSON appends a format whose placeholders stand for the columns in order: $ for a
// string, @ for a timestamp, and # for a column that is JSON already.
func appendJSON(buf []byte, format string, columns [][]byte) []byte {
	for {
		next := strings.IndexAny(format, "$@#")
		if next < 0 {
			return append(buf, format...)
		}
		buf = append(buf, format[:next]...)
		switch format[next] {
		case '$':
			buf = appendText(buf, columns[0])
		case '@':
			// PostgreSQL's binary timestamptz: microseconds since 2000.
			const epoch = 946_684_800_000_000
			buf = time.UnixMicro(int64(binary.BigEndian.Uint64(columns[0]))+epoch).UTC().AppendFormat(buf, `"2006-01-02T15:04:05.000000Z"`)
		case '#':
			buf = append(buf, columns[0]...)
		}
		format, columns = format[next+1:], columns[1:]
	}
}

// appendText appends a JSON string.
func appendText(buf, text []byte) []byte {
	buf = append(buf, '"')
	start := 0
	for i, c := range text {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		buf = append(buf, text[start:i]...)
		start = i + 1
		if c < 0x20 {
			buf = fmt.Appendf(buf, `\u%04x`, c)
		} else {
			buf = append(buf, '\\', c)
		}
	}
	return append(append(buf, text[start:]...), '"')
}
