package model

import (
	"sync"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/graph/scalar"
)

// VersionDiff is the difference between two versions. It is computed when one of its
// fields is selected.
type VersionDiff struct {
	Base, Version *Version
	// before and after have payload and content.
	before, after *catalog.Version

	changes func() ([]catalog.Change, error)
}

// NewVersionDiff compares two versions that have their payload and content;
// base and before are nil where there is nothing to compare with.
func NewVersionDiff(base, version *Version, before, after *catalog.Version) *VersionDiff {
	return &VersionDiff{
		Base: base, Version: version, before: before, after: after,
		changes: sync.OnceValues(func() ([]catalog.Change, error) {
			var payload []byte
			if before != nil {
				payload = before.Payload
			}
			return catalog.DiffPayloads(payload, after.Payload)
		}),
	}
}

// Patch returns the difference as a JSON Patch.
func (d *VersionDiff) Patch() (scalar.JSON, error) {
	changes, err := d.changes()
	if err != nil {
		return nil, err
	}
	return catalog.PatchOf(changes), nil
}

// Changes returns the patch's operations.
func (d *VersionDiff) Changes() ([]*PayloadChange, error) {
	changes, err := d.changes()
	if err != nil {
		return nil, err
	}
	steps := make([]*PayloadChange, len(changes))
	for i, change := range changes {
		steps[i] = &PayloadChange{
			Kind: ChangeKind(change.Kind), Pointer: change.Pointer,
			Before: scalar.JSON(change.Before), After: scalar.JSON(change.After),
		}
	}
	return steps, nil
}

// Text returns a unified diff of the two as YAML.
func (d *VersionDiff) Text() (string, error) { return catalog.DiffTexts(d.before, d.after) }
