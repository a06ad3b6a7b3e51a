package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// report tells a person how it goes.
type report struct {
	stdout, stderr io.Writer
	// terminal: stderr is one, and progress is shown on it.
	terminal, quiet, dryRun bool
	total, done             int
	counts                  map[string]int
	refused                 int
	refusals                []string
}

func newReport(command *Register, total int, stdout, stderr io.Writer) *report {
	terminal := false
	if f, ok := stderr.(*os.File); ok && !command.Quiet {
		terminal = term.IsTerminal(int(f.Fd()))
	}
	return &report{
		stdout: stdout, stderr: stderr, terminal: terminal, quiet: command.Quiet, dryRun: command.DryRun,
		total: total, counts: map[string]int{},
	}
}

// add notes what became of a file.
func (r *report) add(name string, o outcome) {
	r.done++
	if o.refusal != nil {
		r.refused++
		r.refusals = append(r.refusals, o.refusal.inOneLine(name))
	} else {
		r.counts[o.status]++
	}
	if r.terminal {
		fmt.Fprintf(r.stderr, "\r\x1b[Kregistering %d of %d", r.done, r.total)
	}
}

// abandon ends the line of progress before an error.
func (r *report) abandon() {
	if r.terminal && r.done > 0 {
		fmt.Fprint(r.stderr, "\r\x1b[K")
	}
	r.printRefusals()
}

func (r *report) printRefusals() {
	for _, line := range r.refusals {
		fmt.Fprintln(r.stdout, line)
	}
}

// finish prints the refused files and the summary.
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
	}{
		{r.counts["REGISTERED"], would + "registered"},
		{r.counts["UPDATED"], would + "updated"},
		{r.counts["UNCHANGED"], would + "unchanged"},
		{r.refused, would + "refused"},
		{r.done, "files"},
	} {
		fmt.Fprintf(r.stdout, "%6d  %s\n", row.count, row.status)
	}
	fmt.Fprintf(r.stderr, "took %s\n", took.Round(time.Millisecond))
}

// inOneLine is the refusal in one line, as compilers write it.
func (r *refusal) inOneLine(name string) string {
	message := r.message
	if r.argument != "" && !strings.HasPrefix(r.argument, "payload") {
		message = r.argument + ": " + message
	}
	return fmt.Sprintf("%s:%d:%d: %s (%s)", name, max(r.line, 1), max(r.column, 1), message, r.code)
}
