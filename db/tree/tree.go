// Package tree reads rows of several levels in one statement: resources, their
// versions, and the events of the versions. It reads the tables of two stores in
// one statement, which saves a round trip for each level.
package tree

import (
	"context"
	"fmt"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Tree holds resources, versions of each, and events of each version.
type Tree struct {
	Resources []*catalog.Resource
	// Versions has a list for each of Resources, newest first.
	Versions [][]*catalog.Version
	// Events has a list for each version, newest first, in the order of Versions.
	Events [][]*eventlog.Event
}

// Branches limits how much of a tree to read below each resource.
type Branches struct {
	// Versions is the most versions of each resource, Events the most events of
	// each version.
	Versions, Events int
	VersionColumns   catalog.Columns
	EventColumns     eventlog.Columns
}

// Read reads up to limit resources of a range, in the order of their paths, with
// the levels below them.
func Read(ctx context.Context, reader *rows.Reader, scopes []string, within catalog.Range, limit int, below Branches) (*Tree, error) {
	read := levels{versionColumns: below.VersionColumns, eventColumns: below.EventColumns}
	err := reader.Each(rows.GenericPlan, levelColumns, func(queries *sqlc.Queries) error {
		_, err := queries.ResourceTree(ctx, sqlc.ResourceTreeParams{
			LowPath: within.LowPath, HighPath: within.HighPath, Scopes: scopes,
			PageSize: int32(limit), VersionPageSize: int32(below.Versions), EventPageSize: int32(below.Events),
			WithPayload: below.VersionColumns.Payload, WithContent: below.VersionColumns.Content, WithMeta: below.VersionColumns.Meta,
			WithEventPayload: below.EventColumns.Payload, WithEventMeta: below.EventColumns.Meta,
		})
		return err
	}, read.add)
	if err != nil {
		return nil, fmt.Errorf("read resources and the levels below them: %w", err)
	}
	return &Tree{
		Resources: read.resources,
		Versions:  rows.Cut(read.versions, read.versionParents, len(read.resources)),
		Events:    rows.Cut(read.events, read.eventParents, len(read.versions)),
	}, nil
}

// levels holds the rows of a query of tree.sql by level.
type levels struct {
	versionColumns catalog.Columns
	eventColumns   eventlog.Columns

	resources []*catalog.Resource
	versions  []*catalog.Version
	events    []*eventlog.Event
	// The index of the parent of each version and event.
	versionParents, eventParents []int
}

// levelColumns are the columns of the queries of tree.sql.
var levelColumns = []string{
	"level", "parent", "event_id", "path", "type", "label", "revision",
	"name", "description", "content", "payload", "meta", "timestamp", "created_at",
}

func (l *levels) add(row *rows.Row) {
	parent := int(row.Int32(1)) - 1
	switch row.Int32(0) {
	case 0:
		resource := rows.Next[catalog.Resource](row)
		*resource = catalog.Resource{
			ResourcePath: row.Text(3), ResourceType: row.Text(4), LatestVersion: row.Text(5), LatestRevision: row.Int32(6),
			Name: row.OptionalText(7), Description: row.OptionalText(8), UpdatedAt: row.Time(12), CreatedAt: row.Time(13),
		}
		l.resources = append(l.resources, resource)
	case 1:
		version := rows.Next[catalog.Version](row)
		*version = catalog.Version{
			Path: row.Text(3), Type: row.Text(4), Label: row.Text(5), Revision: row.Int32(6),
			Source: row.Text(7), Location: row.OptionalText(8), Content: row.Text(9),
			Payload: row.JSON(10), Meta: row.JSON(11), Timestamp: row.Time(12), Columns: l.versionColumns,
		}
		l.versions, l.versionParents = append(l.versions, version), append(l.versionParents, parent)
	case 2:
		event := rows.Next[eventlog.Event](row)
		*event = eventlog.Event{
			ID: row.Text(2), Type: row.Text(4), Payload: row.JSON(10), Meta: row.JSON(11), Timestamp: row.Time(12), Columns: l.eventColumns,
		}
		event.Path, event.Version = l.versions[parent].Path, l.versions[parent].Label
		l.events, l.eventParents = append(l.events, event), append(l.eventParents, parent)
	}
}
