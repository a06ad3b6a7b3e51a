//go:build unix && !linux

package embedded

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// setDeathSignal does nothing: only Linux has it. A PostgreSQL that outlives us
// is ended by the next start.
func setDeathSignal(*syscall.SysProcAttr, syscall.Signal) {}

// processesOf finds the first process of a data directory by its command line,
// which names the directory. The processes it makes do not show theirs; should
// they outlive it, PostgreSQL's own look at the shared memory stops the start.
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
