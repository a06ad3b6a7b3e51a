package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
)

// Record records the events of a file for serve --record: JSON objects with the fields of
// RecordEventInput. Each needs an eventId, so that recording the file again adds nothing,
// and ago instead of timestamp, so that the events are recent in a new database.
type Record struct {
	File string
}

// recordedEvent is an event in a file.
type recordedEvent struct {
	EventID string          `json:"eventId"`
	Ago     string          `json:"ago"`
	Type    string          `json:"type"`
	Path    string          `json:"path"`
	Version *string         `json:"version"`
	Payload json.RawMessage `json:"payload"`
	Meta    json.RawMessage `json:"meta"`
}

// Run records all events or none, and prints how many are new.
func (r *Record) Run(ctx context.Context, store *eventlog.Store, stdout io.Writer) error {
	records, err := r.read(time.Now())
	if err != nil {
		return err
	}
	// The operator who starts the server may write to every path.
	recorded, err := store.Record(ctx, []string{""}, records, catalog.DefaultLimits())
	if err != nil {
		return fmt.Errorf("record the events of %s: %w", r.File, err)
	}
	added := 0
	for _, event := range recorded {
		if !event.Duplicate {
			added++
		}
	}
	_, err = fmt.Fprintf(stdout, "%6d  events recorded, of %d\n", added, len(recorded))
	return err
}

func (r *Record) read(now time.Time) ([]eventlog.Record, error) {
	file, err := os.Open(r.File)
	if err != nil {
		return nil, fmt.Errorf("read the events: %w", err)
	}
	defer func() { _ = file.Close() }()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	var records []eventlog.Record
	for {
		var e recordedEvent
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		where := fmt.Sprintf("event %d of %s", len(records)+1, r.File)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", where, err)
		}
		ago, err := parseDuration(e.Ago)
		switch {
		case e.EventID == "":
			return nil, fmt.Errorf("%s has no eventId", where)
		case err != nil:
			return nil, fmt.Errorf("%s: ago %q is not a duration like 90m or 7d", where, e.Ago)
		}
		at := now.Add(-ago).UTC().Truncate(time.Microsecond)
		records = append(records, eventlog.Record{ID: &e.EventID, Type: e.Type, Path: e.Path, Version: e.Version, Payload: e.Payload, Meta: e.Meta, Timestamp: &at})
	}
}
