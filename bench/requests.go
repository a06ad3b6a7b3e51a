package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// connections is the number of concurrent clients.
const connections = 16

// workload is an operation of the API, with the equivalent request to the limit.
type workload struct {
	name, what string
	document   string
	// make returns the variables of a request, and the equivalent request to the limit.
	make func(*sample) (variables map[string]any, limit request)
	// requests is the number of different requests.
	requests int
	// writes: the operation changes the database, and its responses differ in id and
	// timestamp.
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
				body, _ := json.Marshal(payload) // cannot fail: it has strings and numbers only
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

// chosen returns the workloads that -only names, or all.
func (b *bench) chosen() []workload {
	all := workloads()
	if b.only == "" {
		return all
	}
	var chosen []workload
	for name := range strings.SplitSeq(b.only, ",") {
		at := slices.IndexFunc(all, func(w workload) bool { return w.name == name })
		if at < 0 {
			check(fmt.Errorf("there is no workload %q", name))
		}
		chosen = append(chosen, all[at])
	}
	return chosen
}

// sample draws the arguments of requests.
type sample struct {
	random *rand.Rand
	paths  []string
	// places are the resources after which pages begin.
	places []place
}

type place struct {
	Cursor string
	Node   struct{ Path string }
}

func newSample(ctx context.Context, databaseURL string, s *server) *sample {
	// The seed is constant so that every run sends the same requests.
	made := &sample{random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // no secret
	made.paths = query[string](ctx, databaseURL, "SELECT resource_path FROM resource ORDER BY resource_path")
	paths := make([]string, 200)
	for i := range paths {
		paths[i] = made.paths[made.random.IntN(len(made.paths)-50)] // a whole page follows
	}
	var answer struct{ Resources struct{ Edges []place } }
	check(s.Do(ctx, `query($paths: [String!]) { resources(first: 200, filter: {paths: $paths}) { edges { cursor node { path } } } }`,
		map[string]any{"paths": paths}, &answer))
	made.places = answer.Resources.Edges
	return made
}

func (s *sample) version() (path, label string) {
	return s.paths[s.random.IntN(len(s.paths))], fmt.Sprintf("1.0.%d", s.random.IntN(5))
}

// contestant is the server, the limit or PostGraphile during a workload.
type contestant struct {
	*server
	name     string
	requests [][]byte
	// variables are the variables of the server's requests, targets the URLs of the
	// limit's.
	variables  []map[string]any
	targets    []string
	statements float64
	rounds     []figures
	alone      time.Duration // p50 with one connection
	peak       int64
}

// figures has the results of a round, or the readings they are computed from, by name.
// Times are in milliseconds per request.
type figures map[string]float64

// requests measures each workload on the server and on the limit in turn.
func requests(ctx context.Context, b *bench) {
	chosen := b.chosen()
	size := scale{resources: 10_000, events: 1_000_000, months: 6}
	url := b.filled(ctx, "requests", size)
	fmt.Printf("requests: %d connections, median of %d rounds of %s; %s\n", connections, b.rounds, b.duration, size)
	table := newTable()
	fmt.Fprintln(table, "\t\trequests/s\tof limit\tp50 ms\tp99 ms\t1 conn. p50\tCPU ms own\tPostgreSQL\tsum\tof limit\tallocs\tKB\tstatements\tpeak MB\t")
	var notes []string
	for _, w := range chosen {
		check(attempt(w.name, func() {
			database, beside := url, url
			if w.writes {
				database, beside = b.copied(ctx, "requests_written"), b.copied(ctx, "requests_beside")
				if b.peer {
					// PostGraphile's clients would need a new id for each request.
					execute(ctx, database, `ALTER TABLE event ALTER event_id SET DEFAULT gen_random_uuid()`)
				}
			}
			all := b.contest(ctx, database, beside, w)
			for i, c := range all {
				c.print(table, []string{w.name, "", "", ""}[i], all[1])
			}
			note := fmt.Sprintf("  %s  %s (the load generator took %.3f ms of CPU per request)", w.name, w.what, all[0].of("load"))
			for _, other := range all[2:] {
				note += fmt.Sprintf("; the server answers %s times as many as %s", all[0].ratio(other, "requests/s"), other.name)
			}
			notes = append(notes, note)
		}))
	}
	check(table.Flush())
	fmt.Printf("%s\n\n", strings.Join(notes, "\n"))
	execute(ctx, b.postgres.URL(), "DROP DATABASE IF EXISTS requests_written", "DROP DATABASE IF EXISTS requests_beside")
}

// copied copies the filled database for a workload that writes.
func (b *bench) copied(ctx context.Context, name string) (url string) {
	execute(ctx, b.postgres.URL(), "DROP DATABASE IF EXISTS "+name, "CREATE DATABASE "+name+" TEMPLATE requests STRATEGY file_copy", "CHECKPOINT")
	return b.url(name)
}

// contest measures a workload on the server, on the limit and, with -peer and -beside,
// on PostGraphile and on another build of the server. For a workload that writes, the other
// build has its own database, so that each build sequences its own events.
func (b *bench) contest(ctx context.Context, databaseURL, besideURL string, w workload) []*contestant {
	both := b.compare(ctx, databaseURL, w)
	all := both[:]
	for i, c := range both {
		c.server = b.enter(ctx, i, databaseURL)
		defer c.stop()
	}
	if b.peer {
		c := &contestant{name: "PostGraphile", server: b.postgraphile(ctx, databaseURL)}
		defer c.stop()
		c.requestPeer(ctx, w, both[0])
		all = append(all, c)
	}
	if b.beside != "" {
		c := &contestant{name: "other build", server: serveWith(ctx, besideURL, b.beside), requests: both[0].requests}
		defer c.stop()
		all = append(all, c)
	}
	b.compete(all)
	return all
}

// compete warms the contestants up and measures them in turn. The order rotates by one in
// each round.
func (b *bench) compete(all []*contestant) {
	for _, c := range all {
		// Node takes longer to warm up.
		press(c.address, c.requests, connections, 2*time.Second*time.Duration(len(all)-1))
	}
	for round := range b.rounds {
		for i := range all {
			c := all[(i+round)%len(all)]
			c.rounds = append(c.rounds, b.round(c))
		}
	}
	for _, c := range all {
		c.alone = quantile(press(c.address, c.requests, 1, 2*time.Second).took, 0.5)
		c.peak = c.status("VmHWM:")
	}
}

// enter starts the server, or the limit.
func (b *bench) enter(ctx context.Context, which int, databaseURL string) *server {
	if which == 0 {
		return b.serve(ctx, databaseURL)
	}
	return start(ctx, databaseURL, b.limit)
}

// compare generates the requests of a workload, checks that the server and the limit
// respond equally, and counts their statements.
func (b *bench) compare(ctx context.Context, databaseURL string, w workload) (both [2]*contestant) {
	var counters [2]*counter
	for i := range both {
		counters[i] = b.count(ctx)
		defer counters[i].close()
		both[i] = &contestant{name: []string{"server", "limit"}[i]}
		database, _, _ := strings.Cut(databaseURL, "?host=")
		both[i].server = b.enter(ctx, i, database+"?host="+counters[i].directory)
		defer both[i].stop()
	}
	made := newSample(ctx, databaseURL, both[0].server)
	for range w.requests {
		variables, limit := w.make(made)
		both[0].requests = append(both[0].requests, encodeGraphQL(w.document, variables))
		both[0].variables, both[0].targets = append(both[0].variables, variables), append(both[0].targets, limit.target)
		both[1].requests = append(both[1].requests, limit.encode())
	}
	const asked = 100
	var answers [2][]any
	for i, c := range both {
		// The first requests prepare the statements; only those after them are counted.
		// They differ from the first, so that no cache has their results.
		for _, from := range []int{0, asked} {
			before := counters[i].statements.Load()
			answers[i] = c.answers(from, asked)
			c.statements = float64(counters[i].statements.Load()-before) / asked
		}
	}
	for i := range asked {
		if got, want := comparable(answers[0][i], w), comparable(answers[1][i], w); !reflect.DeepEqual(got, want) {
			check(fmt.Errorf("the answers to request %d differ:\nserver: %.1000s\nlimit:  %.1000s", i, must(json.Marshal(got)), must(json.Marshal(want))))
		}
	}
	return both
}

// encodeGraphQL returns a GraphQL request in wire format.
func encodeGraphQL(document string, variables map[string]any) []byte {
	body := must(json.Marshal(map[string]any{"query": document, "variables": variables}))
	return request{"POST", "/graphql", string(body)}.encode()
}

// answers sends n requests one after another and returns the decoded responses.
func (c *contestant) answers(from, n int) []any {
	connection := must(dial(c.address, time.Minute))
	defer func() { _ = connection.Close() }()
	answers := make([]any, n)
	for i := range answers {
		decoder := json.NewDecoder(bytes.NewReader(must(connection.do(c.requests[(from+i)%len(c.requests)]))))
		decoder.UseNumber()
		check(decoder.Decode(&answers[i]))
	}
	return answers
}

// comparable replaces the ids and timestamps in the response to a write by their lengths.
func comparable(answer any, w workload) any {
	object, ok := answer.(map[string]any)
	if !ok || !w.writes {
		return answer
	}
	for name, inner := range object {
		if text, ok := inner.(string); ok && (name == "eventId" || name == "timestamp") {
			object[name] = len(text)
		}
		comparable(inner, w)
	}
	return object
}

// round measures one contestant for one round.
func (b *bench) round(c *contestant) figures {
	before := b.readings(c)
	p := press(c.address, c.requests, connections, b.duration)
	f := b.readings(c)
	for name := range f {
		f[name] = (f[name] - before[name]) / float64(len(p.took))
	}
	f["CPU"] = f["own"] + f["PostgreSQL"]
	f["requests/s"] = float64(len(p.took)) / p.elapsed.Seconds()
	f["p50"], f["p99"] = milliseconds(quantile(p.took, 0.5)), milliseconds(quantile(p.took, 0.99))
	return f
}

// readings returns CPU times and allocations since the processes started.
func (b *bench) readings(c *contestant) figures {
	own := must(timesOf(c.command.Process.Pid)).own
	f := figures{"own": milliseconds(own), "PostgreSQL": milliseconds(b.postgresTime()), "load": milliseconds(ownTime())}
	if c.name != "PostGraphile" {
		metrics := c.metrics()
		f["allocations"], f["KB"] = metrics["go_memstats_mallocs_total"], metrics["go_memstats_alloc_bytes_total"]/1024
	}
	return f
}

// of returns the median of a figure over the rounds.
func (c *contestant) of(figure string) float64 {
	values := make([]float64, len(c.rounds))
	for i, f := range c.rounds {
		values[i] = f[figure]
	}
	return median(values)
}

// ratio returns the median over the rounds of the ratio of a figure to the other
// contestant's figure.
func (c *contestant) ratio(other *contestant, figure string) string {
	ratios := make([]float64, len(c.rounds))
	for round := range ratios {
		ratios[round] = c.rounds[round][figure] / other.rounds[round][figure]
	}
	return fmt.Sprintf("%.2f", median(ratios))
}

// print prints the contestant's row of a workload.
func (c *contestant) print(table io.Writer, workload string, limit *contestant) {
	fmt.Fprintf(table, "%s\t%s\t%.0f\t%s\t%.2f\t%.2f\t%.2f\t%.3f\t%.3f\t%.3f\t%s\t%.0f\t%.1f\t%.1f\t%.0f\t\n", workload, c.name,
		c.of("requests/s"), c.ratio(limit, "requests/s"), c.of("p50"), c.of("p99"), milliseconds(c.alone),
		c.of("own"), c.of("PostgreSQL"), c.of("CPU"), c.ratio(limit, "CPU"), c.of("allocations"), c.of("KB"),
		c.statements, float64(c.peak)/(1<<20))
}
