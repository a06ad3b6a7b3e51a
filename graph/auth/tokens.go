package auth

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
)

// Role is what a caller may do. Each role includes those before it.
type Role string

// The roles as the schema spells them; the tokens file uses lower case.
const (
	Viewer    Role = "VIEWER"    // reads and follows
	Publisher Role = "PUBLISHER" // registers and records
	Admin     Role = "ADMIN"     // changes types
)

// roles in ascending order.
var roles = []Role{Viewer, Publisher, Admin}

// May reports whether the role includes another.
func (r Role) May(other Role) bool {
	least := slices.Index(roles, other)
	return least >= 0 && slices.Index(roles, r) >= least
}

// Tokens are the callers that a server knows, by the SHA-256 of their tokens: a
// token is 256 random bits, which nobody can guess from it.
type Tokens struct {
	callers atomic.Pointer[map[[sha256.Size]byte]Caller]
}

// Caller is the owner of a token.
type Caller struct {
	Role Role
	// Name is the comment on the token's line, or the beginning of its digest.
	Name string
}

const (
	digestPrefix = "sha256:"
	// byteOrderMark is what some editors put before UTF-8.
	byteOrderMark = "\ufeff"
)

// ReadTokens reads a tokens file. Each line is a token's digest, a role, and its
// owner:
//
//	sha256:HEX publisher # the CI server
//
// Empty lines and those that begin with # are skipped. The error names the
// line.
func ReadTokens(file io.Reader) (*Tokens, error) {
	known := map[[sha256.Size]byte]Caller{}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line, comment, _ := strings.Cut(lines.Text(), "#")
		if number == 1 {
			line = strings.TrimPrefix(line, byteOrderMark)
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 2 {
			return nil, fmt.Errorf("line %d: want sha256:HEX and a role, got %d words", number, len(words))
		}
		raw, found := strings.CutPrefix(words[0], digestPrefix)
		digest, err := hex.DecodeString(raw)
		if !found || err != nil || len(digest) != sha256.Size {
			return nil, fmt.Errorf("line %d: the first word must be sha256: and 64 hexadecimal digits", number)
		}
		role := Role(strings.ToUpper(words[1]))
		if !slices.Contains(roles, role) {
			return nil, fmt.Errorf("line %d: the role is viewer, publisher or admin, not %q", number, words[1])
		}
		name := cmp.Or(strings.TrimSpace(comment), digestPrefix+raw[:8])
		known[[sha256.Size]byte(digest)] = Caller{role, name}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	if len(known) == 0 {
		return nil, errors.New("there is no token in it; `noetl-catalog token` makes one")
	}
	tokens := &Tokens{}
	tokens.callers.Store(&known)
	return tokens, nil
}

// Replace makes the tokens those of another file.
func (t *Tokens) Replace(with *Tokens) { t.callers.Store(with.callers.Load()) }

// Caller returns the owner of a token; false for an unknown token.
func (t *Tokens) Caller(token string) (Caller, bool) {
	caller, ok := (*t.callers.Load())[sha256.Sum256([]byte(token))]
	return caller, ok
}

// NewToken makes a token and its line for the tokens file.
func NewToken(role Role, owner string) (token, line string) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	token = base64.RawURLEncoding.EncodeToString(secret)
	line = fmt.Sprintf("%s%x %s", digestPrefix, sha256.Sum256([]byte(token)), strings.ToLower(string(role)))
	if owner != "" {
		line += " # " + owner
	}
	return token, line
}
