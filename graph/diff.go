package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
)

// comparedColumns are what a comparison reads of a version.
var comparedColumns = catalog.Columns{Payload: true, Content: true}

// previousToCompare is the version before this one; nil for a first version.
func (r *Resolver) previousToCompare(ctx context.Context, v *model.Version) (*model.Version, error) {
	keyOf := func(v *model.Version) catalog.RevisionKey {
		return catalog.RevisionKey{Path: v.Row.Path, Revision: v.Row.Revision - 1}
	}
	return loader.Load(ctx, loader.From(ctx), loader.Field{Name: "Version.diff", Group: v.Siblings},
		keysOf(v.Siblings, keyOf), keyOf(v),
		func(ctx context.Context, keys []catalog.RevisionKey) ([]*model.Version, error) {
			rows, err := r.catalog.VersionsByRevision(ctx, auth.Scopes(ctx), keys, comparedColumns)
			return model.NewVersions(rows), err
		})
}

// labelToCompare is another version of the same resource.
func (r *Resolver) labelToCompare(ctx context.Context, v *model.Version, label string) (*model.Version, error) {
	if err := checkWord("against", &label); err != nil {
		return nil, err
	}
	if label == catalog.Latest {
		return r.latestToCompare(ctx, v)
	}
	keyOf := func(v *model.Version) catalog.LabelKey {
		return catalog.LabelKey{Path: v.Row.Path, Label: label}
	}
	base, err := loader.Load(ctx, loader.From(ctx), loader.Field{Name: "Version.diff", Group: v.Siblings, Arguments: label},
		keysOf(v.Siblings, keyOf), keyOf(v), r.versionsByLabel(comparedColumns))
	if err == nil && base == nil {
		return nil, fault.New(fault.NotFound, "against", "%q has no version %q", v.Row.Path, label)
	}
	return base, err
}

// latestToCompare is the latest version of the same resource: v itself where a
// dry run would make the first.
func (r *Resolver) latestToCompare(ctx context.Context, v *model.Version) (*model.Version, error) {
	latest, err := loader.Load(ctx, loader.From(ctx), loader.Field{Name: "Version.diff", Group: v.Siblings, Arguments: catalog.Latest},
		keysOf(v.Siblings, versionPath), v.Row.Path,
		func(ctx context.Context, paths []string) ([]*model.Version, error) {
			heads, err := r.catalog.ResourcesByPath(ctx, auth.Scopes(ctx), paths)
			if err != nil {
				return nil, err
			}
			keys := make([]catalog.LabelKey, len(paths))
			for i, head := range heads {
				if head != nil {
					keys[i] = catalog.LabelKey{Path: paths[i], Label: head.LatestVersion}
				}
			}
			rows, err := r.catalog.VersionsByLabel(ctx, auth.Scopes(ctx), keys, comparedColumns)
			return model.NewVersions(rows), err
		})
	if err == nil && latest == nil {
		return v, nil
	}
	return latest, err
}
