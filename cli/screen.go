package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Output has the flags for the format of the output.
type Output struct {
	JSON    bool `name:"json" help:"Print JSON, one object a line, with the schema's names."`
	UTC     bool `name:"utc" help:"Show times in UTC. Default: in the local time zone. JSON has UTC."`
	NoPager bool `name:"no-pager" help:"Do not show the output in the program that PAGER names."`
}

// screen is the output of a command: stdout, or a pager on a terminal.
type screen struct {
	*Output
	*bufio.Writer
	stderr io.Writer
	// terminal: the output goes to a terminal or a pager.
	terminal, coloured bool
	// width is the width of the terminal; 0 if lines may have any length.
	width int
	zone  *time.Location
	pager *pager
	// pipes receives SIGPIPE, which would otherwise end the process with an error when a
	// reader closes the pipe.
	pipes chan os.Signal
}

func newScreen(output *Output, stdout, stderr io.Writer) *screen {
	s := &screen{Output: output, stderr: stderr, zone: time.Local, pipes: make(chan os.Signal, 1)}
	if output.UTC {
		s.zone = time.UTC
	}
	signal.Notify(s.pipes, syscall.SIGPIPE)
	if isTerminal(stdout) {
		s.terminal, s.coloured = true, hasColours()
		if width, _, err := term.GetSize(int(stdout.(*os.File).Fd())); err == nil {
			s.width = width
		}
		if command := os.Getenv("PAGER"); command != "" && !output.NoPager {
			s.pager = &pager{command: command, stdout: stdout, stderr: stderr}
			stdout = s.pager
		}
	}
	s.Writer = bufio.NewWriterSize(stdout, 64<<10)
	return s
}

// hasColours reports whether the output may have colours (no-color.org).
func hasColours() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

// close ends the output and returns the command's error, unless the error is that the reader
// has closed the pipe.
func (s *screen) close(err error) error {
	err = cmp.Or(err, s.Flush())
	signal.Stop(s.pipes)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		err = nil
	}
	if s.pager != nil {
		err = cmp.Or(err, s.pager.close())
	}
	return err
}

// note prints a line for people, outside of the output proper.
func (s *screen) note(format string, values ...any) {
	if s.terminal && !s.JSON {
		fmt.Fprintln(s, s.paint(dim, fmt.Sprintf(format, values...)))
		return
	}
	fmt.Fprintf(s.stderr, format+"\n", values...)
}

// printJSON prints a JSON value as one line.
func (s *screen) printJSON(value json.RawMessage) error {
	_, err := fmt.Fprintln(s, escape(withoutLineEnds.Replace(string(value))))
	return err
}

// printIndented prints a JSON value for people.
func (s *screen) printIndented(value []byte) error {
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(value), "", "  "); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	_, err := fmt.Fprintln(s, escape(indented.String()))
	return err
}

// style is the parameter of an escape sequence that sets colour or weight.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

func (s *screen) paint(style style, text string) string {
	if !s.coloured || style == plain || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// statusStyle returns the colour for the status of a run or a step, ignoring case.
func statusStyle(status string) style {
	switch strings.ToLower(status) {
	case "completed", "success":
		return green
	case "failed", "error":
		return red
	case "cancelled":
		return yellow
	case "running", "started", "pending", "claimed":
		return cyan
	}
	return plain
}

// at formats a time for people in a layout of package time.
func (s *screen) at(instant time.Time, layout string) string {
	if instant.IsZero() {
		return ""
	}
	return instant.In(s.zone).Format(layout)
}

// The time layouts of tables.
const (
	toSeconds = "2006-01-02 15:04:05"
	toMillis  = "15:04:05.000"
)

// span formats a duration in at most two units.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// pager starts the program in PAGER at the first output, so that it does not show an error
// alone.
type pager struct {
	command        string
	stdout, stderr io.Writer
	process        *exec.Cmd
	input          io.WriteCloser
}

func (p *pager) Write(text []byte) (int, error) {
	if p.process == nil {
		process := exec.Command("sh", "-c", p.command) // the user ends it, also after an interrupt
		process.Stdout, process.Stderr = p.stdout, p.stderr
		process.Env = os.Environ()
		if os.Getenv("LESS") == "" {
			process.Env = append(process.Env, "LESS=FRX") // colours, and no paging if the output fits the screen
		}
		input, err := process.StdinPipe()
		if err == nil {
			err = process.Start()
		}
		if err != nil {
			return 0, fmt.Errorf("start the pager %q: %w", p.command, err)
		}
		p.process, p.input = process, input
	}
	return p.input.Write(text)
}

// close waits until the pager has ended.
func (p *pager) close() error {
	if p.process == nil {
		return nil
	}
	_ = p.input.Close()
	if err := p.process.Wait(); err != nil {
		return fmt.Errorf("the pager %q: %w", p.command, err)
	}
	return nil
}
