//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// failOver copies PostgreSQL to a synchronous standby, kills the primary and its server,
// promotes the standby, and makes the proxy forward the second server to it. Finally the
// first server starts on the promoted database.
func failOver(ctx context.Context, s *soak, _ *rand.Rand) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	standby, err := s.system.copyPostgres(ctx)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, standby.stop())
		if err == nil {
			err = s.system.replaceData(standby.dir)
		}
		s.system.proxy.lead(s.system.postgres)
		err = errors.Join(err, s.system.servers[0].start(ctx))
	}()
	if err := s.system.replicate(ctx); err != nil {
		return err
	}
	killed := s.system.signalPostgres(syscall.SIGKILL, true)
	if err := errors.Join(killed, s.system.servers[0].end(syscall.SIGKILL)); err != nil {
		return fmt.Errorf("kill the primary: %w", err)
	}
	if err := statement(ctx, standby.url, "SELECT pg_promote()"); err != nil {
		return fmt.Errorf("promote the standby: %w", err)
	}
	s.system.proxy.lead(standby.address)
	if err := await(ctx, 50*time.Millisecond, func() bool { return s.system.servers[1].ready(ctx) }); err != nil {
		return fmt.Errorf("the second server does not connect to the promoted standby: %w", err)
	}
	pause(ctx, s.hold(10*time.Second))
	return nil
}

// standby is a copy of the first server's PostgreSQL.
type standby struct {
	dir, address, url string
	command           *exec.Cmd
}

// copyPostgres starts a standby as the user that owns PostgreSQL's data directory.
func (s *system) copyPostgres(ctx context.Context) (*standby, error) {
	process, err := s.postmaster()
	if err != nil {
		return nil, err
	}
	postgres, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", process))
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(s.dataDir)
	if err != nil {
		return nil, err
	}
	owner, attributes := info.Sys().(*syscall.Stat_t), &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		attributes.Credential = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
	}
	copied := &standby{dir: filepath.Join(filepath.Dir(s.dataDir), "standby")}
	if err := errors.Join(os.Mkdir(copied.dir, 0o700), os.Chown(copied.dir, int(owner.Uid), int(owner.Gid))); err != nil {
		return nil, err
	}
	backup := exec.CommandContext(ctx, filepath.Join(filepath.Dir(postgres), "pg_basebackup"), "-D", copied.dir, "-d", s.databaseURL(), "-R", "-c", "fast") //nolint:gosec // of PostgreSQL
	backup.SysProcAttr, backup.Dir = attributes, "/"
	if output, err := backup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy PostgreSQL: %w: %s", err, output)
	}
	free, err := listenApart(ctx)
	if err != nil {
		return nil, err
	}
	copied.address = free.Addr().String()
	_, port, _ := net.SplitHostPort(copied.address)
	_ = free.Close()
	at, err := url.Parse(s.databaseURL())
	if err != nil {
		return nil, err
	}
	at.Host, at.RawQuery = copied.address, ""
	copied.url = at.String()
	copied.command = exec.Command(postgres, "-D", copied.dir, "-c", "listen_addresses=127.0.0.1", "-c", "port="+port, //nolint:gosec,noctx // of PostgreSQL; stop ends it
		"-c", "unix_socket_directories="+copied.dir, "-c", "logging_collector=off", "-c", "max_connections=100", "-c", "max_locks_per_transaction=512")
	copied.command.SysProcAttr, copied.command.Dir = attributes, copied.dir
	if copied.command.Stderr, err = os.Create(filepath.Join(s.directory, "standby.log")); err != nil {
		return nil, err
	}
	return copied, copied.command.Start()
}

// stop shuts the standby down cleanly.
func (s *standby) stop() error {
	if err := s.command.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	return s.command.Wait()
}

// replicate makes the standby synchronous, and returns once it has every acknowledged
// commit.
func (s *system) replicate(ctx context.Context) error {
	streams := func(condition string) error {
		return await(ctx, 50*time.Millisecond, func() bool {
			return statement(ctx, s.databaseURL(), "SELECT 1 / count(*) FROM pg_stat_replication WHERE "+condition) == nil
		})
	}
	if err := streams("state = 'streaming'"); err != nil {
		return fmt.Errorf("the standby does not stream: %w", err)
	}
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if err := statement(ctx, s.databaseURL(), sql); err != nil {
			return err
		}
	}
	// Commits that did not wait for the standby precede the present end of the WAL.
	if err := streams("sync_state = 'sync'"); err != nil {
		return fmt.Errorf("the standby is not synchronous: %w", err)
	}
	var end string
	connection, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	if err := connection.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&end); err != nil {
		return err
	}
	return streams("flush_lsn >= '" + end + "'")
}

// statement executes a statement outside a transaction.
func statement(ctx context.Context, databaseURL, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, 70*time.Second)
	defer cancel()
	connection, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	_, err = connection.Exec(ctx, sql)
	return err
}

// replaceData replaces the data directory by another directory.
func (s *system) replaceData(by string) error {
	former := s.dataDir + ".former"
	return errors.Join(os.Rename(s.dataDir, former), os.Rename(by, s.dataDir), os.RemoveAll(former))
}
