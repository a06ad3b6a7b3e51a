package graph_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/config"
)

// documents returns the Markdown files for readers, README.md first, by their path from
// the repository's root.
func documents(t *testing.T) (paths []string, texts map[string]string) {
	t.Helper()
	root := filepath.Join("..", "*.md")
	pages, err := filepath.Glob(filepath.Join("..", "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("find the documents: %v", err)
	}
	others, err := filepath.Glob(root)
	if err != nil {
		t.Fatal(err)
	}
	texts = map[string]string{}
	for _, file := range append(append([]string{filepath.Join("..", "README.md")}, pages...), others...) {
		path := strings.TrimPrefix(filepath.ToSlash(file), "../")
		if _, known := texts[path]; known {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		paths, texts[path] = append(paths, path), string(text)
	}
	return paths, texts
}

// blocks returns the code blocks of a text in a language.
func blocks(text, language string) (found []string) {
	for _, block := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		found = append(found, block[1])
	}
	return found
}

// Each GraphQL operation and SQL statement of the documents works as written,
// in the order of the documents, README.md first.
func TestDocuments_EachBlock_Works(t *testing.T) {
	t.Parallel()
	a := setupLive(t)
	paths, texts := documents(t)
	if got := len(blocks(texts["README.md"], "graphql")); got != 6 {
		t.Errorf("README.md has %d operations, want 6", got)
	}
	if got := strings.Count(texts["README.md"], "\n"); got > 120 {
		t.Errorf("README.md has %d lines, want 120 at most: docs/ has the rest", got)
	}
	for _, path := range paths {
		for _, query := range blocks(texts[path], "graphql") {
			if !strings.HasPrefix(query, "subscription") {
				a.mustAsk(nil, query, nil)
				continue
			}
			live := a.subscribe(query, nil)
			name := "readme/" + path
			a.register(name, variables{})
			if got := live.nextDelivery(); got.Event.Path != name {
				t.Errorf("the subscription of %s delivered %+v", path, got)
			}
		}
		for _, block := range blocks(texts[path], "sql") {
			if strings.Contains(block, "DETACH PARTITION") { // a repair, which the tests of db run
				continue
			}
			if _, err := a.pool.Exec(t.Context(), block, pgx.QueryExecModeSimpleProtocol); err != nil {
				t.Errorf("%s: %v\n%s", path, err, block)
			}
		}
	}
	a.wantData(`{"events": {"totalCount": 1}}`, `{ events(filter: {executionId: "4711"}) { totalCount } }`, nil)
	a.wantData(`{"resource": {"name": "hello", "versionCount": 1, "latestEvent": {"message": "Resource sql/hello version 1.0.0 was registered."}}}`,
		`{ resource(path: "sql/hello") { name versionCount latestEvent { message } } }`, nil)
}

// A link leads to a file of the repository and, if it names one, to its heading.
func TestDocuments_EachLink_TargetExists(t *testing.T) {
	t.Parallel()
	paths, texts := documents(t)
	for _, path := range paths {
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(texts[path], -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			file, heading, _ := strings.Cut(link[1], "#")
			text := texts[path]
			if file != "" {
				read, err := os.ReadFile(filepath.Join("..", filepath.Dir(path), file))
				if err != nil {
					t.Errorf("%s links to %s: %v", path, link[1], err)
					continue
				}
				text = string(read)
			}
			if heading != "" && !hasHeading(text, heading) {
				t.Errorf("%s links to %s: the heading does not exist", path, link[1])
			}
		}
	}
}

// hasHeading reports whether a document has a heading with this anchor, which
// is formed as GitHub does.
func hasHeading(text, anchor string) bool {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		formed := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, heading[1])
		if formed == anchor {
			return true
		}
	}
	return false
}

// A file or folder that a document names exists. CHANGELOG.md is left out, since
// it describes the past.
func TestDocuments_EachPath_Exists(t *testing.T) {
	t.Parallel()
	paths, texts := documents(t)
	seen := 0
	for _, path := range paths {
		if path == "CHANGELOG.md" {
			continue
		}
		for _, named := range regexp.MustCompile("`((?:bench|cli|client|config|db|docs|e2e|examples|graph|sqlc|torture|\\.ci|\\.github)/[^`\\s]*|[a-z]+\\.go)`").FindAllStringSubmatch(texts[path], -1) {
			seen++
			// `<name>` and `*` stand for any name.
			pattern := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(named[1], "*")
			if found, err := filepath.Glob(filepath.Join("..", pattern)); err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which does not exist", path, named[1])
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d paths were found", seen)
	}
}

// A comment in the code that cites a document names a heading of it, as in
// docs/event-log.md, "Messages".
func TestDocuments_CitedInCode_HeadingExists(t *testing.T) {
	t.Parallel()
	_, texts := documents(t)
	seen := 0
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".sql" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		// A citation may be broken over two lines of comments.
		joined := regexp.MustCompile(`\n\s*(//|--)\s*`).ReplaceAllString(string(text), " ")
		for _, cited := range regexp.MustCompile(`(docs/[a-z_-]+\.md)(?:, "([^"\n]+)")?`).FindAllStringSubmatch(joined, -1) {
			seen++
			document, known := texts[cited[1]]
			if !known || cited[2] != "" && !strings.Contains(document, "# "+cited[2]+"\n") {
				t.Errorf("%s cites %s, which does not exist", strings.TrimPrefix(path, "../"), cited[0])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 5 {
		t.Errorf("only %d citations were found", seen)
	}
}

// The tables of docs/catalog_spec.md have the columns that it lists, in their
// order and of their types.
func TestDocuments_CatalogSpec_ColumnsOfTheDatabase(t *testing.T) {
	t.Parallel()
	a := setup(t)
	_, texts := documents(t)
	tables := 0
	for _, section := range strings.Split(texts["docs/catalog_spec.md"], "\n#") {
		heading := regexp.MustCompile("^## `([a-z_]+)`\n").FindStringSubmatch(section)
		if heading == nil {
			continue
		}
		tables++
		var listed []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([a-z \\[\\]]+) \\|").FindAllStringSubmatch(section, -1) {
			listed = append(listed, row[1]+" "+row[2])
		}
		var columns []string
		if err := a.pool.QueryRow(t.Context(), `SELECT array_agg(attname || ' ' || format_type(atttypid, NULL) ORDER BY attnum)
			FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped`, heading[1]).Scan(&columns); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(columns, listed); diff != "" {
			t.Errorf("columns of %s (-database +document):\n%s", heading[1], diff)
		}
	}
	if tables != 6 {
		t.Errorf("%d tables are listed, want 6", tables)
	}
}

// docs/operations.md lists each flag of serve, with its environment variable and
// its default.
func TestDocuments_Operations_FlagsOfServe(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&config.Serve{})
	if err != nil {
		t.Fatal(err)
	}
	_, texts := documents(t)
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| `([A-Z_]+)` \\| (.*?) \\| .+ \\|$").FindAllStringSubmatch(texts["docs/operations.md"], -1) {
		listed[row[1]] = row[2] + " " + row[3]
	}
	for _, flag := range parser.Model.Flags {
		if flag.Name == "help" {
			continue
		}
		row, ok := listed[flag.Name]
		delete(listed, flag.Name)
		if !ok || !strings.HasPrefix(row, flag.Envs[0]+" ") || flag.HasDefault && !strings.HasSuffix(row, " `"+flag.Default+"`") {
			t.Errorf("--%s (%s, default %q) is listed as %q", flag.Name, flag.Envs[0], flag.Default, row)
		}
	}
	for name := range listed {
		t.Errorf("--%s is listed and not a flag", name)
	}
}
