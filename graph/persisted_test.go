package graph_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Apollo's flow: the hash alone is not known, with the document it is taken,
// and from then on the hash will do, with GET as well.
func TestPersistedQuery_OnceSent_ItsHashWillDo(t *testing.T) {
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
		{"not taken with the wrong hash", "", persisted(hash(query)), `"PersistedQueryNotFound"`},
		{"both", query, persisted(hash(query)), `"playbook"`},
		{"hash", "", persisted(hash(query)), `"playbook"`},
		{"version 2", "", map[string]any{"persistedQuery": map[string]any{"version": 2, "sha256Hash": hash(query)}}, `"argument":"extensions.persistedQuery"`},
		{"no object", "", map[string]any{"persistedQuery": "x"}, `"argument":"extensions.persistedQuery"`},
		{"too long to keep", long, persisted(hash(long)), `"playbook"`},
		{"not kept", "", persisted(hash(long)), `"PERSISTED_QUERY_NOT_FOUND"`},
		{"neither", "", nil, `"argument":"query"`},
	} {
		body, err := json.Marshal(map[string]any{"query": step.query, "extensions": step.extensions})
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.Post(a.http.URL+"/graphql", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !strings.Contains(string(got), step.want) {
			t.Errorf("%s: %v\ngot  %s\nwant %s", step.name, err, got, step.want)
		}
	}

	extensions, err := json.Marshal(persisted(hash(query)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(a.http.URL + "/graphql?extensions=" + url.QueryEscape(string(extensions)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(got), `"playbook"`) {
		t.Errorf("GET: %v: %s", err, got)
	}
}
