//go:build unix && !linux

package embedded

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// setDeathSignal does nothing: only Linux has such a signal. The next start ends a
// PostgreSQL that outlives us.
func setDeathSignal(*syscall.SysProcAttr, syscall.Signal) {}

// processesOf finds the postmaster of a data directory by its command line, which
// names the directory. Its child processes do not show theirs; if they outlive it,
// PostgreSQL sees that the shared memory is in use and does not start.
func processesOf(dataDir string) ([]process, error) {
	lines, err := exec.Command("ps", "-axww", "-o", "pid=,ppid=,stat=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var found []process
	for line := range strings.Lines(string(lines)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || strings.HasPrefix(fields[2], "Z") || !strings.Contains(fields[3], "postgres") {
			continue
		}
		if !strings.Contains(strings.TrimSpace(line)+" ", " -D "+dataDir+" ") {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		if err != nil {
			continue
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			continue
		}
		_, commandLine, _ := strings.Cut(line, fields[2])
		found = append(found, newProcess(pid, parent, strings.TrimSpace(commandLine)))
	}
	return found, nil
}
