package fault

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Refused is the fault that the database's own rules for values (refuse_value)
// found in a statement, about the argument that its column comes from. It is for
// what only the database can tell, such as the length of a number that jsonb
// writes out, and for what a check ahead of it has missed.
func Refused(err error) (*Error, bool) {
	var failure *pgconn.PgError
	// PostgreSQL's own violations of constraints name no column.
	if !errors.As(err, &failure) || failure.Code != "23514" || failure.ColumnName == "" {
		return nil, false
	}
	argument := failure.ColumnName
	switch argument {
	case "resource_path":
		argument = "path"
	case "resource_version":
		argument = "version"
	case "resource_location":
		argument = "location"
	case "event_id":
		argument = "eventId"
	}
	return Input(argument, "%s", strings.TrimPrefix(failure.Message, failure.ColumnName+": ")), true
}
