// Package layout tests rules for the whole repository: which package imports
// which, the parameters of queries, and the sizes of files.
package layout

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/noetl/noetl-catalog/"

// repository is the root of the repository.
var repository = os.DirFS("../..")

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(repository, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := fs.Glob(repository, pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no files, %v", pattern, err)
	}
	return names
}

// `make lines` prints the lines of every folder.
func TestLayout_Lines_WithinBounds(t *testing.T) {
	t.Parallel()
	for pattern, bound := range map[string]int{"server.go": 300, "graph/plan/*.go": 1550} {
		lines := 0
		for _, name := range glob(t, pattern) {
			if !strings.HasSuffix(name, "_test.go") {
				lines += strings.Count(read(t, name), "\n")
			}
		}
		if lines > bound {
			t.Errorf("%s: %d lines, more than %d", pattern, lines, bound)
		}
	}
}

// The root holds only files that cannot live elsewhere.
func TestLayout_Root_HoldsOnlyTheseFiles(t *testing.T) {
	t.Parallel()
	files := regexp.MustCompile(`^(server|server_test|tools)\.go$|^(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md$|^go\.(mod|sum|work|work\.sum)$|` +
		`^(gqlgen\.yml|sqlc\.yaml|LICENSE|Makefile|noetl-catalog)$|^\.`)
	entries, err := fs.ReadDir(repository, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() && !files.MatchString(entry.Name()) || entry.Name() == "testdata" {
			t.Errorf("%s does not belong in the root", entry.Name())
		}
	}
}

// Imports run one way: server.go → config, graph, cli → db/catalog, db/eventlog → sqlc.
func TestLayout_Imports_RunOneWay(t *testing.T) {
	t.Parallel()
	// The packages of this module that a package, or one below it, may import. The
	// first match counts.
	rules := []struct{ folder, allowed string }{
		{".", `cli|config|db|db/catalog|db/embedded|db/eventlog|db/eventlog/stream|graph|graph/admission|graph/telemetry|graph/telemetry/otlp|graph/transport`},
		{"config", `cli|graph/admission|graph/auth`},
		{"client", `-`},
		{"cli", `client|db|db/catalog|db/catalog/yaml|db/eventlog|db/fault|db/jsontext|graph/auth`},
		{"bench", `client|db|db/embedded`},
		{"soak", `client`},
		{"sqlc", `-`},
		{"db/fault/faulttest", `db/fault`},
		{"db/fault", `-`},
		{"db/embedded", `-`},
		{"db/eventlog/message", `db/fault|db/jsontext|db/lru`},
		{"db/statements", `-`},
		{"db/words", `-`},
		{"db/customplan", `sqlc`},
		{"db/rows", `db/customplan|sqlc`},
		{"db/tree", `db/catalog|db/eventlog|db/rows|sqlc`},
		{"db/jsontext", `db/fault`},
		{"db/eventlog/stream", `db/eventlog|db/fault|db/jsontext|db/words|sqlc`},
		{"db/eventlog", `db/catalog|db/customplan|db/rows|db/eventlog/message|db/fault|db/jsontext|db/words|sqlc`},
		{"db/catalog/yaml", `db/fault|db/jsontext`},
		{"db/catalog", `db/catalog/yaml|db/customplan|db/fault|db/jsontext|db/lru|db/rows|db/words|sqlc`},
		{"db/dbtest", `db|db/embedded`},
		{"db", `db/statements|sqlc`},
		{"docs", `-`},
		{"internal", `-`},
		{"graph/scalar", `db/fault`},
		{"graph/auth", `-`},
		{"graph/loader", `-`},
		{"graph/telemetry/otlp", `-`},
		{"graph/telemetry", `db/fault|db/statements|graph/apierror`},
		{"graph/pagination", `db/fault`},
		{"graph", `docs|db/.*|graph/.*`},
	}
	err := fs.WalkDir(repository, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "node_modules" {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, rule := range rules {
			folder := path.Dir(name)
			if folder != rule.folder && !strings.HasPrefix(folder, rule.folder+"/") {
				continue
			}
			for _, spec := range file.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				ours, isOurs := strings.CutPrefix(imported, module)
				if isOurs && !regexp.MustCompile("^("+rule.allowed+")$").MatchString(ours) {
					t.Errorf("%s imports %s", name, ours)
				}
			}
			return nil
		}
		t.Errorf("%s: no rule for its imports", name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Every query that reads or writes paths takes the caller's scopes, so that
// authorization cannot be forgotten in one of them.
func TestLayout_QueriesOfPaths_TakeScopes(t *testing.T) {
	t.Parallel()
	ofPaths := regexp.MustCompile(`(?i)\b(FROM|JOIN|INTO|UPDATE)\s+(catalog|resource|event|event_identity|execution)\b|\bcatalog_register\b`)
	seen := 0
	for _, file := range glob(t, "sqlc/queries/*.sql") {
		for _, query := range strings.Split(read(t, file), "-- name: ")[1:] {
			if !ofPaths.MatchString(query) {
				continue
			}
			seen++
			if !strings.Contains(query, "@scopes::text[]") {
				t.Errorf("%s: this query takes no scopes:\n%s", file, query)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d queries of paths were found", seen)
	}
}
