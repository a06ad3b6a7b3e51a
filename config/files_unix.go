//go:build unix

package config

import (
	"math"

	"golang.org/x/sys/unix"
)

// OpenFiles returns how many files and sockets this process may have open.
func OpenFiles() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return math.MaxInt32
	}
	return int(min(uint64(limit.Cur), math.MaxInt32)) //nolint:gosec,unconvert // signed on FreeBSD
}
