package embedded

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// process is a living PostgreSQL process of one data directory.
type process struct {
	pid, parent int
	// postmaster is false for the processes that the first one makes.
	postmaster bool
	// starter is the id of the server that started it; 0 where that was not
	// one of ours.
	starter int
}

// newProcess reads a command line. The first process keeps the one it was
// started with; the others show a title, "postgres: checkpointer"; one that is
// about to be gone has none any more.
func newProcess(pid, parent int, commandLine string) process {
	p := process{pid: pid, parent: parent}
	p.postmaster = commandLine != "" && !strings.HasPrefix(commandLine, "postgres: ")
	if _, after, ok := strings.Cut(commandLine, "cluster_name="+clusterName); ok {
		digits := after
		if end := strings.IndexFunc(after, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = after[:end]
		}
		// Anything but a number leaves 0: not ours.
		p.starter, _ = strconv.Atoi(digits)
	}
	return p
}

// endOrphans ends the PostgreSQL that a killed server left in the data
// directory, and returns when none of its processes lives: a first process
// could corrupt the data beside another's backends. A PostgreSQL that is not
// ours, or whose server lives (somebody deleted the lock file), is ErrInUse and
// untouched.
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
		gone, err := p.endBy(ctx, step)
		if err != nil {
			return fmt.Errorf("waiting for the PostgreSQL of an earlier run (process %d) to end: %w", living[0].pid, err)
		}
		if gone {
			return nil
		}
	}
	return fmt.Errorf("the PostgreSQL of an earlier run (process %d) does not end", living[0].pid)
}

// endBy signals the processes once each and says whether all are gone in time.
func (p *dataDirectory) endBy(ctx context.Context, step shutdownStep) (gone bool, err error) {
	patience := time.NewTimer(step.patient)
	defer patience.Stop()
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
		case <-patience.C:
			return false, nil
		case <-poll.C:
		}
	}
}

// signalTargets is the first process, which ends the others; the others where
// it is dead already. They end by themselves then, but first finish the query
// they are at, which SIGINT cancels.
func signalTargets(living []process) []process {
	var first []process
	for _, p := range living {
		if p.postmaster {
			first = append(first, p)
		}
	}
	if len(first) > 0 {
		return first
	}
	return living
}
