//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/client"
)

// fault is a fault to inject. It is over when inject returns; then everything must work
// again.
type fault struct {
	name   string
	inject func(ctx context.Context, s *soak, random *rand.Rand) error
	// harmless: it must not make a small request fail or a connection break.
	harmless bool
	// restarts: it restarts a server, which frees what a leak has taken. The last third
	// of the run has no such fault.
	restarts bool
	// hides: this month's events cannot be read until it is over.
	hides bool
	// root: it needs a separate file system, and so root.
	root bool
	// bound extends the time within which everything must work again.
	bound time.Duration
}

func faults() []fault {
	own, second := []int{0}, []int{1}
	return []fault{
		{name: "server with its PostgreSQL killed", inject: restart(syscall.SIGKILL, own), restarts: true},
		{name: "second server killed", inject: restart(syscall.SIGKILL, second), restarts: true},
		{name: "both servers killed", inject: restart(syscall.SIGKILL, []int{0, 1}), restarts: true},
		{name: "server and PostgreSQL killed at once", inject: killServerAndPostgres, restarts: true},
		{name: "server stopped and started", inject: restart(syscall.SIGTERM, own), restarts: true},
		{name: "second server stopped and started", inject: restart(syscall.SIGTERM, second), restarts: true},
		{name: "SIGHUP with other tokens", inject: reload, harmless: true},
		{name: "PostgreSQL killed", inject: signalPostmaster(syscall.SIGKILL)},
		{name: "PostgreSQL crash", inject: signalPostmaster(syscall.SIGQUIT)},
		{name: "PostgreSQL killed twice", inject: killPostgresTwice, bound: 30 * time.Second},
		{name: "backend killed", inject: killBackend},
		{name: "PostgreSQL paused", inject: pausePostgres},
		{name: "sessions terminated", inject: terminate("true")},
		{name: "sequencer and listeners terminated", inject: terminate("query ~* 'listen|event_sequence|event_bell|advisory'")},
		{name: "long transaction", inject: longTransaction, harmless: true},
		{name: "transaction in another database", inject: otherDatabase, harmless: true},
		{name: "notifications lost", inject: silence, harmless: true},
		{name: "table of events locked", inject: lockTable},
		{name: "connections used up", inject: useUpConnections},
		{name: "network cut", inject: cutNetwork},
		{name: "network reset", inject: func(_ context.Context, s *soak, _ *rand.Rand) error { s.system.proxy.reset(); return nil }},
		{name: "storm of large requests", inject: storm, harmless: true},
		{name: "burst of subscriptions", inject: burst, harmless: true},
		{name: "primary lost and standby promoted", inject: failOver, restarts: true, bound: 60 * time.Second},
		{name: "disk full", inject: fillDisk, root: true, bound: 60 * time.Second},
		{name: "partition of this month detached", inject: detachPartition, hides: true, bound: 60 * time.Second},
	}
}

// choose returns the faults that a list names, or all.
func choose(only string) (chosen []fault, err error) {
	names := strings.Split(only, ",")
	for _, f := range faults() {
		at := slices.Index(names, f.name)
		if at >= 0 {
			names = slices.Delete(names, at, at+1)
		}
		if at >= 0 || only == "" {
			chosen = append(chosen, f)
		}
	}
	if only != "" && len(names) > 0 {
		var known []string
		for _, f := range faults() {
			known = append(known, f.name)
		}
		err = fmt.Errorf("-faults: there is no %q, only %q", names, known)
	}
	return chosen, err
}

// inject injects a fault at each interval. Each fault is injected before any repeats.
func (s *soak) inject(ctx context.Context, chosen []fault) {
	random := s.random("faults")
	var deck []fault
	if n := len(chosen); !s.system.tmpfs {
		if chosen = slices.DeleteFunc(chosen, func(f fault) bool { return f.root }); len(chosen) < n {
			s.print("SKIPPED: the fault of a full disk, which needs root and mount")
		}
	}
	began := time.Now()
	for number := 1; ; number++ {
		next := began.Add(time.Duration(number) * s.every)
		if next.Sub(began) > s.length || !pause(ctx, time.Until(next)) && ctx.Err() != nil {
			return
		}
		last := time.Since(began) > s.length*2/3
		allowed := func(f fault) bool { return !f.restarts || !last }
		if !slices.ContainsFunc(deck, allowed) {
			deck = slices.Clone(chosen)
			random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		at := slices.IndexFunc(deck, allowed)
		if at < 0 {
			return
		}
		f := deck[at]
		deck = slices.Delete(deck, at, at+1)
		s.injectOne(ctx, f, random)
		if time.Since(began) > s.length {
			return
		}
	}
}

func (s *soak) injectOne(ctx context.Context, f fault, random *rand.Rand) {
	began := time.Now()
	end := func() {}
	if !f.harmless {
		end = s.faults.open(f.hides)
	}
	if err := f.inject(ctx, s, random); err != nil && ctx.Err() == nil {
		s.found.add(broken, "inject %q: %v", f.name, err)
	}
	over := time.Now()
	err := s.healthy(ctx, s.healthBound+f.bound)
	end()
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.found.add(unhealthy, "%.0f s after %q: %v", time.Since(over).Seconds(), f.name, err)
	}
	s.print(fmt.Sprintf("%-38s took %5.1f s, healthy after %4.1f s", f.name, over.Sub(began).Seconds(), time.Since(over).Seconds()))
}

const recordMarker = `mutation ($id: String!, $payload: JSON) {
	recordEvent(input: {eventId: $id, type: "` + markerType + `", path: "` + markerPath + `", payload: $payload}) { event { eventId } } }`

// healthy waits until both servers are ready, an event was recorded through each of them
// and in plain SQL, and every follower has received these events. It restarts a server
// that has ended by itself.
func (s *soak) healthy(ctx context.Context, bound time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	var problem error
	for at := range len(s.system.servers) + 1 {
		s.markers++
		id := fmt.Sprintf("%smarker-%d", eventPrefix, s.markers)
		tx := &transaction{ids: []string{id}, began: time.Now()}
		err := await(ctx, 50*time.Millisecond, func() bool {
			problem = s.mark(ctx, at, id)
			return problem == nil
		})
		if err == nil {
			tx.outcome = committed
		}
		s.ledger.note(tx)
		if err != nil {
			return problem
		}
	}
	return errors.Join(await(ctx, 20*time.Millisecond, func() bool {
		problem = nil
		for _, f := range s.followers {
			if !f.slow() && f.marker.Load() < s.markers {
				problem = errors.Join(problem, fmt.Errorf("follower %q has not received event marker-%d", f.name, s.markers))
			}
		}
		return problem == nil
	}), problem)
}

// mark records an event through a server, or in plain SQL.
func (s *soak) mark(ctx context.Context, at int, id string) error {
	if at < len(s.system.servers) && s.system.servers[at].process() == nil {
		if err := s.system.servers[at].start(ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if at == len(s.system.servers) {
		return s.system.execute(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload) SELECT $1::text, $2, $3, '1.0.0', $4
			WHERE NOT EXISTS (SELECT FROM event_identity WHERE event_id = $1)`, id, markerType, markerPath, payload{ID: id})
	}
	server := s.system.servers[at]
	if !server.ready(ctx) {
		return fmt.Errorf("server %s is not ready", server.name)
	}
	err := s.clients["admin"][at].Do(ctx, recordMarker, map[string]any{"id": id, "payload": payload{ID: id}}, nil)
	if err != nil {
		return fmt.Errorf("record an event at server %s: %w", server.name, err)
	}
	return nil
}

// hold limits a duration to half the interval of the faults.
func (s *soak) hold(longest time.Duration) time.Duration { return min(longest, s.every/2) }

func restart(signal syscall.Signal, which []int) func(context.Context, *soak, *rand.Rand) error {
	return func(ctx context.Context, s *soak, _ *rand.Rand) error {
		var problems []error
		for _, at := range which {
			problems = append(problems, s.system.servers[at].end(signal))
		}
		for _, at := range which {
			problems = append(problems, s.system.servers[at].start(ctx))
		}
		return errors.Join(problems...)
	}
}

func killServerAndPostgres(ctx context.Context, s *soak, random *rand.Rand) error {
	return errors.Join(s.system.signalPostgres(syscall.SIGKILL, false), restart(syscall.SIGKILL, []int{0})(ctx, s, random))
}

func signalPostmaster(signal syscall.Signal) func(context.Context, *soak, *rand.Rand) error {
	return func(ctx context.Context, s *soak, _ *rand.Rand) error {
		return s.system.endSessions(ctx, func() error { return s.system.signalPostgres(signal, false) })
	}
}

// endSessions calls crash and returns once PostgreSQL has ended its sessions. Under load
// that takes a while, in which everything still looks healthy.
func (s *system) endSessions(ctx context.Context, crash func() error) error {
	session, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close(context.WithoutCancel(ctx)) }()
	if err := crash(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := await(ctx, 20*time.Millisecond, func() bool { return session.Ping(ctx) != nil }); err != nil {
		return fmt.Errorf("PostgreSQL does not end its sessions: %w", err)
	}
	return nil
}

// killPostgresTwice kills PostgreSQL, and again as soon as it has restarted.
func killPostgresTwice(ctx context.Context, s *soak, _ *rand.Rand) error {
	first, err := s.system.postmaster()
	if err != nil {
		return err
	}
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = await(ctx, 20*time.Millisecond, func() bool {
		again, err := s.system.postmaster()
		return err == nil && again != first && s.system.execute(ctx, "SELECT 1") == nil
	})
	if err != nil {
		return fmt.Errorf("PostgreSQL does not come back after it was killed once: %w", err)
	}
	return s.system.signalPostgres(syscall.SIGKILL, false)
}

// killBackend kills one backend, after which PostgreSQL restarts all its processes.
func killBackend(ctx context.Context, s *soak, random *rand.Rand) error {
	process, err := s.system.postmaster()
	if err != nil {
		return err
	}
	backends := children(process)
	return s.system.endSessions(ctx, func() error { return syscall.Kill(backends[random.IntN(len(backends))], syscall.SIGKILL) })
}

func pausePostgres(ctx context.Context, s *soak, _ *rand.Rand) error {
	err := s.system.signalPostgres(syscall.SIGSTOP, true)
	pause(ctx, s.hold(20*time.Second))
	return errors.Join(err, s.system.signalPostgres(syscall.SIGCONT, true))
}

func terminate(which string) func(context.Context, *soak, *rand.Rand) error {
	return func(ctx context.Context, s *soak, _ *rand.Rand) error {
		return s.system.execute(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
			AND application_name = 'noetl-catalog' AND `+which)
	}
}

// longTransaction inserts an event and leaves the transaction open for a while.
func longTransaction(ctx context.Context, s *soak, _ *rand.Rand) error {
	tx := &transaction{ids: []string{fmt.Sprintf("%slong-%d", eventPrefix, time.Now().UnixNano())}, began: time.Now(), outcome: rolledBack}
	err := s.system.transact(ctx, func(open pgx.Tx) error {
		_, err := open.Exec(ctx, "INSERT INTO event (event_id, event_type, resource_path, resource_version, payload) VALUES ($1, $2, 'soak/sql/1', '1.0.0', $3)", tx.ids[0], markerType, payload{ID: tx.ids[0]})
		pause(ctx, s.hold(20*time.Second))
		return err
	})
	if err == nil {
		tx.outcome = committed
	}
	s.ledger.note(tx)
	return err
}

// otherDatabase keeps a transaction that has an id open in another database.
func otherDatabase(ctx context.Context, s *soak, _ *rand.Rand) error {
	connection, err := pgx.Connect(ctx, strings.Replace(s.system.databaseURL(), "/noetl_catalog?", "/postgres?", 1))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	_, err = connection.Exec(ctx, "BEGIN; SELECT pg_current_xact_id()")
	pause(ctx, s.hold(10*time.Second))
	return err
}

// silence removes the NOTIFY from the functions that send one, and restores it.
func silence(ctx context.Context, s *soak, _ *rand.Rand) (err error) {
	for _, name := range []string{"event_after_insert", "event_sequence"} {
		var source string
		if err := s.system.transact(ctx, func(open pgx.Tx) error {
			return open.QueryRow(ctx, "SELECT pg_get_functiondef($1::regproc)", name).Scan(&source)
		}); err != nil {
			return err
		}
		quiet := regexp.MustCompile(`(?m)^.*pg_notify.*\n`).ReplaceAllString(source, "")
		if quiet == source {
			return fmt.Errorf("%s has no line with pg_notify", name)
		}
		defer func() { err = errors.Join(err, s.system.execute(context.WithoutCancel(ctx), source)) }()
		if err := s.system.execute(ctx, quiet); err != nil {
			return err
		}
	}
	pause(ctx, s.hold(10*time.Second))
	return nil
}

func lockTable(ctx context.Context, s *soak, random *rand.Rand) error {
	return s.system.transact(ctx, func(open pgx.Tx) error {
		table := []string{"event", "catalog", "event_head", "event_pending"}[random.IntN(4)]
		_, err := open.Exec(ctx, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
		pause(ctx, s.hold(8*time.Second))
		return err
	})
}

// useUpConnections opens sessions until PostgreSQL refuses one.
func useUpConnections(ctx context.Context, s *soak, _ *rand.Rand) error {
	var open []*pgx.Conn
	defer func() {
		for _, connection := range open {
			_ = connection.Close(context.WithoutCancel(ctx))
		}
	}()
	for {
		connection, err := s.system.connect(ctx)
		if err != nil {
			break
		}
		open = append(open, connection)
	}
	pause(ctx, s.hold(10*time.Second))
	return nil
}

func cutNetwork(ctx context.Context, s *soak, random *rand.Rand) error {
	s.system.proxy.open.Lock()
	pause(ctx, s.hold(20*time.Second))
	if random.IntN(2) == 0 { // data in transit is lost
		s.system.proxy.reset()
	}
	s.system.proxy.open.Unlock()
	return nil
}

// reload replaces a token in the file and sends SIGHUP to both servers.
func reload(ctx context.Context, s *soak, _ *rand.Rand) error {
	former := s.system.token("viewer")
	if err := s.system.setToken(ctx, "viewer", "viewer"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for at, server := range s.system.servers {
		process := server.process()
		if process == nil {
			return fmt.Errorf("server %s does not run", server.name)
		}
		if err := process.Signal(syscall.SIGHUP); err != nil {
			return err
		}
		code := func(token string) string {
			return codeOf((&client.Client{Endpoint: server.url() + "/graphql", Token: token, HTTP: s.clients["reader"][at].HTTP}).Do(ctx, "{ __typename }", nil, nil))
		}
		if await(ctx, 20*time.Millisecond, func() bool { return code(s.system.token("viewer")) == "ok" }) != nil || code(former) != "UNAUTHENTICATED" {
			s.found.add(wrong, "server %s has not reloaded the tokens", server.name)
		}
		if server.process() != process {
			s.found.add(wrong, "server %s did not survive SIGHUP", server.name)
		}
	}
	return nil
}

// storm sends large requests in parallel.
func storm(ctx context.Context, s *soak, random *rand.Rand) error {
	var group sync.WaitGroup
	for began := time.Now(); time.Since(began) < s.hold(10*time.Second) && ctx.Err() == nil; group.Wait() {
		for range 60 {
			query, server := heavyList, random.IntN(2)
			if random.IntN(3) == 0 {
				query = diffs(16, "patch")
			}
			group.Go(func() {
				asked := time.Now()
				if code := s.post(ctx, server, "crowd", document(query)); ctx.Err() == nil {
					if !slices.Contains(heavy, code) {
						s.explain(asked, "crowd", code, errors.New("a large request in a storm"))
					} else {
						s.tally.count("crowd", code)
					}
				}
			})
		}
	}
	return nil
}

// burst opens more concurrent subscriptions than one caller may have, and drops them.
func burst(ctx context.Context, s *soak, _ *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, s.hold(5*time.Second)+time.Second)
	defer cancel()
	var group sync.WaitGroup
	for i := range 160 {
		group.Go(func() {
			began := time.Now()
			socket, err := s.dial(ctx, i%2, "crowd", http.DefaultClient)
			for n := 0; n < 5 && err == nil; n++ {
				err = socket.Subscribe(ctx, strconv.Itoa(n), subscription, object{"filter": object{"path": markerPath}})
			}
			for err == nil {
				_, err = socket.Next(ctx)
				if refusal, ok := errors.AsType[*client.Error](err); ok { // the socket stays open
					s.tally.count("crowd", refusal.Extensions.Code)
					err = nil
				}
			}
			if socket != nil {
				_ = socket.CloseNow()
			}
			if ctx.Err() == nil {
				s.explain(began, "crowd", "", err)
			}
		})
	}
	group.Wait()
	return nil
}

// fillDisk leaves no space in the file system of the data directory.
func fillDisk(ctx context.Context, s *soak, _ *rand.Rand) error {
	disk := filepath.Dir(s.system.dataDir)
	var size syscall.Statfs_t
	if err := syscall.Statfs(disk, &size); err != nil {
		return err
	}
	resize := func(bytes uint64) error {
		return syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", bytes))
	}
	used := (size.Blocks - size.Bfree) * uint64(size.Bsize)
	if err := resize(used + 64<<10); err != nil {
		return fmt.Errorf("shrink the file system: %w", err)
	}
	// PostgreSQL would write to recycled WAL segments for a long time.
	deadline := time.Now().Add(s.hold(15 * time.Second))
	for time.Now().Before(deadline) && pause(ctx, 200*time.Millisecond) {
		_ = s.system.execute(ctx, "SELECT pg_switch_wal()")
	}
	return resize(tmpfsSize)
}

// detachPartition detaches this month's partition of event. It may deadlock with writers.
func detachPartition(ctx context.Context, s *soak, _ *rand.Rand) error {
	for {
		err := s.system.transact(ctx, func(open pgx.Tx) error {
			var name string
			if err := open.QueryRow(ctx, "SELECT partition::text FROM event_partitions() WHERE low <= now() AND now() < high").Scan(&name); err != nil {
				return fmt.Errorf("find this month's partition: %w", err)
			}
			_, err := open.Exec(ctx, "ALTER TABLE event DETACH PARTITION "+name)
			return err
		})
		if failure, ok := errors.AsType[*pgconn.PgError](err); !ok || failure.Code != "40P01" {
			return err
		}
	}
}
