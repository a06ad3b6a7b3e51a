package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/noetl/noetl-catalog/db/fault"
)

// report prints progress and results.
type report struct {
	stdout, stderr io.Writer
	// terminal: stderr is a terminal, and shows progress.
	terminal, quiet, dryRun bool
	total, done             int
	counts                  map[string]int
	refused, skipped        int
	// lines has the messages about refused and skipped files, and reported marks the files
	// with an outcome; both by the index of the file.
	lines    []string
	reported []bool
	types    map[string]bool
}

func newReport(command *Register, total int, stdout, stderr io.Writer) *report {
	return &report{
		stdout: stdout, stderr: stderr, terminal: !command.Quiet && isTerminal(stderr), quiet: command.Quiet, dryRun: command.DryRun,
		total: total, counts: map[string]int{}, lines: make([]string, total), reported: make([]bool, total), types: map[string]bool{},
	}
}

// add records the first outcome of a file.
func (r *report) add(place int, name string, o outcome) {
	if r.reported[place] {
		return
	}
	r.reported[place] = true
	r.done++
	switch {
	case o.refusal != nil:
		r.refused++
		r.lines[place] = refusalLine(name, o.refusal)
	case o.skipped != "":
		r.skipped++
		if !r.quiet {
			r.lines[place] = name + ": skipped: " + o.skipped
		}
	default:
		r.counts[o.status]++
	}
	if r.terminal {
		fmt.Fprintf(r.stderr, "\r\x1b[Kregistering %d of %d", r.done, r.total)
	}
}

// warn prints a warning to stderr.
func (r *report) warn(line string) {
	if !r.quiet {
		fmt.Fprintln(r.stderr, line)
	}
}

// addTypes records the types that a call added.
func (r *report) addTypes(names []string) {
	for _, name := range names {
		r.types[name] = true
	}
}

// abandon clears the progress and prints the messages so far, in the order of the files.
func (r *report) abandon() {
	if r.terminal && r.done > 0 {
		fmt.Fprint(r.stderr, "\r\x1b[K")
	}
	for _, line := range r.lines {
		if line != "" {
			fmt.Fprintln(r.stdout, line)
		}
	}
}

// finish prints the refused and skipped files, and the summary.
func (r *report) finish(took time.Duration) {
	r.abandon()
	if r.quiet {
		return
	}
	would := ""
	if r.dryRun {
		would = "would be "
	}
	for _, row := range []struct {
		count  int
		status string
		ifAny  bool
	}{
		{count: r.counts["REGISTERED"], status: would + "registered"},
		{count: r.counts["UPDATED"], status: would + "updated"},
		{count: r.counts["UNCHANGED"], status: "unchanged"},
		{count: r.refused, status: would + "refused"},
		{count: r.skipped, status: "skipped", ifAny: true},
		{count: r.done, status: "files"},
		{count: len(r.types), status: "types " + would + "added: " + strings.Join(slices.Sorted(maps.Keys(r.types)), ", "), ifAny: true},
	} {
		if row.count > 0 || !row.ifAny {
			fmt.Fprintf(r.stdout, "%6d  %s\n", row.count, row.status)
		}
	}
	fmt.Fprintf(r.stderr, "took %s\n", took.Round(time.Millisecond))
}

// refusalLine returns the line for a refused file, in the format of compilers' messages.
func refusalLine(name string, f *fault.Error) string {
	message := f.Message
	if f.Argument != "" && !strings.HasPrefix(f.Argument, "payload") {
		message = f.Argument + ": " + message
	}
	return fmt.Sprintf("%s:%d:%d: %s (%s)", name, max(f.Line, 1), max(f.Column, 1), message, f.Code)
}
