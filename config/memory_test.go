package config_test

import (
	"math"
	"testing"
	"testing/fstest"

	"github.com/noetl/noetl-catalog/config"
)

func TestContainerMemory_ControlGroups_LowestLimit(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"none":            {fstest.MapFS{}, math.MaxInt64},
		"version 2":       {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("536870912\n")}, 512 << 20},
		"no limit":        {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("max\n")}, math.MaxInt64},
		"of the group":    {fstest.MapFS{"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("1000\n"), "sys/fs/cgroup/a/memory.max": file("max\n")}, 1000},
		"of one above":    {fstest.MapFS{"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("max\n"), "sys/fs/cgroup/a/memory.max": file("2000\n")}, 2000},
		"path of a host":  {fstest.MapFS{"proc/self/cgroup": file("0::/docker/4711\n"), "sys/fs/cgroup/memory.max": file("3000\n")}, 3000},
		"version 1":       {fstest.MapFS{"proc/self/cgroup": file("5:cpu,cpuacct:/x\n4:memory:/x\n"), "sys/fs/cgroup/memory/x/memory.limit_in_bytes": file("4000\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n")}, 4000},
		"both versions":   {fstest.MapFS{"proc/self/cgroup": file("4:memory:/\n0::/\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("5000\n")}, 5000},
		"broken files":    {fstest.MapFS{"proc/self/cgroup": file("x\n0::/\n"), "sys/fs/cgroup/memory.max": file("much\n")}, math.MaxInt64},
		"outside of root": {fstest.MapFS{"proc/self/cgroup": file("0::/../..\n"), "sys/fs/cgroup/memory.max": file("6000\n")}, 6000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := config.ContainerMemory(test.files); got != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}
		})
	}
}

func TestMemoryFor_Container_SharesOfIt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		container  int64
		shared     bool
		gomemlimit string
		want       config.Memory
	}{
		{math.MaxInt64, true, "", config.Memory{Requests: 256 << 20, Subscriptions: math.MaxInt}},
		{4 << 30, false, "", config.Memory{Process: (4 << 30) / 10 * 9, Requests: 256 << 20, Subscriptions: 26_214}},
		{400_000_000, false, "", config.Memory{Process: 360_000_000, Requests: 100_000_000, Subscriptions: 2441}},
		{400_000_000, true, "", config.Memory{Process: 180_000_000, Requests: 50_000_000, Subscriptions: 1220}},
		{400_000_000, false, "1GiB", config.Memory{Requests: 100_000_000, Subscriptions: 2441}},
	} {
		if got := config.MemoryFor(test.container, test.shared, test.gomemlimit); got != test.want {
			t.Errorf("%+v: got %+v", test, got)
		}
	}
}
