package fault

import (
	"cmp"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Refused returns the fault for a value that the database's own rules
// (refuse_value) refused, with the argument of its column. Only the database can
// check some values, such as the length of a number that jsonb writes out; for
// others, it catches what an earlier check missed.
func Refused(err error) (*Error, bool) {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	// PostgreSQL's own violations of constraints name no column.
	if !ok || failure.Code != "23514" || failure.ColumnName == "" {
		return nil, false
	}
	argument := map[string]string{
		"resource_path": "path", "resource_version": "version", "resource_location": "location", "event_id": "eventId",
	}[failure.ColumnName]
	return Input(cmp.Or(argument, failure.ColumnName), "%s", strings.TrimPrefix(failure.Message, failure.ColumnName+": ")), true
}
