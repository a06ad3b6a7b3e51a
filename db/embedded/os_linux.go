package embedded

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// setDeathSignal makes the system signal the child when we die.
func setDeathSignal(attr *syscall.SysProcAttr, signal syscall.Signal) {
	attr.Pdeathsig = signal
}

// processesOf returns the running PostgreSQL processes of a data directory: those
// with PostgreSQL's name whose working directory it is. A process id alone proves
// nothing, since ids are reused.
func processesOf(dataDir string) ([]process, error) {
	dir, err := os.Stat(dataDir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var found []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid, dir); ok {
			found = append(found, p)
		}
	}
	return found, nil
}

// readProcess returns false for a process that has ended (a zombie keeps its id and
// name, but no resources), is not PostgreSQL, or has another directory.
func readProcess(pid int, dir os.FileInfo) (process, bool) {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return process{}, false
	}
	// "pid (name) state parent ...": the name may hold anything.
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open || !bytes.Contains(stat[open:end], []byte("postgres")) {
		return process{}, false
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return process{}, false
	}
	cwd, err := os.Stat(filepath.Join(proc, "cwd"))
	if err != nil || !os.SameFile(cwd, dir) {
		return process{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return process{}, false
	}
	commandLine, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil {
		return process{}, false
	}
	return newProcess(pid, parent, string(bytes.ReplaceAll(commandLine, []byte{0}, []byte(" ")))), true
}
