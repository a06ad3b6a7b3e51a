// Package cli has the commands of noetl-catalog other than serve, one file each. A command
// is a struct with its flags and a method Run. The commands that read from a server share
// session.go (requests), list.go (pages), screen.go (the terminal) and table.go.
//
//	command := cli.Register{Paths: []string{"examples"}, Server: "http://127.0.0.1:8080"}
//	err := command.Run(ctx, os.Stdout, os.Stderr)
package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"

	"github.com/noetl/noetl-catalog/client"
)

// UsageError is an invalid command line that only the command itself can recognize.
type UsageError struct{ text string }

func (e *UsageError) Error() string { return e.text }

func invalid(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

func newClient(server, token string) (*client.Client, error) {
	c, err := client.New(server, token)
	if err != nil {
		return nil, invalid("--server %v", err)
	}
	return c, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// inOneLine replaces white space by spaces, and escapes control characters.
func inOneLine(s string) string {
	return escape(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, s))
}

// escape replaces control characters, except line feeds and tabs, and characters that
// reorder text by their JSON escapes, so that JSON keeps its meaning.
func escape(s string) string {
	dangerous := func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
	}
	if !strings.ContainsFunc(s, dangerous) {
		return s
	}
	var escaped strings.Builder
	for _, r := range s {
		if dangerous(r) {
			fmt.Fprintf(&escaped, `\u%04x`, r)
		} else {
			escaped.WriteRune(r)
		}
	}
	return escaped.String()
}
