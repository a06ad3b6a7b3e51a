// Command expand writes the queries that repeat a part, such as the filter of
// events, from the templates in sqlc/templates to sqlc/queries, where sqlc
// reads them. `make generate` runs it in the repository's root.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

func main() {
	if err := expand(filepath.Join("sqlc", "templates"), filepath.Join("sqlc", "queries")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// expand executes each template <name>.sql.tmpl of a folder and writes <name>.sql. The
// other templates of the folder have the parts that these share.
func expand(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.sql.tmpl"))
	if err != nil {
		return fmt.Errorf("find the templates: %w", err)
	}
	shared, err := filepath.Glob(filepath.Join(from, "*.tmpl"))
	if err != nil {
		return fmt.Errorf("find the shared templates: %w", err)
	}
	shared = slices.DeleteFunc(shared, func(file string) bool { return slices.Contains(files, file) })
	for _, file := range files {
		name := filepath.Base(file)
		parsed, err := template.New(name).Funcs(template.FuncMap{"list": list, "set": set}).Option("missingkey=error").
			ParseFiles(append(slices.Clip(shared), file)...)
		if err != nil {
			return fmt.Errorf("parse a template: %w", err)
		}
		var queries strings.Builder
		fmt.Fprintf(&queries, "-- Generated from %s by `make generate`; do not edit.\n", filepath.ToSlash(file))
		if err := parsed.Execute(&queries, nil); err != nil {
			return fmt.Errorf("expand a template: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, strings.TrimSuffix(name, ".tmpl")), []byte(queries.String()), 0o600); err != nil {
			return fmt.Errorf("write queries: %w", err)
		}
	}
	return nil
}

func list(values ...any) []any { return values }

// set returns named values, or a copy of values with more of them: set "name" value …, or
// set values "name" value ….
func set(arguments ...any) map[string]any {
	values := map[string]any{}
	if len(arguments)%2 == 1 {
		maps.Copy(values, arguments[0].(map[string]any)) //nolint:forcetypeassert // a template that panics fails
		arguments = arguments[1:]
	}
	for pair := range slices.Chunk(arguments, 2) {
		values[fmt.Sprint(pair[0])] = pair[1]
	}
	return values
}
