//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// readLogs searches the servers' logs for errors that no client sees.
func (s *soak) readLogs() {
	for _, server := range s.system.servers {
		text, _ := os.ReadFile(server.log)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") || strings.Contains(line, "code=INTERNAL") {
				s.found.add(unexpected, "server %s logs %.300s", server.name, strings.TrimSpace(line))
			}
		}
	}
}

// check compares the ledger and the followers with the database, and checks the invariants
// of the tables.
func (s *soak) check(ctx context.Context) error {
	connection, err := s.system.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect to check: %w", err)
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	list := func(query string, arguments ...any) []string {
		return column[string](ctx, connection, &err, query, arguments...)
	}
	in := stored{log: list("SELECT event_id FROM event_log WHERE position >= $1 ORDER BY position", s.ledger.first), events: map[string]bool{}}
	for _, id := range list("SELECT event_id FROM event WHERE starts_with(event_id, $1)", eventPrefix) {
		if in.events[id] {
			s.found.add(doubled, "%s is stored twice", id)
		}
		in.events[id] = true
	}
	for _, id := range list("SELECT event_id FROM event WHERE NOT starts_with(event_id, $1) AND event_id IN (SELECT event_id FROM event_log WHERE position >= $2)", eventPrefix, s.ledger.first) {
		in.events[id] = true
	}
	s.ledger.check(in)
	for _, rule := range []struct {
		kind        kind
		name, query string
	}{
		{lost, "events that wait for a position", "SELECT event_id FROM event_pending"},
		{lost, "gaps of event_log", "SELECT position::text FROM (SELECT position, lag(position, 1, 0::bigint) OVER (ORDER BY position) AS before FROM event_log) l WHERE position <> before + 1"},
		{lost, "entries of event_log without their event", "SELECT event_id FROM event_log l WHERE NOT EXISTS (SELECT FROM event e WHERE e.event_id = l.event_id AND e.timestamp = l.timestamp)"},
		{lost, "events without an entry", "SELECT event_id FROM event e WHERE NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.event_id)"},
		{lost, "events without their identity", "SELECT event_id FROM event e WHERE NOT EXISTS (SELECT FROM event_identity i WHERE i.event_id = e.event_id AND i.timestamp = e.timestamp)"},
		{forged, "identities without their event", "SELECT event_id FROM event_identity i WHERE NOT EXISTS (SELECT FROM event e WHERE e.event_id = i.event_id AND e.timestamp = i.timestamp)"},
		{wrong, "the head is not the last position", "SELECT position::text FROM event_head WHERE position <> (SELECT max(position) FROM event_log)"},
		{wrong, "runs whose count is wrong", "SELECT x.execution_id FROM execution x WHERE event_count <> (SELECT count(*) FROM event_log l WHERE l.execution_id = x.execution_id)"},
		{wrong, "gaps of revisions", "SELECT resource_path FROM catalog GROUP BY 1 HAVING max(revision) <> count(*) OR min(revision) <> 1"},
		{wrong, "heads that are not the latest version", "SELECT r.resource_path FROM resource r JOIN LATERAL (SELECT * FROM catalog c WHERE c.resource_path = r.resource_path ORDER BY revision DESC LIMIT 1) c ON true WHERE (c.revision, c.resource_version) <> (r.latest_revision, r.latest_version)"},
	} {
		for _, row := range list(rule.query) {
			s.found.add(rule.kind, "%s: %s", rule.name, row)
		}
	}
	versions := map[string]bool{}
	for _, v := range list("SELECT concat_ws(' ', resource_path, revision, resource_version, payload ->> 'id') FROM catalog") {
		versions[v] = true
	}
	for path, all := range s.ledger.revisions {
		for _, r := range all {
			if v := fmt.Sprint(path, " ", r.number, " ", r.label, " ", r.text); !versions[v] {
				s.found.add(lost, "version %s was acknowledged and is not stored", v)
			}
		}
	}
	deliveries, resumes := 0, 0
	for _, f := range s.followers {
		last := int64(1 << 62)
		if f.slow() {
			last = slices.Max(append([]int64{0}, f.positions...))
		}
		s.found.checkPositions(f.name, f.positions, column[int64](ctx, connection, &err,
			"SELECT position FROM event_log WHERE position > $1 AND position <= $2 AND "+cmp.Or(f.where, "true"), f.start, last))
		deliveries, resumes = deliveries+len(f.positions), resumes+f.resumes
	}
	s.print(fmt.Sprintf("%d events, %d versions, %d transactions of writers, %d deliveries to %d followers over %d connections", len(in.log), len(versions), len(s.ledger.transactions), deliveries, len(s.followers), resumes))
	if err != nil {
		return fmt.Errorf("read the tables: %w", err)
	}
	return nil
}

// column returns the result of a query for one column. It does nothing if failed is set.
func column[T any](ctx context.Context, connection *pgx.Conn, failed *error, query string, arguments ...any) (all []T) {
	if *failed == nil {
		var rows pgx.Rows
		if rows, *failed = connection.Query(ctx, query, arguments...); *failed == nil {
			all, *failed = pgx.CollectRows(rows, pgx.RowTo[T])
		}
	}
	return all
}

// verdict prints the findings, and reports whether there are none.
func (s *soak) verdict() bool {
	fmt.Printf("\nanswers by caller and code\n%s\nverdict, seed %d\n", s.tally, s.seed)
	for _, k := range []kind{lost, doubled, reordered, forged, wrong, unexpected, unhealthy, leaked, broken} {
		fmt.Printf("  %-20s %d\n", k, s.found.counts[k])
		for _, example := range s.found.examples[k] {
			fmt.Printf("      %s\n", example)
		}
	}
	if len(s.found.counts) == 0 {
		fmt.Println("PASS")
		return true
	}
	fmt.Printf("FAIL; the logs are in %s\n", s.system.directory)
	return false
}
