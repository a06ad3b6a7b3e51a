package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/model"
)

// comparedColumns are what a comparison reads of a version.
var comparedColumns = catalog.Columns{Payload: true, Content: true}

// diffs compares versions with those before them, or with one of a label.
func (r *Resolver) diffs(ctx context.Context, versions []*model.Version, against *string) ([]*model.VersionDiff, error) {
	whole, err := r.whole(ctx, versions, comparedColumns)
	if err != nil {
		return nil, err
	}
	bases, err := r.bases(ctx, versions, against)
	if err != nil {
		return nil, err
	}
	diffs := make([]*model.VersionDiff, len(versions))
	var errs graphql.BatchErrorList
	for i, v := range versions {
		switch {
		case v == nil:
		case bases[i] != nil:
			diffs[i] = model.NewVersionDiff(bases[i], v, bases[i].Row, whole[i])
		case against == nil: // a first version
			diffs[i] = model.NewVersionDiff(nil, v, nil, whole[i])
		case *against == catalog.Latest: // what a dry run would make
			diffs[i] = model.NewVersionDiff(v, v, v.Row, whole[i])
		default:
			if errs == nil {
				errs = make(graphql.BatchErrorList, len(versions))
			}
			errs[i] = fault.New(fault.NotFound, "against", "%q has no version %q", v.Row.Path, *against)
		}
	}
	if diffs, err = r.sharedDiffs(ctx, diffs); err != nil {
		return nil, err
	}
	if errs != nil {
		return diffs, errs
	}
	return diffs, nil
}

// diffKey identifies a difference between stored versions.
type diffKey struct{ path, base, version string }

// sharedDiffs returns for each difference the first of the request between the same
// versions, so that each is computed once. gqlgen's executor has nothing to share them in.
func (r *Resolver) sharedDiffs(ctx context.Context, diffs []*model.VersionDiff) ([]*model.VersionDiff, error) {
	x := r.reads(ctx)
	if x.cache == nil {
		return diffs, nil
	}
	keyOf := func(d *model.VersionDiff) (diffKey, bool) {
		key := diffKey{path: d.Version.Row.Path, version: d.Version.Row.Label}
		if d.Base != nil {
			key.base = d.Base.Row.Label
		}
		return key, !d.Version.Draft
	}
	shared, err := byKey(ctx, x, "difference", diffs, keyOf, func(_ context.Context, keys []diffKey) ([]*model.VersionDiff, error) {
		found := make([]*model.VersionDiff, len(keys))
		for _, d := range diffs {
			if d == nil {
				continue
			}
			key, _ := keyOf(d)
			if at := slices.Index(keys, key); at >= 0 {
				found[at] = d
			}
		}
		return found, nil
	})
	if err != nil {
		return nil, err
	}
	for i, d := range diffs {
		if d != nil && d.Version.Draft {
			shared[i] = d
		}
	}
	return shared, nil
}

// bases returns the versions to compare with; nil where there is none.
func (r *Resolver) bases(ctx context.Context, versions []*model.Version, against *string) ([]*model.Version, error) {
	if against == nil {
		return r.neighbours(ctx, versions, -1, comparedColumns)
	}
	if err := checkWord("against", against); err != nil {
		return nil, err
	}
	x := r.reads(ctx)
	labels := make([]string, len(versions))
	for i := range labels {
		labels[i] = *against
	}
	if *against == catalog.Latest {
		heads, err := byKey(ctx, x, resourceName{}, versions, versionPath, r.readHeads)
		if err != nil {
			return nil, err
		}
		for i, head := range heads {
			labels[i] = ""
			if head != nil {
				labels[i] = head.Row.LatestVersion
			}
		}
	}
	keys := make([]*catalog.LabelKey, len(versions))
	for i, v := range versions {
		if v != nil && labels[i] != "" {
			keys[i] = &catalog.LabelKey{Path: v.Row.Path, Label: labels[i]}
		}
	}
	return byKey(ctx, x, versionName(comparedColumns), keys,
		func(key *catalog.LabelKey) (catalog.LabelKey, bool) { return *key, true }, r.versionsByLabel(comparedColumns))
}
