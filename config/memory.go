package config

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// ContainerMemory returns the memory limit of the process's control groups, version 1 or
// 2, in bytes; math.MaxInt64 if there is none. root is the root of
// the file system.
func ContainerMemory(root fs.FS) int64 {
	limit := int64(math.MaxInt64)
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(groups)) {
		// hierarchy:controllers:path; version 2 has hierarchy 0 and no controllers.
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		folder, file := "sys/fs/cgroup", "memory.max"
		if fields[1] != "" {
			if !strings.Contains(","+fields[1]+",", ",memory,") {
				continue
			}
			folder, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		// A group is limited by those above it as well. Inside a container, the path
		// may be that of the host, which is not there.
		for at := path.Clean("/" + fields[2]); ; at = path.Dir(at) {
			if text, err := fs.ReadFile(root, path.Join(folder, at, file)); err == nil {
				if bytes, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && bytes > 0 {
					limit = min(limit, bytes)
				}
			}
			if at == "/" {
				break
			}
		}
	}
	return limit
}

// Memory is the memory that a server may use, in bytes.
type Memory struct {
	// Process is the soft limit of the process, as GOMEMLIMIT; 0 to leave it as it is.
	Process int64
	// Requests is the limit for all requests together.
	Requests int64
	// Subscriptions is the number of subscriptions that fit into the same amount.
	Subscriptions int
}

// subscriptionSize is the memory of a subscription with its socket, in bytes.
const subscriptionSize = 40 << 10

// maxRequests is Memory.Requests where there is enough.
const maxRequests = 256 << 20

// MemoryFor divides the memory of a container. shared says that a PostgreSQL of our own
// runs in it as well. An operator's GOMEMLIMIT takes precedence.
func MemoryFor(container int64, shared bool, gomemlimit string) Memory {
	if container == math.MaxInt64 {
		return Memory{Requests: maxRequests, Subscriptions: math.MaxInt}
	}
	if shared {
		container /= 2
	}
	memory := Memory{Process: container / 10 * 9, Requests: min(container/4, maxRequests), Subscriptions: int(container / 4 / subscriptionSize)}
	if gomemlimit != "" {
		memory.Process = 0
	}
	return memory
}
