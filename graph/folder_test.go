package graph_test

import "testing"

const folderFields = `{ path name resourceCount }`

func TestFolder_Tree_LevelByLevel(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for _, path := range []string{"alone", "etl/load", "etl/save", "etl/daily/one", "etl/daily/two", "ops/x"} {
		a.register(path, variables{"a": path})
	}
	a.register("etl/load", variables{"a": "another version"})
	a.wantData(`{"folder": {"path": "", "name": "", "resourceCount": 6,
		"folders": {"totalCount": 2, "nodes": [
			{"path": "etl/", "name": "etl", "resourceCount": 4, "folders": {"nodes": [{"path": "etl/daily/", "name": "daily", "resourceCount": 2}]},
				"resources": {"totalCount": 2, "nodes": [{"path": "etl/load"}, {"path": "etl/save"}]}},
			{"path": "ops/", "name": "ops", "resourceCount": 1, "folders": {"nodes": []}, "resources": {"totalCount": 1, "nodes": [{"path": "ops/x"}]}}]},
		"resources": {"totalCount": 1, "nodes": [{"path": "alone"}]}}}`,
		`{ folder { path name resourceCount
			folders { totalCount nodes { path name resourceCount folders { nodes `+folderFields+` } resources { totalCount nodes { path } } } }
			resources { totalCount nodes { path } } } }`, nil)
	a.wantData(`{"folder": null}`, `{ folder(path: "etl/none/") { path } }`, nil)
	a.wantData(`{"folder": {"path": "etl/daily/", "name": "daily", "resourceCount": 2}}`, `query($path: String!) { folder(path: $path) `+folderFields+` }`, variables{"path": "etl/daily/"})
	a.wantError("BAD_USER_INPUT", "path", `{ folder(path: "etl") { path } }`, nil)
	a.wantError("BAD_USER_INPUT", "path", `query($path: String!) { folder(path: $path) { path } }`, variables{"path": "etl"})
	a.wantError("BAD_USER_INPUT", "after", `{ folder { folders(after: "x") { nodes { path } } } }`, nil)
	a.wantError("BAD_USER_INPUT", "first", `{ folder { resources(first: 201) { nodes { path } } } }`, nil)
}

func TestFolder_Pages_EachItemOnce(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'f' || n || CASE m WHEN 0 THEN '' ELSE '/' || m END, 'task', '1', '{}' FROM generate_series(1, 7) n, generate_series(0, 2) m`)
	type page struct {
		TotalCount int
		PageInfo   struct {
			HasNextPage, HasPreviousPage bool
			EndCursor                    *string
		}
		Nodes []struct{ Path string }
	}
	for field, want := range map[string]string{"folders": "f1/f2/f3/f4/f5/f6/f7/", "resources": "f1f2f3f4f5f6f7"} {
		seen, after, pages := "", (*string)(nil), 0
		for {
			var answer struct{ Folder map[string]page }
			a.mustAsk(&answer, `query($after: String) { folder { `+field+`(first: 3, after: $after) { totalCount pageInfo { hasNextPage hasPreviousPage endCursor } nodes { path } } } }`, variables{"after": after})
			got := answer.Folder[field]
			for _, node := range got.Nodes {
				seen += node.Path
			}
			if pages++; got.TotalCount != 7 || got.PageInfo.HasPreviousPage != (pages > 1) || got.PageInfo.HasNextPage != (pages < 3) {
				t.Errorf("%s, page %d: %+v", field, pages, got)
			}
			if after = got.PageInfo.EndCursor; !got.PageInfo.HasNextPage {
				break
			}
		}
		if seen != want {
			t.Errorf("%s are %s", field, seen)
		}
	}
}
