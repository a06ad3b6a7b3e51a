package embedded

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// process is a running PostgreSQL process of a data directory.
type process struct {
	pid, parent int
	// postmaster is whether it is the first process, which starts the others.
	postmaster bool
	// starter is the process id of the server that started it; 0 if that was not
	// one of ours.
	starter int
}

// newProcess parses a command line. That of the postmaster is the one it was
// started with; the others show a title, "postgres: checkpointer", and one that
// is ending shows none.
func newProcess(pid, parent int, commandLine string) process {
	p := process{pid: pid, parent: parent}
	p.postmaster = commandLine != "" && !strings.HasPrefix(commandLine, "postgres: ")
	if _, after, ok := strings.Cut(commandLine, "cluster_name="+clusterName); ok {
		p.starter = leadingNumber(after)
	}
	return p
}

// endOrphans ends the PostgreSQL that a killed server left in the data
// directory, and returns when none of its processes runs: a new postmaster could
// corrupt the data while backends of the old one run. It returns ErrInUse, and
// leaves PostgreSQL alone, if it is not ours or if its server runs (somebody
// deleted the lock file).
func (p *dataDirectory) endOrphans(ctx context.Context, progress func(string)) error {
	living, err := processesOf(p.dir)
	if err != nil || len(living) == 0 {
		return err
	}
	for _, found := range living {
		if found.postmaster && (found.starter == 0 || found.starter == found.parent) {
			return fmt.Errorf("%w: PostgreSQL process %d, which is not an orphan of this program, runs in %s; "+
				"stop it (kill -INT %d), or choose another data directory", ErrInUse, found.pid, p.dir, found.pid)
		}
	}
	progress("waiting for the PostgreSQL of an earlier run to end ...")
	for _, step := range shutdownSteps() {
		ended, err := p.endBy(ctx, step)
		if err != nil {
			return fmt.Errorf("waiting for the PostgreSQL of an earlier run (process %d) to end: %w", living[0].pid, err)
		}
		if ended {
			return nil
		}
	}
	return fmt.Errorf("the PostgreSQL of an earlier run (process %d) does not end", living[0].pid)
}

// endBy signals each process once and reports whether all ended in time.
func (p *dataDirectory) endBy(ctx context.Context, step shutdownStep) (ended bool, err error) {
	timeout := time.After(step.timeout)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	var signalled []int
	for {
		living, err := processesOf(p.dir)
		if err != nil || len(living) == 0 {
			return err == nil, err
		}
		for _, target := range signalTargets(living) {
			if slices.Contains(signalled, target.pid) {
				continue
			}
			if err := signalProcess(target.pid, step.signal); err != nil {
				return false, fmt.Errorf("sending %v to process %d: %w", step.signal, target.pid, err)
			}
			signalled = append(signalled, target.pid)
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-timeout:
			return false, nil
		case <-poll.C:
		}
	}
}

// signalTargets is the postmaster, which ends the others, or, if it has ended, the
// others. They then end by themselves, but only after their current query, which
// SIGINT cancels.
func signalTargets(living []process) []process {
	if i := slices.IndexFunc(living, func(p process) bool { return p.postmaster }); i >= 0 {
		return living[i : i+1]
	}
	return living
}
