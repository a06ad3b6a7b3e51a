package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/noetl/noetl-catalog/db"
)

// Migrate is the command `migrate`.
type Migrate struct {
	Reconcile   bool `help:"Also add to the event log the events that were inserted while triggers were off, by a restore or a replication, and repair what resources are found by. Reads all events and all latest versions."`
	RenewStream bool `help:"Also invalidate all existing cursors: after a return to an older backup, or for a copy of another catalog."`
}

// Run migrates a database and reports to stdout what changed.
func (m *Migrate) Run(ctx context.Context, databaseURL string, stdout io.Writer) (err error) {
	migrated, err := db.Migrate(ctx, databaseURL)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "schema version %d (was %d), %d partitions made\n", migrated.To, migrated.From, migrated.Partitions)
	for _, repair := range migrated.Repairs {
		fmt.Fprintf(stdout, "changed %s of %s %s from %s to %s, since the API could not show it (table migration_repair has all)\n",
			repair.ColumnName, repair.TableName, repair.Key, repair.OldValue, repair.NewValue)
	}
	if !m.Reconcile && !m.RenewStream {
		return nil
	}
	connection, err := db.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connection.Close(context.WithoutCancel(ctx))) }()
	if m.Reconcile {
		adopted, err := db.Reconcile(ctx, connection)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%d events taken into the log\n", adopted)
		repaired, indexed, err := db.ReconcileResources(ctx, connection)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%d resources repaired in the index that lists find them by\n", repaired)
		if !indexed {
			fmt.Fprintln(stdout, "the database does not have the extension pg_trgm: search works without it, and is slower")
		}
	}
	if m.RenewStream {
		if err := db.RenewStream(ctx, connection); err != nil {
			return err
		}
		fmt.Fprintln(stdout, "the stream is renewed: older cursors are refused with STREAM_CHANGED")
	}
	return nil
}
