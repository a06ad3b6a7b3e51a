package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
)

// connections is how many clients there are at once.
const connections = 16

// workload is an operation and the equivalent request to the limit.
type workload struct {
	name, what string
	document   string
	// make makes the variables of a request, and the request to the limit.
	make func(*sample) (variables map[string]any, limit request)
	// requests is the number of different requests.
	requests int
	// writes: it changes the database, and responses differ in time and id.
	writes bool
}

func workloads() []workload {
	after := func(name string) func(*sample) (map[string]any, request) {
		return func(s *sample) (map[string]any, request) {
			at := s.places[s.random.IntN(len(s.places))]
			return map[string]any{"after": at.Cursor}, request{method: "GET", target: "/" + name + "?" + url.Values{"after": {at.Node.Path}}.Encode()}
		}
	}
	return []workload{
		{
			name: "Q1", what: "one version by path and label, with its payload of 1.5 KB", requests: 50_000,
			document: `query($path: String!, $version: String!) { version(path: $path, version: $version) { path version payload } }`,
			make: func(s *sample) (map[string]any, request) {
				path, label := s.version()
				return map[string]any{"path": path, "version": label},
					request{method: "GET", target: "/Q1?" + url.Values{"path": {path}, "version": {label}}.Encode()}
			},
		}, {
			name: "Q2", what: "50 resources, each with its latest version", requests: 200, make: after("Q2"),
			document: `query($after: String) { resources(first: 50, after: $after) { nodes { path type { name } latestVersion { version revision timestamp source } } } }`,
		}, {
			name: "Q3", what: "20 resources, 5 versions of each, 5 events of each", requests: 200, make: after("Q3"),
			document: `query($after: String) { resources(first: 20, after: $after) { nodes { path versions(first: 5) { nodes { version timestamp events(first: 5) { nodes { eventId type { name } timestamp } } } } } } }`,
		}, {
			name: "Q4", what: "the newest 100 events, each with its resource", requests: 1,
			document: `{ events(first: 100) { nodes { eventId timestamp type { name } resource { path type { name } } } } }`,
			make: func(*sample) (map[string]any, request) {
				return nil, request{method: "GET", target: "/Q4"}
			},
		}, {
			name: "Q5", what: "one event recorded, with fsync", requests: 10_000, writes: true,
			document: `mutation($input: RecordEventInput!) { recordEvent(input: $input) { event { eventId timestamp } duplicate } }`,
			make: func(s *sample) (map[string]any, request) {
				path, label := s.version()
				execution := fmt.Sprintf("bench-%d", s.random.IntN(1_000_000_000))
				payload := map[string]any{"rows": s.random.IntN(1000), "file": "s3://bucket/" + execution, "text": strings.Repeat("x", 120)}
				body, _ := json.Marshal(payload) // of texts and numbers
				input := map[string]any{
					"type": "STEP_COMPLETED", "path": path, "version": label, "payload": payload,
					"meta": map[string]any{"execution_id": execution, "node_name": "step-1"},
				}
				target := "/Q5?" + url.Values{"type": {"STEP_COMPLETED"}, "path": {path}, "version": {label}, "execution": {execution}}.Encode()
				return map[string]any{"input": input}, request{method: "POST", body: string(body), target: target}
			},
		},
	}
}

// chosen are the workloads that -only names.
func (b *bench) chosen() ([]workload, error) {
	all := workloads()
	if b.only == "" {
		return all, nil
	}
	var chosen []workload
	for name := range strings.SplitSeq(b.only, ",") {
		at := slices.IndexFunc(all, func(w workload) bool { return w.name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no workload %q", name)
		}
		chosen = append(chosen, all[at])
	}
	return chosen, nil
}

// sample is what the requests ask for.
type sample struct {
	random *rand.Rand
	paths  []string
	// places are where pages of resources begin.
	places []place
}

type place struct {
	Cursor string
	Node   struct{ Path string }
}

func newSample(ctx context.Context, databaseURL string, s *server) (*sample, error) {
	connection, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	rows, err := connection.Query(ctx, "SELECT resource_path FROM resource ORDER BY resource_path")
	if err != nil {
		return nil, err
	}
	// The same in every run.
	made := &sample{random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // no secret
	if made.paths, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, err
	}
	paths := make([]string, 200)
	for i := range paths {
		paths[i] = made.paths[made.random.IntN(len(made.paths)-50)] // a whole page follows
	}
	var answer struct{ Resources struct{ Edges []place } }
	err = s.Do(ctx, `query($paths: [String!]) { resources(first: 200, filter: {paths: $paths}) { edges { cursor node { path } } } }`,
		map[string]any{"paths": paths}, &answer)
	made.places = answer.Resources.Edges
	return made, err
}

func (s *sample) version() (path, label string) {
	return s.paths[s.random.IntN(len(s.paths))], fmt.Sprintf("1.0.%d", s.random.IntN(5))
}

// contestant is the server, the limit or PostGraphile during a workload.
type contestant struct {
	*server
	name     string
	requests [][]byte
	// variables are those of the server's requests, targets the limit's.
	variables  []map[string]any
	targets    []string
	statements float64
	rounds     []figures
	alone      time.Duration // p50 with one connection
	peak       int64
}

// figures are the results of a round; times are per request.
type figures struct {
	rate                   float64 // requests a second
	p50, p99               time.Duration
	own, postgres, load    time.Duration // of processors
	allocations, kibibytes float64
}

// requests presses the server and the limit in turn with each workload.
func requests(ctx context.Context, b *bench) error {
	chosen, err := b.chosen()
	if err != nil {
		return err
	}
	size := scale{resources: 10_000, events: 1_000_000, months: 6}
	url, err := b.filled(ctx, "requests", size)
	if err != nil {
		return err
	}
	fmt.Printf("requests: %d connections, median of %d rounds of %s; %s\n", connections, b.rounds, b.duration, size)
	table := newTable()
	for _, w := range chosen {
		database := url
		if w.writes {
			if database, err = b.copied(ctx, "requests", "requests_written"); err != nil {
				return err
			}
			if b.peer {
				if err := b.givenIDs(ctx, "requests_written"); err != nil {
					return err
				}
			}
		}
		all, err := b.contest(ctx, database, w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		table.add(w, all)
	}
	table.print()
	return b.admin(ctx, "DROP DATABASE IF EXISTS requests_written")
}

// copied makes a copy of a database for writing.
func (b *bench) copied(ctx context.Context, from, to string) (string, error) {
	err := b.admin(ctx, "DROP DATABASE IF EXISTS "+to, "CREATE DATABASE "+to+" TEMPLATE "+from+" STRATEGY file_copy", "CHECKPOINT")
	if err != nil {
		return "", err
	}
	return b.url(to)
}

// contest measures a workload on the server, on the limit and, with -peer, on
// PostGraphile.
func (b *bench) contest(ctx context.Context, databaseURL string, w workload) ([]*contestant, error) {
	both, err := b.compare(ctx, databaseURL, w)
	if err != nil {
		return nil, err
	}
	all := both[:]
	for i, c := range both {
		if c.server, err = b.enter(ctx, i, databaseURL); err != nil {
			return nil, err
		}
		defer c.stop()
	}
	if b.peer {
		c, err := b.enterPeer(ctx, databaseURL, w, both[0])
		if c != nil {
			defer c.stop()
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, b.compete(all)
}

// compete presses the contestants in turn, each first in its round, after a
// warm-up.
func (b *bench) compete(all []*contestant) (err error) {
	for _, c := range all {
		// Node takes longer to warm up.
		if _, err := press(c.address, c.requests, connections, 2*time.Second*time.Duration(len(all)-1)); err != nil {
			return err
		}
	}
	for round := range b.rounds {
		for i := range all {
			c := all[(i+round)%len(all)]
			f, err := b.round(c)
			if err != nil {
				return err
			}
			c.rounds = append(c.rounds, f)
		}
	}
	for _, c := range all {
		alone, err := press(c.address, c.requests, 1, 2*time.Second)
		if err != nil {
			return err
		}
		c.alone = quantile(alone.took, 0.5)
		if c.peak, err = c.status("VmHWM:"); err != nil {
			return err
		}
	}
	return nil
}

// enter starts the server, or the limit.
func (b *bench) enter(ctx context.Context, which int, databaseURL string) (*server, error) {
	if which == 0 {
		return b.serve(ctx, databaseURL)
	}
	return start(ctx, databaseURL, b.limit)
}

// compare makes the requests of a workload, checks that both give equal
// responses, and counts their statements.
func (b *bench) compare(ctx context.Context, databaseURL string, w workload) (both [2]*contestant, err error) {
	var counters [2]*counter
	for i := range both {
		if counters[i], err = b.count(ctx); err != nil {
			return both, err
		}
		defer counters[i].close()
		counted, err := throughSocket(databaseURL, counters[i].directory)
		if err != nil {
			return both, err
		}
		both[i] = &contestant{name: []string{"server", "limit"}[i]}
		if both[i].server, err = b.enter(ctx, i, counted); err != nil {
			return both, err
		}
		defer both[i].stop()
	}
	made, err := newSample(ctx, databaseURL, both[0].server)
	if err != nil {
		return both, err
	}
	for range w.requests {
		variables, limit := w.make(made)
		body, err := encodeGraphQL(w.document, variables)
		if err != nil {
			return both, err
		}
		both[0].requests = append(both[0].requests, body)
		both[0].variables, both[0].targets = append(both[0].variables, variables), append(both[0].targets, limit.target)
		both[1].requests = append(both[1].requests, limit.encode())
	}
	if err := counters[0].idle(ctx); err != nil {
		return both, err
	}
	const asked = 100
	var answers [2][]any
	for i, c := range both {
		// The first requests prepare the statements. The second ones are
		// others, so that no cache has them.
		for _, from := range []int{0, asked} {
			before := counters[i].sum()
			if answers[i], err = c.answers(from, asked); err != nil {
				return both, err
			}
			c.statements = float64(counters[i].sum()-before) / asked
		}
	}
	for i := range asked {
		if got, want := comparable(answers[0][i], w), comparable(answers[1][i], w); !reflect.DeepEqual(got, want) {
			texts := [2][]byte{}
			for j, answer := range []any{got, want} {
				texts[j], _ = json.Marshal(answer) // which was read from JSON
			}
			return both, fmt.Errorf("the answers to request %d differ:\nserver: %.1000s\nlimit:  %.1000s", i, texts[0], texts[1])
		}
	}
	return both, nil
}

// encodeGraphQL returns a GraphQL request in wire format.
func encodeGraphQL(document string, variables map[string]any) ([]byte, error) {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	return request{"POST", "/graphql", string(body)}.encode(), err
}

// throughSocket returns a database's URL through a socket in another directory.
func throughSocket(databaseURL, directory string) (string, error) {
	parsed, err := url.Parse(databaseURL)
	if err != nil {
		return "", err
	}
	query := parsed.Query()
	query.Set("host", directory)
	parsed.RawQuery = query.Encode()
	return parsed.String(), nil
}

// answers sends n requests, one after another.
func (c *contestant) answers(from, n int) ([]any, error) {
	connection, err := dial(c.address, time.Minute)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	answers := make([]any, n)
	for i := range answers {
		body, err := connection.do(c.requests[(from+i)%len(c.requests)])
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&answers[i]); err != nil {
			return nil, fmt.Errorf("%w: %.200s", err, body)
		}
	}
	return answers, nil
}

// comparable removes from a response what is new in each.
func comparable(answer any, w workload) any {
	if !w.writes {
		return answer
	}
	var walk func(any)
	walk = func(value any) {
		object, ok := value.(map[string]any)
		if !ok {
			return
		}
		for name, inner := range object {
			if text, ok := inner.(string); ok && (name == "eventId" || name == "timestamp") {
				object[name] = len(text)
			}
			walk(inner)
		}
	}
	walk(answer)
	return answer
}

// round presses a contestant, and reads clocks and counters before and after.
func (b *bench) round(c *contestant) (figures, error) {
	before, err := b.readings(c)
	if err != nil {
		return figures{}, err
	}
	p, err := press(c.address, c.requests, connections, b.duration)
	if err != nil {
		return figures{}, err
	}
	after, err := b.readings(c)
	if err != nil {
		return figures{}, err
	}
	n := len(p.took)
	each := func(before, after time.Duration) time.Duration { return (after - before) / time.Duration(n) }
	return figures{
		rate: float64(n) / p.elapsed.Seconds(), p50: quantile(p.took, 0.5), p99: quantile(p.took, 0.99),
		own: each(before.own, after.own), postgres: each(before.postgres, after.postgres), load: each(before.load, after.load),
		allocations: (after.allocations - before.allocations) / float64(n),
		kibibytes:   (after.bytes - before.bytes) / float64(n) / 1024,
	}, nil
}

type readings struct {
	own, postgres, load time.Duration
	allocations, bytes  float64
}

func (b *bench) readings(c *contestant) (r readings, err error) {
	times, err := timesOf(c.command.Process.Pid)
	if err != nil {
		return r, err
	}
	r.own = times.own
	if c.name != "PostGraphile" {
		metrics, err := c.metrics()
		if err != nil {
			return r, err
		}
		r.allocations, r.bytes = metrics["go_memstats_mallocs_total"], metrics["go_memstats_alloc_bytes_total"]
	}
	var errs [2]error
	r.postgres, errs[0] = b.postgresTime()
	r.load, errs[1] = ownTime()
	return r, errors.Join(errs[:]...)
}

// of is the median of a figure over the rounds.
func (c *contestant) of(figure func(figures) float64) float64 {
	values := make([]float64, len(c.rounds))
	for i, f := range c.rounds {
		values[i] = figure(f)
	}
	return median(values)
}

func rate(f figures) float64 { return f.rate }

// cpu is the processor time of a request, in milliseconds.
func cpu(f figures) float64 { return (f.own + f.postgres).Seconds() * 1000 }

// table is what requests prints.
type table struct {
	writer *tabwriter.Writer
	notes  []string
}

func newTable() *table {
	t := &table{writer: tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)}
	t.row("", "", "requests/s", "of limit", "p50 ms", "p99 ms", "1 conn. p50", "CPU ms own", "PostgreSQL", "sum", "of limit", "allocs", "KB", "statements", "peak MB")
	return t
}

func (t *table) row(cells ...string) { fmt.Fprintln(t.writer, strings.Join(cells, "\t")+"\t") }

// ratio is the median over the rounds of the ratio of a figure to another
// contestant's.
func (c *contestant) ratio(other *contestant, figure func(figures) float64) string {
	ratios := make([]float64, len(c.rounds))
	for round := range ratios {
		ratios[round] = figure(c.rounds[round]) / figure(other.rounds[round])
	}
	return fmt.Sprintf("%.2f", median(ratios))
}

func (t *table) add(w workload, all []*contestant) {
	for i, c := range all {
		ratio := func(figure func(figures) float64) string { return c.ratio(all[1], figure) }
		name := ""
		if i == 0 {
			name = w.name
		}
		t.row(name, c.name,
			fmt.Sprintf("%.0f", c.of(rate)), ratio(rate),
			fmt.Sprintf("%.2f", c.of(func(f figures) float64 { return milliseconds(f.p50) })),
			fmt.Sprintf("%.2f", c.of(func(f figures) float64 { return milliseconds(f.p99) })),
			fmt.Sprintf("%.2f", milliseconds(c.alone)),
			fmt.Sprintf("%.3f", c.of(func(f figures) float64 { return f.own.Seconds() * 1000 })),
			fmt.Sprintf("%.3f", c.of(func(f figures) float64 { return f.postgres.Seconds() * 1000 })),
			fmt.Sprintf("%.3f", c.of(cpu)), ratio(cpu),
			fmt.Sprintf("%.0f", c.of(func(f figures) float64 { return f.allocations })),
			fmt.Sprintf("%.1f", c.of(func(f figures) float64 { return f.kibibytes })),
			fmt.Sprintf("%.1f", c.statements), fmt.Sprintf("%.0f", float64(c.peak)/(1<<20)))
	}
	note := fmt.Sprintf("  %s  %s (making the load took %.3f ms of CPU a request)",
		w.name, w.what, all[0].of(func(f figures) float64 { return f.load.Seconds() * 1000 }))
	if len(all) > 2 {
		note += fmt.Sprintf("; the server answers %s times as many as PostGraphile", all[0].ratio(all[2], rate))
	}
	t.notes = append(t.notes, note)
}

func (t *table) print() {
	_ = t.writer.Flush()
	fmt.Println(strings.Join(t.notes, "\n"))
	fmt.Println()
}
