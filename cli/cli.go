// Package cli has the commands of noetl-catalog other than serve, a file for
// each. A command is a struct with its flags and a method Run.
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

func newClient(server, token string) (*client.Client, error) {
	c, err := client.New(server, token)
	if err != nil {
		return nil, fmt.Errorf("--server %w", err)
	}
	return c, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// inOneLine replaces what a terminal would act upon: line ends and tabs by
// spaces, other control characters, and those that reorder text, by U+FFFD.
func inOneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
