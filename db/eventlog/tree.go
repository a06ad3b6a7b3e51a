package eventlog

import (
	"context"
	"fmt"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/rawrow"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Tree is what one statement reads of several levels: resources, versions of
// each, and events of each of these.
type Tree struct {
	Resources []*catalog.Resource
	// Versions has a list for each of Resources, newest first.
	Versions [][]*catalog.Version
	// Events has a list for each version, newest first, in the order of Versions.
	Events [][]*Event
}

// Branches says how much of a tree to read below each resource.
type Branches struct {
	// Versions and Events are how many, of each resource and of each version.
	Versions, Events int
	VersionColumns   catalog.Columns
	EventColumns     Columns
}

// ResourceTree reads up to limit resources of a range, in the order of their
// paths, with what is below them.
func (s *Store) ResourceTree(ctx context.Context, scopes []string, within catalog.Range, limit int, below Branches) (*Tree, error) {
	read := levels{versionColumns: below.VersionColumns, eventColumns: below.EventColumns}
	err := read.rows(s.memoryToUse(), s.database, func(queries *sqlc.Queries) error {
		_, err := queries.ResourceTree(ctx, sqlc.ResourceTreeParams{
			LowPath: within.LowPath, HighPath: within.HighPath, Scopes: scopes,
			PageSize: int32(limit), VersionPageSize: int32(below.Versions), EventPageSize: int32(below.Events),
			WithPayload: below.VersionColumns.Payload, WithContent: below.VersionColumns.Content, WithMeta: below.VersionColumns.Meta,
			WithEventPayload: below.EventColumns.Payload, WithEventMeta: below.EventColumns.Meta,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read resources and what is below them: %w", err)
	}
	return &Tree{
		Resources: read.resources,
		Versions:  rawrow.Cut(read.versions, read.versionParents, len(read.resources)),
		Events:    rawrow.Cut(read.events, read.eventParents, len(read.versions)),
	}, nil
}

// levels are the rows of a query of tree.sql, by their level.
type levels struct {
	versionColumns catalog.Columns
	eventColumns   Columns

	resources []*catalog.Resource
	versions  []*catalog.Version
	events    []*Event
	// The places of the rows that they belong to, from 0.
	versionParents, eventParents []int
}

// levelColumns are those of the queries of tree.sql.
var levelColumns = []string{
	"level", "parent", "event_id", "path", "type", "label", "revision",
	"name", "description", "content", "payload", "meta", "timestamp", "created_at",
}

func (l *levels) rows(memory *memory, database sqlc.DBTX, run func(*sqlc.Queries) error) error {
	return rawrow.Each(&memory.rows, database, levelColumns, run, func(row *rawrow.Row) {
		parent := int(row.Int32(1)) - 1
		switch row.Int32(0) {
		case 0:
			resource := memory.resources.Next()
			*resource = catalog.Resource{
				ResourcePath: row.Text(3), ResourceType: row.Text(4), LatestVersion: row.Text(5), LatestRevision: row.Int32(6),
				Name: row.OptionalText(7), Description: row.OptionalText(8), UpdatedAt: row.Time(12), CreatedAt: row.Time(13),
			}
			l.resources = append(l.resources, resource)
		case 1:
			version := memory.versions.Next()
			*version = catalog.Version{
				Path: row.Text(3), Type: row.Text(4), Label: row.Text(5), Revision: row.Int32(6),
				Source: row.Text(7), Location: row.OptionalText(8), Content: row.Text(9),
				Payload: row.JSON(10), Meta: row.JSON(11), Timestamp: row.Time(12), Columns: l.versionColumns,
			}
			l.versions, l.versionParents = append(l.versions, version), append(l.versionParents, parent)
		case 2:
			event := memory.events.Next()
			*event = Event{
				ID: row.Text(2), Type: row.Text(4), Payload: row.JSON(10), Meta: row.JSON(11), Timestamp: row.Time(12), Columns: l.eventColumns,
			}
			event.Path, event.Version = l.versions[parent].Path, l.versions[parent].Label
			l.events, l.eventParents = append(l.events, event), append(l.eventParents, parent)
		}
	})
}
