package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of CPU times in /proc.
const tick = 10 * time.Millisecond

// processTimes has the CPU times of a process and of its terminated children.
type processTimes struct {
	parent        int
	own, children time.Duration
}

func timesOf(process int) (processTimes, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		return processTimes{}, err
	}
	// The name, which is in parentheses, may contain spaces.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var numbers [5]int // ppid, utime, stime, cutime, cstime
	for i, at := range []int{1, 11, 12, 13, 14} {
		if numbers[i], err = strconv.Atoi(fields[at]); err != nil {
			return processTimes{}, err
		}
	}
	return processTimes{numbers[0], time.Duration(numbers[1]+numbers[2]) * tick, time.Duration(numbers[3]+numbers[4]) * tick}, nil
}

// postgresTime returns the CPU time of PostgreSQL: of the postmaster and of all its
// children, running and terminated.
func (b *bench) postgresTime() (sum time.Duration) {
	line, _, _ := strings.Cut(string(must(os.ReadFile(filepath.Join(b.postgres.DataDir(), "postmaster.pid")))), "\n")
	postmaster := must(strconv.Atoi(line))
	for _, directory := range must(filepath.Glob("/proc/[0-9]*")) {
		process := must(strconv.Atoi(filepath.Base(directory)))
		times, err := timesOf(process)
		switch {
		case err != nil: // it has ended since
		case process == postmaster:
			sum += times.own + times.children
		case times.parent == postmaster:
			sum += times.own
		}
	}
	return sum
}

// ownTime returns the CPU time of this process.
func ownTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// status returns a value of /proc/PID/status in bytes.
func (s *server) status(name string) int64 {
	status := must(os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid)))
	_, rest, _ := strings.Cut(string(status), name)
	return must(strconv.ParseInt(strings.Fields(rest)[0], 10, 64)) << 10
}
