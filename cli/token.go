package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/noetl/noetl-catalog/graph/auth"
)

// Token is the command `token`.
type Token struct {
	Role  string `required:"" enum:"viewer,publisher,admin" help:"Role of its owner: ${enum}."`
	Owner string `help:"Name of its owner, for the comment in the tokens file."`
}

// Run prints a new token and its line for the tokens file.
func (t *Token) Run(stdout, stderr io.Writer) error {
	token, line := auth.NewToken(auth.Role(strings.ToUpper(t.Role)), t.Owner)
	fmt.Fprintln(stderr, "The token, which is shown this once, and its line for the file of serve --tokens:")
	_, err := fmt.Fprintf(stdout, "%s\n%s\n", token, line)
	return err
}
