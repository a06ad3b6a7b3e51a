package graph

import (
	"slices"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/model"
)

func registrationOf(input *model.RegisterResourceInput) catalog.Registration {
	registration := catalog.Registration{
		Path: input.Path, Type: input.Type, Version: input.Version,
		Source: value(input.Source), Location: value(input.Location), Meta: input.Meta,
	}
	if input.Payload != nil {
		registration.JSON, registration.YAML = input.Payload.JSON, input.Payload.Yaml
	}
	return registration
}

// registrations converts results to models.
func registrations(results []catalog.RegistrationResult) []*model.RegisterResourceResult {
	versions := make([]*catalog.Version, len(results))
	events := make([]*eventlog.Event, len(results))
	for i, result := range results {
		versions[i] = result.Version
		if result.EventID != "" {
			events[i] = &eventlog.Event{
				ID: result.EventID, Type: string(result.Status), Path: result.Version.Path,
				Version: result.Version.Label, Timestamp: result.EventTime,
			}
		}
	}
	wrapped := make([]*model.RegisterResourceResult, len(results))
	versionModels, eventModels := model.NewVersions(versions), model.NewEvents(events)
	for i, result := range results {
		if result.Fault != nil {
			wrapped[i] = &model.RegisterResourceResult{Error: inputError(result.Fault)}
			continue
		}
		versionModels[i].Draft = result.Draft
		wrapped[i] = &model.RegisterResourceResult{Registration: &model.RegisterResourcePayload{
			Status: model.RegistrationStatus(result.Status), Version: versionModels[i], Event: eventModels[i],
		}}
	}
	return wrapped
}

func createdTypes(results []catalog.RegistrationResult) []string {
	created := []string{}
	for _, result := range results {
		if result.TypeCreated {
			created = append(created, result.Version.Type)
		}
	}
	slices.Sort(created)
	return created
}

func inputError(f *fault.Error) *model.InputError {
	inputError := &model.InputError{Code: string(f.Code), Message: f.Message}
	if f.Argument != "" {
		inputError.Argument = &f.Argument
	}
	if f.Line > 0 {
		inputError.Line, inputError.Column = &f.Line, &f.Column
	}
	return inputError
}
