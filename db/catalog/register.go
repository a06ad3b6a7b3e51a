package catalog

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/db/catalog/yaml"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/jsontext"
	"github.com/noetl/noetl-catalog/sqlc"
)

// MaxRegistrations is how many registrations one call takes.
const MaxRegistrations = 1000

// Registration is a request to register a payload under a path.
type Registration struct {
	// Path and Type may be nil for YAML that names them itself.
	Path *string
	Type *string
	// Version is the requested label; nil for the next one.
	Version *string
	// Source is 'inline' if it is empty.
	Source   string
	Location string
	// Exactly one of JSON and YAML is given.
	JSON []byte
	YAML *string
	// Meta is JSON, or nil for none.
	Meta []byte
}

// Status is the outcome of a registration.
type Status string

// The outcomes of a registration: a new resource, a new version of one, or the
// latest version again.
const (
	Registered Status = "REGISTERED"
	Updated    Status = "UPDATED"
	Unchanged  Status = "UNCHANGED"
)

// RegistrationResult is a version and its event, or the fault that prevented
// them. A dry run has no event.
type RegistrationResult struct {
	Status  Status
	Version *Version
	// Draft: the version is not stored; a dry run would make it.
	Draft bool
	// EventID and EventTime are empty for a dry run.
	EventID   string
	EventTime time.Time
	// TypeCreated: the version's type was unknown before.
	TypeCreated bool
	Fault       *fault.Error
}

// RegisterOptions say how to treat the registrations of one call.
type RegisterOptions struct {
	// Atomic: all of them or none. Else each that can be.
	Atomic bool
	// DryRun reports what would happen and writes nothing.
	DryRun bool
	// AsHistory: the registrations of one path, where there are several, are its
	// history, oldest first. One whose content stands there already, in a
	// version at or after that of the one before, is UNCHANGED and names the
	// earliest such version; from the first that does not, each is compared with
	// the latest version as ever. So the same registrations never add a version
	// twice, whatever else has been registered in between. A path's only
	// registration is compared with the latest version alone. In both cases Meta
	// is not compared: it is kept of the version that is added.
	AsHistory bool
	// HistoryFrom, with AsHistory, is the highest revision among the results of a
	// call before this one, where one call does not take a whole history.
	HistoryFrom *int32
	// CreateTypes adds unknown types instead of refusing them.
	CreateTypes bool
	Limits      Limits
}

// Register registers payloads in one statement and one transaction. With
// Atomic, a fault of any is returned as a fault.List whose arguments begin
// with "inputs[i]", and nothing is written; without, each result has its own.
func (s *Store) Register(ctx context.Context, scopes []string, registrations []Registration, options RegisterOptions) ([]RegistrationResult, error) {
	if len(registrations) > MaxRegistrations {
		return nil, fault.Input("inputs", "%d registrations are more than the %d that one call takes",
			len(registrations), MaxRegistrations)
	}
	if from := options.HistoryFrom; from != nil && (!options.AsHistory || *from < 0) {
		return nil, fault.Input("historyFrom", "is a revision of a history, with asHistory: true")
	}
	if scopes == nil {
		scopes = []string{}
	}
	results := make([]RegistrationResult, len(registrations))
	params := sqlc.RegisterParams{
		Scopes: scopes, Atomic: options.Atomic, DryRun: options.DryRun,
		AsHistory: options.AsHistory, HistoryFrom: options.HistoryFrom,
	}
	if options.CreateTypes {
		params.MaxTypes = MaxTypes
	}
	sent := make([]int, 0, len(registrations)) // the inputs that passed the checks here
	var faults fault.List
	refuse := func(i int, problem *fault.Error) {
		results[i].Fault = problem
		faults = append(faults, problem.Under(fmt.Sprintf("inputs[%d]", i)))
	}
	for i := range registrations {
		if err := registrations[i].appendTo(&params, options); err == nil {
			sent = append(sent, i)
		} else if problem, ok := fault.As(err); ok {
			refuse(i, problem)
		} else {
			return nil, fmt.Errorf("check registration: %w", err)
		}
	}
	if options.Atomic && len(faults) > 0 {
		return nil, faults
	}
	if len(sent) == 0 {
		return results, nil
	}

	raw, err := s.registerOrRetry(ctx, params)
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	var answers []struct {
		Status    Status     `json:"status"`
		EventID   string     `json:"event_id"`
		EventTime time.Time  `json:"event_timestamp"`
		Type      string     `json:"type"`
		NewType   bool       `json:"type_created"`
		Version   string     `json:"version"`
		Revision  int32      `json:"revision"`
		Source    string     `json:"source"`
		Location  *string    `json:"location"`
		Timestamp time.Time  `json:"timestamp"`
		Code      fault.Code `json:"code"`
		Argument  string     `json:"argument"`
		Message   string     `json:"message"`
	}
	if err := json.Unmarshal(raw, &answers); err != nil {
		return nil, fmt.Errorf("read what catalog_register answered: %w", err)
	}
	if len(answers) != len(sent) {
		return nil, fmt.Errorf("catalog_register answered %d of %d registrations", len(answers), len(sent))
	}
	drafts := map[LabelKey]*Version{}
	for n, answer := range answers {
		i := sent[n]
		if answer.Code != "" {
			refuse(i, fault.New(answer.Code, answer.Argument, "%s", answer.Message))
			continue
		}
		version := &Version{
			Path: params.Paths[n], Type: answer.Type, Label: answer.Version, Revision: answer.Revision,
			Source: answer.Source, Location: answer.Location, Timestamp: answer.Timestamp,
		}
		results[i] = RegistrationResult{Status: answer.Status, Version: version, TypeCreated: answer.NewType}
		if !options.DryRun {
			results[i].EventID, results[i].EventTime = answer.EventID, answer.EventTime
			continue
		}
		key := LabelKey{Path: version.Path, Label: version.Label}
		if answer.Status != Unchanged {
			version.Payload, version.Content, version.Meta = params.Payloads[n], params.Contents[n], params.Metas[n]
			version.Columns = Columns{Payload: true, Content: true, Meta: true}
			drafts[key] = version
		}
		// UNCHANGED may name a version that the same dry run would make.
		if draft := drafts[key]; draft != nil {
			results[i].Version, results[i].Draft = draft, true
		}
	}
	if options.Atomic && len(faults) > 0 {
		return nil, faults
	}
	return results, nil
}

// registerOrRetry runs the statement again if it lost a deadlock, which only
// writers in plain SQL that name several paths at once can cause, or if others have
// added the last types that there can be: the next run reports which inputs are
// refused. A failed statement has written nothing.
func (s *Store) registerOrRetry(ctx context.Context, params sqlc.RegisterParams) ([]byte, error) {
	const tries = 3
	for try := 1; ; try++ {
		raw, err := WithPartition(ctx, s.queries, func() ([]byte, error) { return s.queries.Register(ctx, params) })
		failure, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || try == tries || failure.Code != "40P01" && failure.ConstraintName != TypeLimit {
			return raw, err
		}
	}
}

// appendTo checks a registration and adds it to the parameters of the statement.
func (r *Registration) appendTo(params *sqlc.RegisterParams, options RegisterOptions) error {
	limits := options.Limits
	var path, kind, label, content string
	var payload []byte
	switch {
	case (r.JSON == nil) == (r.YAML == nil):
		return fault.Input("payload", "give exactly one of json and yaml")
	case r.YAML != nil:
		document, err := yaml.Parse("payload.yaml", *r.YAML, limits)
		if err != nil {
			return err
		}
		if isNull(document.JSON) {
			return fault.At("payload.yaml", 1, 1, "must not be empty: it holds nothing but null")
		}
		payload, content, path, kind = document.JSON, *r.YAML, document.Path, document.Kind
	default:
		if err := jsontext.Check("payload.json", r.JSON, limits); err != nil {
			return err
		}
		if isNull(r.JSON) {
			return fault.Input("payload.json", "must not be null")
		}
		payload = r.JSON
	}
	switch {
	case r.Path != nil:
		path = *r.Path
	case path == "" && r.YAML != nil:
		return fault.Input("path", "is needed: the document has neither metadata.path nor path")
	case path == "":
		return fault.Input("path", "is needed with a JSON payload")
	}
	switch {
	case r.Type != nil:
		kind = *r.Type
	case kind == "" && r.YAML != nil:
		return fault.Input("type", "is needed: the document has no kind")
	case kind == "":
		return fault.Input("type", "is needed with a JSON payload")
	}
	if err := CheckPath("path", path); err != nil {
		return err
	}
	if r.Version != nil {
		label = *r.Version
		if err := CheckLabel("version", label); err != nil {
			return err
		}
	}
	source := cmp.Or(r.Source, "inline")
	err := cmp.Or(
		CheckText("source", source, 128),
		CheckText("location", r.Location, 4096),
		CheckText("type", kind, maxTypeNameBytes),
	)
	if err == nil && options.CreateTypes {
		err = CheckTypeName("type", kind)
	}
	meta := r.Meta
	if isNull(meta) {
		meta = nil
	}
	if err == nil && meta != nil {
		err = jsontext.Check("meta", meta, limits)
	}
	if err != nil {
		return err
	}
	eventID, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make event id: %w", err)
	}
	params.Paths = append(params.Paths, path)
	params.Types = append(params.Types, kind)
	params.FoldTypes = append(params.FoldTypes, r.YAML != nil && r.Type == nil)
	params.Versions = append(params.Versions, label)
	params.Sources = append(params.Sources, source)
	params.Locations = append(params.Locations, r.Location)
	params.Payloads = append(params.Payloads, payload)
	params.Contents = append(params.Contents, content)
	params.Metas = append(params.Metas, meta)
	params.EventIds = append(params.EventIds, eventID.String())
	return nil
}

func isNull(json []byte) bool { return bytes.Equal(bytes.TrimSpace(json), []byte("null")) }
