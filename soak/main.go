//go:build linux

// Soak runs the built program under load and faults, and judges it.
//
// Two servers share a database: the first runs PostgreSQL as its child, the second
// reaches it through a proxy. Writers, readers, followers, slow and hostile clients use
// both at once. Meanwhile a fault is injected at each interval, in an order that the seed
// determines. After each fault the servers must be healthy again within a bound.
//
// The oracle is what the writers know to be acknowledged: it is compared with the answers
// to readers, the deliveries to followers and, at the end, the tables. An error is a
// finding unless a fault explains it. At the end the servers must have released memory,
// goroutines and descriptors. Any finding makes the exit status 1.
//
//	make soak
//	go run ./soak -seed 7 -for 5m -every 20s
//	go run ./soak -faults 'server killed,PostgreSQL killed' -every 5s -for 1m
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/client"
)

// options has the flags.
type options struct {
	seed        uint64
	length      time.Duration
	every       time.Duration
	warmUp      time.Duration
	only        string
	binary      string
	healthBound time.Duration
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 0, "seed for the order of the faults and the clients' actions (default: random)")
	flag.DurationVar(&o.length, "for", 30*time.Minute, "how long faults are injected")
	flag.DurationVar(&o.every, "every", time.Minute, "interval of the faults")
	flag.DurationVar(&o.warmUp, "warm-up", 15*time.Second, "load without faults, before the servers' memory, goroutines and descriptors are measured")
	flag.DurationVar(&o.healthBound, "healthy", 30*time.Second, "time after a fault within which everything must work again")
	flag.StringVar(&o.only, "faults", "", "inject only these, separated by commas (default: all)")
	flag.StringVar(&o.binary, "binary", "", "the program (default: build it)")
	flag.Parse()
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1 //nolint:gosec // not secret
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok, err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// answerTimeout exceeds the longest time that a mutation may take.
const answerTimeout = 75 * time.Second

// soak is one run.
type soak struct {
	options

	system  *system
	found   *findings
	ledger  *ledger
	faults  *windows
	tally   *tally
	began   time.Time
	clients map[string][2]*client.Client
	// load is locked for reading during each step of a client, and for writing while the
	// servers must be idle.
	load sync.RWMutex
	// living ends when the clients have to end.
	living    context.Context //nolint:containedctx // the steps of clients outlive the functions that start them
	followers []*follower
	markers   int64
}

func run(ctx context.Context, o options) (ok bool, err error) {
	chosen, err := choose(o.only)
	if err != nil {
		return false, err
	}
	directory, err := os.MkdirTemp("", "noetl-catalog-soak-")
	if err != nil {
		return false, err
	}
	if o.binary == "" {
		o.binary = filepath.Join(directory, "noetl-catalog")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.binary, "github.com/noetl/noetl-catalog")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return false, fmt.Errorf("build the program: %w", err)
		}
	}
	s := &soak{options: o, faults: &windows{}, tally: &tally{counts: map[string]map[string]int{}}, began: time.Now()}
	s.found = &findings{counts: map[kind]int{}, examples: map[kind][]string{}, report: s.print}
	s.ledger = newLedger(s.found)
	s.print(fmt.Sprintf("seed %d: a fault every %s for %s, logs in %s", o.seed, o.every, o.length, directory))
	if s.system, err = install(ctx, directory, o.binary); err != nil {
		return false, fmt.Errorf("prepare %s: %w", directory, err)
	}
	if err = s.test(ctx, chosen); err != nil {
		s.found.add(broken, "%v", err)
	}
	if stopErr := s.system.remove(); stopErr != nil {
		s.found.add(broken, "stop: %v", stopErr)
	}
	s.readLogs()
	if ok = s.verdict(); ok {
		_ = os.RemoveAll(directory)
	}
	return ok, nil
}

func (s *soak) print(line string) {
	fmt.Printf("%7.1f  %s\n", time.Since(s.began).Seconds(), line)
}

// random returns the random number generator of one client or of the faults.
func (s *soak) random(name string) *rand.Rand {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name))
	return rand.New(rand.NewPCG(s.seed, hash.Sum64())) //nolint:gosec // reproducible, not secret
}

func (s *soak) test(ctx context.Context, chosen []fault) error {
	for _, server := range s.system.servers {
		if err := server.start(ctx); err != nil {
			return err
		}
		server.died = func(name, state string) { s.found.add(unexpected, "server %s has ended by itself: %s", name, state) }
	}
	if err := prepare(ctx, s.system); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	s.clients = map[string][2]*client.Client{}
	for _, who := range []string{"reader", "writer", "admin"} {
		s.clients[who] = [2]*client.Client{s.system.client(s.system.servers[0], who), s.system.client(s.system.servers[1], who)}
	}
	living, stop := context.WithCancel(ctx)
	defer stop()
	s.living = living
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	if err := s.startClients(living, &group); err != nil {
		return err
	}

	pause(ctx, s.warmUp)
	start := s.idle(ctx, nil)
	s.inject(ctx, chosen)
	s.idle(ctx, start)
	s.load.Lock() // nothing is written from here on
	if err := s.healthy(ctx, s.healthBound); err != nil {
		s.found.add(unhealthy, "in the end: %v", err)
	}
	(&reader{soak: s, random: s.random("end")}).runs(living)
	stop()
	s.load.Unlock()
	group.Wait()
	return s.check(ctx)
}

// startClients starts all clients, which end with the context.
func (s *soak) startClients(ctx context.Context, group *sync.WaitGroup) error {
	cursor, position, err := s.end(ctx)
	if err != nil {
		return err
	}
	s.ledger.first = position + 1
	s.followers = s.makeFollowers()
	for _, f := range s.followers {
		f.soak, f.random, f.cursor, f.start = s, s.random(f.name), cursor, position
		group.Go(func() { f.run(ctx) })
	}
	// loop repeats a client's step.
	loop := func(longest time.Duration, random *rand.Rand, step func(context.Context)) {
		group.Go(func() {
			for pause(ctx, time.Duration(random.Int64N(int64(longest)))) {
				s.load.RLock()
				step(ctx)
				s.load.RUnlock()
			}
		})
	}
	for i := range 2 {
		for name, step := range map[string]func(*writer, context.Context){"api": (*writer).record, "sql": (*writer).insert, "versions": (*writer).register} {
			w := &writer{soak: s, name: fmt.Sprint(name, i)}
			w.random = s.random(w.name)
			loop(80*time.Millisecond, w.random, func(ctx context.Context) { step(w, ctx) })
		}
		r := &reader{soak: s, random: s.random(fmt.Sprint("reader", i))}
		loop(40*time.Millisecond, r.random, r.read)
		random, all := s.random(fmt.Sprint("hostile", i)), attacks()
		loop(time.Second, random, func(ctx context.Context) { s.hostile(ctx, random, all) })
	}
	return nil
}

// end returns the present end of the log, after which the followers begin.
func (s *soak) end(ctx context.Context) (cursor string, position int64, err error) {
	connection, err := s.system.connect(ctx)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	if err = connection.QueryRow(ctx, "SELECT position FROM event_head").Scan(&position); err != nil {
		return "", 0, err
	}
	var data struct{ Events struct{ TailCursor string } }
	err = s.clients["reader"][0].Do(ctx, "{ events(first: 1) { tailCursor } }", nil, &data)
	return data.Events.TailCursor, position, err
}

// ask sends an operation. again reports that a fault explains the error, so the caller
// should retry. Any other error is a finding unless its code is expected; if one is
// expected, success is a finding.
func (s *soak) ask(ctx context.Context, who string, server int, query string, variables map[string]any, data any, expected ...string) (again bool, err error) {
	began := time.Now()
	asking, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err = s.clients[who][server].Do(asking, query, variables, data)
	code := codeOf(err)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case slices.Contains(expected, code) || err == nil && len(expected) == 0:
		s.tally.count(who, code)
		return false, err
	case err == nil:
		s.found.add(wrong, "%.60s succeeded, and %q was expected", query, expected)
		return false, nil
	}
	return s.explain(began, who, code, fmt.Errorf("%.60s: %w", query, err)), err
}

// explain counts an error by its code, and adds a finding unless a fault explains it. It
// reports whether a retry may succeed.
func (s *soak) explain(began time.Time, who, code string, err error) bool {
	if s.living.Err() != nil {
		return false
	}
	if code == "" {
		code = codeOf(err)
	}
	var refusal *pgconn.PgError
	if code == "SQL" && errors.As(err, &refusal) {
		code = "SQL " + refusal.Code
	}
	s.tally.count(who, code)
	temporary := slices.Contains([]string{"UNAVAILABLE", "TIMEOUT", "connection", "SQL", "closed 1001", "HTTP 503"}, code)
	// Connection errors, idle in transaction, no partition, resources, lock, shutdown.
	for _, class := range []string{"08", "25P03", "23514", "53", "55P03", "57"} {
		temporary = temporary || strings.HasPrefix(code, "SQL "+class)
	}
	// PostgreSQL has no class for errors at the start of a session, as on a full disk.
	if _, connecting := errors.AsType[*pgconn.ConnectError](err); connecting {
		temporary = true
	}
	if !temporary || !s.faults.explain(began) {
		s.found.add(unexpected, "%s: %s after %.1f s, %s", who, code, time.Since(began).Seconds(), firstLine(err))
	}
	return temporary
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(fmt.Sprintf("%.300v", err), "\n")
	return line
}

// idle pauses the load and measures the usage of both servers. If start is set, it waits
// until the usage is down to start's, and adds findings if it does not get there.
func (s *soak) idle(ctx context.Context, start *usage) *usage {
	s.load.Lock()
	defer s.load.Unlock()
	for _, clients := range s.clients {
		clients[0].Close()
		clients[1].Close()
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	now := &usage{}
	var problems []string
	err := await(ctx, time.Second, func() (settled bool) {
		next, err := s.system.usage(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			problems = []string{err.Error()}
			return false
		case err != nil:
			return false
		case start == nil:
			settled = next.goroutines == now.goroutines
		default:
			problems = next.beyond(start)
			settled = len(problems) == 0
		}
		now = next
		return settled
	})
	s.print(fmt.Sprintf("without load, both servers hold %d goroutines, %d descriptors, %d MB", now.goroutines, now.descriptors, now.megabytes))
	if err != nil && start != nil {
		for _, problem := range problems {
			s.found.add(leaked, "%s", problem)
		}
	}
	return now
}

// beyond returns by how much usage has grown. It allows for the connections of pools, for
// followers that are just connecting, and for 100 MB per server that the garbage collector
// may keep.
func (u *usage) beyond(start *usage) (problems []string) {
	for _, m := range []struct {
		what              string
		now, start, slack int
	}{
		{"goroutines", u.goroutines, start.goroutines, 25}, {"descriptors", u.descriptors, start.descriptors, 20}, {"MB", u.megabytes, start.megabytes, 200},
	} {
		if m.now > m.start+m.slack {
			problems = append(problems, fmt.Sprintf("%d %s, and %d in the beginning", m.now, m.what, m.start))
		}
	}
	return problems
}
