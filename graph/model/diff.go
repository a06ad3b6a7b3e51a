package model

import (
	"context"
	"sync"
	"time"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/scalar"
)

// VersionDiff is the difference between two versions. It is computed once, when one
// of its fields is selected, at the expense of the request.
type VersionDiff struct {
	Base, Version *Version
	// before and after have payload and content.
	before, after *catalog.Version

	mu      sync.Mutex
	changes *[]catalog.Change
	text    *string
	patch   scalar.JSON
}

// NewVersionDiff compares two versions that have their payload and content;
// base and before are nil where there is nothing to compare with.
func NewVersionDiff(base, version *Version, before, after *catalog.Version) *VersionDiff {
	return &VersionDiff{Base: base, Version: version, before: before, after: after}
}

// Patch returns the difference as a JSON Patch.
func (d *VersionDiff) Patch(ctx context.Context) (scalar.JSON, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	changes, err := d.compared(ctx)
	if err != nil || d.patch != nil {
		return d.patch, err
	}
	patch := catalog.PatchOf(changes)
	if err := admission.Of(ctx).Hold(len(patch)); err != nil {
		return nil, err
	}
	d.patch = patch
	return patch, nil
}

// Changes returns the patch's operations.
func (d *VersionDiff) Changes(ctx context.Context) ([]*PayloadChange, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	changes, err := d.compared(ctx)
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

// compared returns the changes of the payload. mu is held.
func (d *VersionDiff) compared(ctx context.Context) ([]catalog.Change, error) {
	if d.changes != nil {
		return *d.changes, nil
	}
	var payload []byte
	if d.before != nil {
		payload = d.before.Payload
	}
	if err := spend(ctx, catalog.PayloadsTime(payload, d.after.Payload)); err != nil {
		return nil, err
	}
	changes, err := catalog.DiffPayloads(payload, d.after.Payload)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, change := range changes {
		size += changeSize + len(change.Pointer) + len(change.Before) + len(change.After)
	}
	if err := admission.Of(ctx).Hold(size); err != nil {
		return nil, err
	}
	d.changes = &changes
	return changes, nil
}

// changeSize is the bytes of a change without its values.
const changeSize = 256

// Text returns a unified diff of the two as YAML.
func (d *VersionDiff) Text(ctx context.Context) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.text != nil {
		return *d.text, nil
	}
	if err := spend(ctx, catalog.TextsTime(d.before, d.after)); err != nil {
		return "", err
	}
	text, err := catalog.DiffTexts(d.before, d.after)
	if err != nil {
		return "", err
	}
	if err := admission.Of(ctx).Hold(len(text)); err != nil {
		return "", err
	}
	d.text = &text
	return text, nil
}

// spend charges the request for a computation, unless the request has ended.
func spend(ctx context.Context, expected time.Duration) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return admission.Of(ctx).Spend(expected)
}
