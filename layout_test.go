package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/noetl/noetl-catalog/"

// Imports run one way: server.go → config, graph, cli → db/catalog, db/eventlog → sqlc.
func TestLayout_Imports_RunOneWay(t *testing.T) {
	t.Parallel()
	// What a package, or one below it, may import of ours. The first match counts.
	rules := []struct{ folder, allowed string }{
		{".", `cli|config|db|db/catalog|db/embedded|db/eventlog|graph|graph/transport`},
		{"config", `cli|graph/auth`},
		{"client", `-`},
		{"cli", `client|db|db/catalog|db/fault|graph/auth`},
		{"bench", `client|db|db/embedded`},
		{"sqlc", `-`},
		{"db/fault", `-`},
		{"db/embedded", `-`},
		{"db/eventlog/message", `db/fault|db/lru`},
		{"db/customplan", `sqlc`},
		{"db/rawrow", `sqlc`},
		{"db/eventlog", `db/catalog|db/customplan|db/rawrow|db/eventlog/message|db/fault|sqlc`},
		{"db/catalog", `db/customplan|db/fault|db/rawrow|sqlc`},
		{"db/dbtest", `db|db/embedded`},
		{"db", `sqlc`},
		{"graph/scalar", `db/fault`},
		{"graph/auth", `-`},
		{"graph/loader", `-`},
		{"graph/pagination", `db/fault`},
		{"graph", `db/.*|graph/.*`},
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, rule := range rules {
			folder := filepath.ToSlash(filepath.Dir(path))
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
					t.Errorf("%s imports %s", path, ours)
				}
			}
			return nil
		}
		t.Errorf("%s: no rule says what it may import", path)
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
	files, err := filepath.Glob("sqlc/queries/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("find the queries: %v", err)
	}
	ofPaths := regexp.MustCompile(`(?i)\b(FROM|JOIN|INTO|UPDATE)\s+(catalog|resource|event|event_identity|execution)\b|\bcatalog_register\b`)
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range strings.Split(string(text), "-- name: ")[1:] {
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
