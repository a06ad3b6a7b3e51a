package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Apollo's flow: the hash alone is unknown; with the document it is accepted, and
// from then on the hash is enough, also with GET.
func TestPersistedQuery_OnceSent_HashIsEnough(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const query = `{ resourceTypes { name } }`
	hash := func(query string) string {
		sum := sha256.Sum256([]byte(query))
		return hex.EncodeToString(sum[:])
	}
	persisted := func(hash string) map[string]any {
		return map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hash}}
	}
	long := query + strings.Repeat(" ", 64<<10)
	for _, step := range []struct {
		name       string
		query      string
		extensions map[string]any
		want       string
	}{
		{"hash unknown", "", persisted(hash(query)), `"PERSISTED_QUERY_NOT_FOUND"`},
		{"hash of another", query + " ", persisted(hash(query)), `"code":"BAD_USER_INPUT"`},
		{"not stored under the wrong hash", "", persisted(hash(query)), `"PersistedQueryNotFound"`},
		{"both", query, persisted(hash(query)), `"playbook"`},
		{"hash", "", persisted(hash(query)), `"playbook"`},
		{"version 2", "", map[string]any{"persistedQuery": map[string]any{"version": 2, "sha256Hash": hash(query)}}, `"argument":"extensions.persistedQuery"`},
		{"no object", "", map[string]any{"persistedQuery": "x"}, `"argument":"extensions.persistedQuery"`},
		{"too long to keep", long, persisted(hash(long)), `"playbook"`},
		{"not kept", "", persisted(hash(long)), `"PERSISTED_QUERY_NOT_FOUND"`},
		{"neither", "", nil, `"argument":"query"`},
	} {
		got := a.read(a.post("application/json", a.encode(variables{"query": step.query, "extensions": step.extensions})))
		if !strings.Contains(got, step.want) {
			t.Errorf("%s\ngot  %s\nwant %s", step.name, got, step.want)
		}
	}
	got := a.read(a.request(http.MethodGet, "/graphql?extensions="+url.QueryEscape(a.encode(persisted(hash(query)))), ""))
	if !strings.Contains(got, `"playbook"`) {
		t.Errorf("GET: %s", got)
	}
}
