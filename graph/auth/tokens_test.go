package auth_test

import (
	"strings"
	"testing"

	"github.com/noetl/noetl-catalog/graph/auth"
)

func TestTokens_NewToken_KnownByItsLine(t *testing.T) {
	t.Parallel()
	viewer, viewers := auth.NewToken(auth.Viewer, "a screen")
	admin, admins := auth.NewToken(auth.Admin, "")
	tokens, err := auth.ReadTokens(strings.NewReader("\ufeff# tokens\n\n" + viewers + "\n  " + admins + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	unnamed := strings.TrimSpace(admins)[:len("sha256:")+8]
	for token, want := range map[string]auth.Caller{viewer: {auth.Viewer, "a screen"}, admin: {auth.Admin, unnamed}, viewer + "x": {}, "": {}} {
		if got, known := tokens.Caller(token); got != want || known != (want.Role != "") {
			t.Errorf("caller %q, %t, want %q", got, known, want)
		}
	}
	if strings.Contains(viewers, viewer) {
		t.Error("the line contains the token")
	}
}

func TestTokens_File_RefusedWithItsLine(t *testing.T) {
	t.Parallel()
	_, good := auth.NewToken(auth.Publisher, "")
	for file, want := range map[string]string{
		"":                                "no token",
		"# a\n\ufeff" + good:              "line 2",
		"# nobody":                        "no token",
		good + "\nsha256:00 viewer":       "line 2",
		strings.ToUpper(good):             "line 1",
		strings.Fields(good)[0]:           "line 1: want",
		good + " team7/":                  "line 1: want",
		strings.Fields(good)[0] + " root": `not "root"`,
	} {
		if _, err := auth.ReadTokens(strings.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", file, err, want)
		}
	}
}

func TestRole_May_IncludesLowerRoles(t *testing.T) {
	t.Parallel()
	order := []auth.Role{"", auth.Viewer, auth.Publisher, auth.Admin}
	for i, role := range order {
		for j, other := range order {
			if got, want := role.May(other), j > 0 && i >= j; got != want {
				t.Errorf("%q may %q: %t, want %t", role, other, got, want)
			}
		}
	}
}
