package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/noetl/noetl-catalog/graph/auth"
)

// Token is the command `token`.
type Token struct {
	Role  string `required:"" enum:"viewer,publisher,admin" help:"Role of its owner: ${enum}."`
	Owner string `help:"Name of its owner, for the comment in the tokens file."`
}

// Validate is called by kong.
func (t *Token) Validate() error {
	if strings.ContainsFunc(t.Owner, unicode.IsControl) {
		return errors.New("--owner must not contain line breaks or other control characters")
	}
	return nil
}

// Run prints a new token and its line for the tokens file.
func (t *Token) Run(stdout, stderr io.Writer) error {
	token, line := auth.NewToken(auth.Role(strings.ToUpper(t.Role)), t.Owner)
	fmt.Fprintln(stderr, "The token, which is shown this once, and its line for the file of serve --tokens:")
	_, err := fmt.Fprintf(stdout, "%s\n%s\n", token, line)
	return err
}
