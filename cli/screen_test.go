package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

func TestParsePathVersion_LastAt_OrFlag(t *testing.T) {
	t.Parallel()
	label := "2"
	for argument, want := range map[string][2]string{
		"a/b": {"a/b", ""}, "a/b@1": {"a/b", "1"}, "a@b/c@1": {"a@b/c", "1"}, "@a": {}, "a@": {}, "@": {},
	} {
		v, err := parsePathVersion(argument, nil)
		if got := [2]string{v.path, value(v.label)}; got != want || (err == nil) != (want[0] != "") {
			t.Errorf("%s: %q, %v", argument, got, err)
		}
		if v, err := parsePathVersion(argument, &label); err != nil || v.path != argument || v.label != &label {
			t.Errorf("%s with --version: %+v, %v", argument, v, err)
		}
	}
}

func TestSpan_TwoUnits(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0ms", 999 * time.Millisecond: "999ms", 59990 * time.Millisecond: "59.9s", 61 * time.Second: "1m01s",
		47*time.Hour + 59*time.Minute: "47h59m", 50 * time.Hour: "2d02h",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}

// A column is as wide on the screen as its widest cell, and the last one ends at the edge of
// the terminal. Control characters are escaped.
func TestTable_AnyText_AlignedInTheTerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := newScreen(&Output{}, &out, nil)
	defer s.close(nil)
	s.coloured, s.width = true, 22
	table := s.table("NAME", "KIND", "TEXT")
	table.add(cell{"日本語", red}, cell{text: "a\x1b[2J"}, cell{text: "日本語日本語"})
	table.add(cells("é", "", "b\nc")...)
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	table.add(cells("longer than before", "x")...)
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[1mNAME\x1b[0m    \x1b[1mKIND\x1b[0m        \x1b[1mT…\x1b[0m\n" +
		"\x1b[31m日本語\x1b[0m  a\\u001b[2J  …\n" +
		"é                   b…\n" +
		"longer than before  x\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// On a terminal, a very long cell shifts the columns of its own row only.
func TestTable_LongCell_PadsNoOtherRow(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 41)
	for width, want := range map[int]string{
		80: "PATH   TYPE\nshort  a\n" + long + "  b\n",
		82: "PATH" + strings.Repeat(" ", 39) + "TYPE\nshort" + strings.Repeat(" ", 38) + "a\n" + long + "  b\n",
		0:  "PATH" + strings.Repeat(" ", 39) + "TYPE\nshort" + strings.Repeat(" ", 38) + "a\n" + long + "  b\n",
	} {
		var out strings.Builder
		s := newScreen(&Output{}, &out, nil)
		s.width = width
		table := s.table("PATH", "TYPE")
		table.add(cells("short", "a")...)
		table.add(cells(long, "b")...)
		if err := s.close(table.flush()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", width, diff)
		}
	}
}

// A step is nested below its parent only if the parent had not ended when the step began.
func TestNest_ParentGoesOn_Nested(t *testing.T) {
	t.Parallel()
	steps := []*step{
		{Step: "loop", parent: -1, firstIndex: 1, lastIndex: 9},
		{Step: "item", parent: 0, firstIndex: 2, lastIndex: 3},
		{Step: "next", parent: 1, firstIndex: 4, lastIndex: 5},
	}
	nest(steps)
	if got := []string{value(steps[0].Parent), value(steps[1].Parent), value(steps[2].Parent)}; !cmp.Equal(got, []string{"", "loop", ""}) {
		t.Error(got)
	}
}

func TestAddTime_InstantDateOrAgo(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Time{
		"2026-03-01T12:00:00+02:00": time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), "2026-03-01": time.Date(2026, 3, 1, 0, 0, 0, 0, time.Local),
		"90m": time.Now().Add(-90 * time.Minute), "7d": time.Now().Add(-7 * 24 * time.Hour),
	} {
		filter := map[string]any{}
		if err := addTime(filter, "since", "since", value); err != nil {
			t.Fatal(err)
		}
		got, err := time.Parse(time.RFC3339, filter["since"].(string))
		if err != nil || got.Sub(want).Abs() > time.Minute {
			t.Errorf("%s: %s, %v", value, got, err)
		}
	}
	if err := addTime(map[string]any{}, "since", "since", "xd"); err == nil || !strings.Contains(err.Error(), `--since "xd"`) {
		t.Error(err)
	}
}

// Commands, flags and enum values are completed without a server.
func TestComplete_CommandLine_Candidates(t *testing.T) {
	t.Parallel()
	var line struct {
		List List `cmd:"" help:"List resources."`
		Runs Runs `cmd:"" help:"List runs."`
	}
	parser, err := kong.New(&line, kong.Name("noetl-catalog"))
	if err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{
		"":                               "list\tList resources.,runs\tList runs.",
		"ru":                             "runs\tList runs.",
		"list --or":                      "--order\tOrder: path,updated,created; the last two newest first",
		"list --order ":                  "path,updated,created",
		"list --order=u":                 "--order=updated",
		"runs --limit 3 --status f":      "failed",
		"runs --status=failed --failed ": "",
		"dance --x y":                    "",
	} {
		var out strings.Builder
		command := &Complete{Words: strings.Split(words, " "), Commands: parser.Model.Node}
		if err := command.Run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), "\n", ","); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}
