package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

// referencesIn is a reference implementation of payload_references.
func referencesIn(value any, pointer, step string, top bool) (found []string) {
	add := func(kind, pointer, step string, target any) {
		if name, ok := target.(string); ok {
			found = append(found, fmt.Sprintf("%s %s %s %s %v", kind, pointer, step, name, regexp.MustCompile(`\{[{%#]`).MatchString(name)))
		}
	}
	stepIn := func(value any, step string) string {
		if object, ok := value.(map[string]any); ok {
			if name, ok := object["step"].(string); ok {
				return name
			}
		}
		return step
	}
	step = stepIn(value, step)
	switch value := value.(type) {
	case []any:
		for i, element := range value {
			found = append(found, referencesIn(element, fmt.Sprintf("%s/%d", pointer, i), step, false)...)
		}
	case map[string]any:
		if value["kind"] == "playbook" && !top {
			add("PLAYBOOK", pointer+"/path", step, value["path"])
		}
		for key, member := range value {
			memberPointer := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
			found = append(found, referencesIn(member, memberPointer, step, false)...)
			isTool, isCredential := key == "tool", slices.Contains([]string{"auth", "credential", "credentials"}, key)
			if !isTool && !isCredential {
				continue
			}
			if isCredential {
				add("CREDENTIAL", memberPointer, step, member)
			}
			named := func(value any, pointer, step string) {
				object, ok := value.(map[string]any)
				if !ok {
					return
				}
				if step = stepIn(value, step); isTool {
					add("TOOL", pointer+"/kind", step, object["kind"])
				} else {
					add("CREDENTIAL", pointer+"/key", step, object["key"])
				}
			}
			children := func(value any, pointer, step string) {
				object, _ := value.(map[string]any)
				for name, child := range object {
					if isTool && name == "tool" || isCredential && slices.Contains([]string{"auth", "credential", "credentials"}, name) {
						continue // is found by its own name
					}
					named(child, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), stepIn(value, step))
				}
			}
			switch member := member.(type) {
			case map[string]any:
				named(member, memberPointer, step)
				if isCredential {
					children(member, memberPointer, step)
				}
			case []any:
				for i, element := range member {
					elementPointer := fmt.Sprintf("%s/%d", memberPointer, i)
					object, _ := element.(map[string]any)
					_, hasKind := object["kind"].(string)
					switch {
					case isTool && !hasKind:
						children(element, elementPointer, step)
					default:
						named(element, elementPointer, step)
					}
					if isCredential {
						add("CREDENTIAL", elementPointer, step, element)
					}
				}
			}
		}
	}
	return found
}

func extract(ctx context.Context, t rapid.TB, pool *db.Pool, payload []byte) (found, names []string) {
	t.Helper()
	query := func(sql string) []string {
		rows, err := pool.Query(ctx, sql, payload)
		if err != nil {
			t.Fatal(err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	return query(`SELECT concat_ws(' ', kind, pointer, coalesce(step, ''), target, CASE WHEN templated THEN 'true' ELSE 'false' END) FROM payload_references($1::jsonb)`),
		query(`SELECT term || ' ' || places FROM (SELECT unnest(terms) AS term, unnest(places) AS places FROM payload_terms($1::jsonb)) AS found WHERE term NOT LIKE 'tag:%'`)
}

// Every shape of a reference, in the order of the payload.
func TestReferences_Shapes_Found(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	payload := []byte(`{"kind": "playbook", "path": "not/me", "workflow": [
		{"step": "one", "tool": {"kind": "postgres", "auth": "pg"}},
		{"step": "two", "tool": [{"kind": "http", "auth": {"a/b": {"key": "web"}, "type": "bearer"}}, {"named": {"kind": "python", "credentials": ["s3", {"key": "gcs"}], "auth": {"source": "credential", "key": "direct"}}}]},
		{"step": "three", "tool": {"kind": "playbook", "path": "x/y"}, "do": [{"kind": "playbook", "path": "{{ which }}"}]}], "credential": "{{ c }}"}`)
	want := []string{
		"TOOL /workflow/0/tool/kind one postgres false", "CREDENTIAL /workflow/0/tool/auth one pg false",
		"TOOL /workflow/1/tool/0/kind two http false", "CREDENTIAL /workflow/1/tool/0/auth/a~1b/key two web false",
		"TOOL /workflow/1/tool/1/named/kind two python false", "CREDENTIAL /workflow/1/tool/1/named/credentials/0 two s3 false",
		"CREDENTIAL /workflow/1/tool/1/named/credentials/1/key two gcs false",
		"CREDENTIAL /workflow/1/tool/1/named/auth/key two direct false",
		"TOOL /workflow/2/tool/kind three playbook false", "PLAYBOOK /workflow/2/tool/path three x/y false",
		"PLAYBOOK /workflow/2/do/0/path three {{ which }} true", "CREDENTIAL /credential  {{ c }} true",
	}
	got, _ := extract(t.Context(), t, pool, payload)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// For any payload, payload_references finds what the reference implementation finds, and
// payload_terms has the names of those references.
func TestReferences_AnyPayload_AsReference(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	keys := rapid.SampledFrom([]string{"tool", "kind", "path", "auth", "credential", "credentials", "key", "step", "do", "a/b~c"})
	names := rapid.SampledFrom([]any{"playbook", "http", "x/y", "{{ t }}", "{% t %}", "", 1, nil, true})
	var values func(depth int) *rapid.Generator[any]
	values = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return names
		}
		return rapid.OneOf(names,
			rapid.Map(rapid.SliceOfN(values(depth-1), 0, 3), func(list []any) any { return list }),
			rapid.Map(rapid.MapOfN(keys, values(depth-1), 0, 5), func(object map[string]any) any { return object }))
	}
	rapid.Check(t, func(r *rapid.T) {
		payload, err := json.Marshal(rapid.MapOfN(keys, values(5), 0, 6).Draw(r, "payload"))
		if err != nil {
			r.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(payload, &value); err != nil {
			r.Fatal(err)
		}
		want := referencesIn(value, "", "", true)
		got, terms := extract(t.Context(), r, pool, payload)
		counts := map[string]int{}
		for _, reference := range want {
			kind, rest, _ := strings.Cut(reference, " ")
			if !strings.HasSuffix(reference, " true") {
				fields := strings.Split(strings.TrimSuffix(rest, " false"), " ")
				counts[strings.ToLower(kind)+":"+fields[len(fields)-1]]++
			}
		}
		var wantTerms []string
		for _, term := range slices.Sorted(maps.Keys(counts)) {
			wantTerms = append(wantTerms, fmt.Sprintf("%s %d", term, counts[term]))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			r.Errorf("%s (-want +got):\n%s", payload, cmp.Diff(want, got))
		}
		if !slices.Equal(wantTerms, terms) {
			r.Errorf("%s: names (-want +got):\n%s", payload, cmp.Diff(wantTerms, terms))
		}
	})
}

// A caller sees the references of the resources in its scopes, to any path.
func TestReferences_Scopes_HideOtherPaths(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	var all []string
	for _, team := range []string{"team1", "team2", "team3"} {
		for n := range 3 {
			path := fmt.Sprintf("%s/load-%d", team, n)
			all = append(all, path)
			execute(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ($1, 'playbook', '1', $2)`, path, map[string]any{
				"tags": []string{team}, "workflow": []any{
					map[string]any{"step": "first", "tool": map[string]any{"kind": "playbook", "path": "team1/load-0"}},
					map[string]any{"step": "again", "tool": map[string]any{"kind": "playbook", "path": "team1/load-0"}},
				},
			})
		}
	}
	store := catalog.NewStore(pool)
	for _, scopes := range [][]string{everything, {"team1/"}, {"team2/load-1", "team3/"}, {"elsewhere/"}} {
		inScope := func(path string) bool {
			return slices.ContainsFunc(scopes, func(scope string) bool { return strings.HasPrefix(path, scope) })
		}
		tags, err := store.TagsByPath(t.Context(), scopes, all)
		if err != nil {
			t.Fatal(err)
		}
		lists, err := store.ListReferences(t.Context(), scopes, all, []string{catalog.PlaybookReference}, 0, 0, false, 10)
		if err != nil {
			t.Fatal(err)
		}
		counts, err := store.CountReferences(t.Context(), scopes, all, nil)
		if err != nil {
			t.Fatal(err)
		}
		var callers []string
		for i, path := range all {
			references, count := 0, 0
			if inScope(path) {
				callers = append(callers, path, path)
				references, count = 2, 4
			}
			if len(tags[i]) != count/4 || len(lists[i]) != references || counts[i] != count {
				t.Errorf("%s of %s: tags %v, %d references, %d counted", scopes, path, tags[i], len(lists[i]), counts[i])
			}
		}
		for _, descending := range []bool{false, true} {
			to, err := store.ListReferencesTo(t.Context(), scopes, []string{"team1/load-0"}, "", "", descending, 100)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, reference := range to[0] {
				got = append(got, reference.From)
			}
			if slices.Sort(got); !slices.Equal(got, callers) {
				t.Errorf("%s: callers %v, want %v", scopes, got, callers)
			}
		}
		if count, err := store.CountReferencesTo(t.Context(), scopes, []string{"team1/load-0"}); err != nil || count[0] != len(callers) {
			t.Errorf("%s: %d callers are counted, want %d: %v", scopes, count[0], len(callers), err)
		}
	}
}
