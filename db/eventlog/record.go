package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/jsontext"
	"github.com/noetl/noetl-catalog/sqlc"
)

// MaxRecords is how many events one call records.
const MaxRecords = 10_000

// maxAhead is how far in the future a timestamp may be: partitions exist that
// far ahead (docs/event-log.md), and a clock that is off by more is a mistake.
const maxAhead = 24 * time.Hour

// Record is a request to record an event.
type Record struct {
	// ID may be nil: a new UUIDv7.
	ID   *string
	Type string
	Path string
	// Version may be nil, or catalog.Latest: the latest.
	Version *string
	// Payload and Meta are JSON, or nil for none.
	Payload, Meta []byte
	// Timestamp may be nil: now.
	Timestamp *time.Time
}

// Recorded is an event as it is stored.
type Recorded struct {
	Event *Event
	// Duplicate reports that the same event had been recorded before.
	Duplicate bool
}

// Record records events in one statement and one transaction: all of them or
// none. A fault of any is returned as a fault.List whose arguments begin with
// "inputs[i]". A repeated ID with the same type, path, version, payload and
// meta is a duplicate and writes nothing; with other content it is a CONFLICT.
func (s *Store) Record(ctx context.Context, scopes []string, records []Record, limits catalog.Limits) ([]Recorded, error) {
	if len(records) > MaxRecords {
		return nil, fault.Input("inputs", "%d events are more than the %d that one call takes", len(records), MaxRecords)
	}
	if len(records) == 0 {
		return []Recorded{}, nil
	}
	if scopes == nil {
		scopes = []string{}
	}
	params := sqlc.RecordEventsParams{Scopes: scopes, OpenTypes: s.OpenTypes, MaxTypes: catalog.MaxTypes}
	var faults fault.List
	blame := func(i int, problem *fault.Error) {
		faults = append(faults, problem.Under(fmt.Sprintf("inputs[%d]", i)))
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i, record := range records {
		if err := record.check(limits, now); err != nil {
			problem, ok := fault.As(err)
			if !ok {
				return nil, fmt.Errorf("check event: %w", err)
			}
			blame(i, problem)
			continue
		}
		id, at, version := "", now, ""
		if record.ID != nil {
			id = *record.ID
		} else {
			id = uuid.Must(uuid.NewV7()).String()
		}
		if record.Version != nil && *record.Version != catalog.Latest {
			version = *record.Version
		}
		if record.Timestamp != nil {
			at = *record.Timestamp
		}
		params.EventIds = append(params.EventIds, id)
		params.Types = append(params.Types, record.Type)
		params.Paths = append(params.Paths, record.Path)
		params.Versions = append(params.Versions, version)
		params.Payloads = append(params.Payloads, noNull(record.Payload))
		params.Metas = append(params.Metas, noNull(record.Meta))
		params.Timestamps = append(params.Timestamps, at)
	}
	if len(faults) > 0 {
		return nil, faults
	}

	mended := false
	rows, err := catalog.WithPartition(ctx, s.queries, func() ([]sqlc.RecordEventsRow, error) {
		rows, err := s.recordOrFind(ctx, params)
		if err == nil && !mended {
			mended, err = true, s.unlessDetached(ctx, rows, params)
		}
		return rows, err
	})
	if errors.Is(err, catalog.ErrNoPartition) {
		for i, record := range records {
			if record.Timestamp != nil && record.Timestamp.Before(now.AddDate(0, 0, 1-now.Day()).Truncate(24*time.Hour)) {
				blame(i, fault.Input("timestamp", "lies in a month whose events are no longer kept"))
				return nil, faults
			}
		}
		return nil, fault.New(fault.Unavailable, "", "the events of this month cannot be stored at the moment")
	}
	if err != nil {
		return nil, fmt.Errorf("record events: %w", err)
	}
	recorded := make([]Recorded, len(rows))
	for i, row := range rows {
		if row.Problem != "" {
			blame(i, problemOf(row.Problem, params, i))
		}
		recorded[i] = Recorded{Duplicate: row.Duplicate, Event: &Event{
			ID: params.EventIds[i], Type: params.Types[i], Path: params.Paths[i], Version: row.Version,
			Timestamp: row.Timestamp,
		}}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return recorded, nil
}

// recordOrFind repeats the statement if another caller has just recorded one of the
// same ids, or waited for this one: the next try sees what the other committed.
func (s *Store) recordOrFind(ctx context.Context, params sqlc.RecordEventsParams) ([]sqlc.RecordEventsRow, error) {
	const tries = 5
	record := s.recordNew
	if len(params.EventIds) == 1 {
		record = s.recordOne
	}
	rows, err := record(ctx, params)
	if rows != nil || err != nil {
		return rows, err
	}
	for try := 1; ; try++ {
		rows, err := s.queries.RecordEvents(ctx, params)
		var failure *pgconn.PgError
		if err == nil || try == tries || !errors.As(err, &failure) {
			return rows, err
		}
		// The key of event_identity, or that of the partition if the timestamp is
		// the same too.
		raced := failure.Code == "23505" && strings.HasPrefix(failure.TableName, "event_")
		// Others have added the last types that are allowed.
		raced = raced || failure.ConstraintName == catalog.TypeLimit
		if deadlocked := failure.Code == "40P01"; !raced && !deadlocked {
			return nil, err
		}
	}
}

// unlessDetached returns ErrDetached if an event that is said to differ from the recorded
// one could not be compared with it, since it is in a detached partition.
func (s *Store) unlessDetached(ctx context.Context, rows []sqlc.RecordEventsRow, params sqlc.RecordEventsParams) error {
	var ids []string
	for i, row := range rows {
		if row.Problem == "CONFLICT" && !slices.Contains(ids, params.EventIds[i]) {
			ids = append(ids, params.EventIds[i])
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := s.queries.EventsByID(ctx, sqlc.EventsByIDParams{EventIds: ids, Scopes: []string{""}})
	if err == nil && len(found) < len(ids) {
		err = catalog.ErrDetached
	}
	return err
}

// recordNew records new and valid events. It returns nil for any other; RecordEvents
// then reports the problem.
func (s *Store) recordNew(ctx context.Context, params sqlc.RecordEventsParams) ([]sqlc.RecordEventsRow, error) {
	found, err := s.queries.RecordNewEvents(ctx, sqlc.RecordNewEventsParams{
		EventIds: params.EventIds, Types: params.Types, Paths: params.Paths, Versions: params.Versions,
		Payloads: params.Payloads, Metas: params.Metas, Timestamps: params.Timestamps, Scopes: params.Scopes,
	})
	if err != nil {
		return nil, unlessReported(err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	rows := make([]sqlc.RecordEventsRow, len(found))
	for i, row := range found {
		if row.EventID != params.EventIds[i] { // SQL allows any order; PostgreSQL keeps the input's
			i = slices.Index(params.EventIds, row.EventID)
		}
		rows[i] = sqlc.RecordEventsRow{Ordinal: int32(i + 1), Version: row.ResourceVersion, Timestamp: row.Timestamp}
	}
	return rows, nil
}

// unlessReported is nil for a violated constraint and a lost deadlock, which
// RecordEvents reports better.
func unlessReported(err error) error {
	var failure *pgconn.PgError
	if errors.As(err, &failure) && (strings.HasPrefix(failure.Code, "23") || failure.Code == "40P01") {
		return nil
	}
	return err
}

// recordOne is recordNew for one event.
func (s *Store) recordOne(ctx context.Context, params sqlc.RecordEventsParams) ([]sqlc.RecordEventsRow, error) {
	row, err := s.queries.RecordEvent(ctx, sqlc.RecordEventParams{
		EventID: params.EventIds[0], Type: params.Types[0], Path: params.Paths[0], Version: params.Versions[0],
		Payload: params.Payloads[0], Meta: params.Metas[0], Timestamp: params.Timestamps[0], Scopes: params.Scopes,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, unlessReported(err)
	}
	return []sqlc.RecordEventsRow{{Ordinal: 1, Version: row.ResourceVersion, Timestamp: row.Timestamp}}, nil
}

func (r *Record) check(limits catalog.Limits, now time.Time) error {
	if r.ID != nil {
		if err := catalog.CheckEventID("eventId", *r.ID); err != nil {
			return err
		}
	}
	if err := catalog.CheckTypeName("type", r.Type); err != nil {
		return err
	}
	if err := catalog.CheckPath("path", r.Path); err != nil {
		return err
	}
	if r.Version != nil && *r.Version != catalog.Latest {
		if err := catalog.CheckLabel("version", *r.Version); err != nil {
			return err
		}
	}
	if r.Payload != nil {
		if err := jsontext.Check("payload", r.Payload, limits); err != nil {
			return err
		}
	}
	if r.Meta != nil {
		if err := jsontext.Check("meta", r.Meta, limits); err != nil {
			return err
		}
		if err := checkKeys(r.Meta); err != nil {
			return err
		}
	}
	if r.Timestamp != nil && r.Timestamp.After(now.Add(maxAhead)) {
		return fault.Input("timestamp", "lies more than a day ahead")
	}
	return nil
}

// checkKeys checks the texts of meta that are indexed, as meta_problem does in the
// database.
func checkKeys(meta []byte) error {
	keys := [...]string{"execution_id", "parent_execution_id", "node_name"}
	var texts [len(keys)]*string
	jsontext.EachText(meta, func(key string, text *string) {
		if i := slices.Index(keys[:], key); i >= 0 {
			texts[i] = text
		}
	})
	for i, text := range texts {
		if text != nil && len(*text) > maxKey {
			return fault.Input("meta", "%s is %d bytes long; %d are allowed", keys[i], len(*text), maxKey)
		}
	}
	return nil
}

// noNull returns nil for JSON null.
func noNull(json []byte) []byte {
	if bytes.Equal(bytes.TrimSpace(json), []byte("null")) {
		return nil
	}
	return json
}

func problemOf(problem string, params sqlc.RecordEventsParams, i int) *fault.Error {
	switch problem {
	case "FORBIDDEN":
		return fault.New(fault.Forbidden, "path", "this path is outside what you may write")
	case "UNKNOWN_TYPE":
		return fault.Input("type", "unknown event type %q; saveEventType adds one", params.Types[i])
	case "TOO_MANY_TYPES":
		return fault.Input("type", "unknown event type %q, and no more than %d can be known", params.Types[i], catalog.MaxTypes)
	case "UNKNOWN_PATH":
		return fault.New(fault.NotFound, "path", "no resource is registered at %q", params.Paths[i])
	case "UNKNOWN_VERSION":
		return fault.New(fault.NotFound, "version", "%q has no version %q", params.Paths[i], params.Versions[i])
	case "TOO_FAR_AHEAD":
		return fault.Input("timestamp", "lies more than a day ahead of the database's clock")
	}
	if about, ok := strings.CutPrefix(problem, "META "); ok {
		return fault.Input("meta", "%s", about)
	}
	return fault.New(fault.Conflict, "eventId", "an event %q with another content is recorded already", params.EventIds[i])
}
