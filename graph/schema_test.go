package graph_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write schema.graphql anew")

// schema.graphql is the API as a client sees it, for tools that read files and
// for people who read what a change does to it.
func TestSchema_File_IsWhatIsServed(t *testing.T) {
	t.Parallel()
	served := []byte(setup(t).sdl())
	if *update {
		if err := os.WriteFile("schema.graphql", served, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	written, err := os.ReadFile("schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(written), string(served)); diff != "" {
		t.Errorf("run make generate (-file +served):\n%s", diff)
	}
}
