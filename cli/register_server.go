package cli

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/noetl/noetl-catalog/client"
	"github.com/noetl/noetl-catalog/db/fault"
)

// viaServer registers files through a running server.
type viaServer struct{ client *client.Client }

func newViaServer(server, token string) (*viaServer, error) {
	c, err := newClient(server, token)
	if err != nil {
		return nil, err
	}
	c.Silence = 2 * time.Minute
	return &viaServer{c}, nil
}

func (s *viaServer) close() { s.client.Close() }

const registerFiles = `mutation RegisterFiles($inputs: [RegisterResourceInput!]!, $from: Int, $createTypes: Boolean!) {
  registerResources(inputs: $inputs, atomic: false, asHistory: true, historyFrom: $from, createTypes: $createTypes) {
    results { registration { status version { revision } } error { code message argument line column } } createdTypes
  }
}`

func (s *viaServer) register(ctx context.Context, b batch) (results, error) {
	type object map[string]any
	inputs := make([]object, len(b.files))
	for i, f := range b.files {
		inputs[i] = object{
			"source": "file", "location": f.location, "dryRun": b.dryRun,
			"payload": object{"yaml": f.text}, "meta": f.metaOf([]byte(f.text)),
		}
	}
	var data struct {
		RegisterResources struct {
			Results []struct {
				Registration *struct {
					Status  string
					Version struct{ Revision int32 }
				}
				Error *fault.Error
			}
			CreatedTypes []string
		}
	}
	err := s.client.Do(ctx, registerFiles, object{"inputs": inputs, "from": b.from, "createTypes": b.createTypes}, &data)
	refused, isRefused := errors.AsType[*client.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return results{}, fmt.Errorf("no server answers at %s: start one with `noetl-catalog serve`, or name a database with --database-url", s.client.Endpoint)
	case isRefused:
		return results{}, fmt.Errorf("the server refused the request: %s", inOneLine(refused.Error()))
	case err != nil:
		return results{}, fmt.Errorf("ask the server: %w", err)
	}
	answered := data.RegisterResources
	registered := results{outcomes: make([]outcome, len(answered.Results)), createdTypes: answered.CreatedTypes}
	for i, result := range answered.Results {
		registered.outcomes[i].refusal = result.Error
		if r := result.Registration; r != nil {
			registered.outcomes[i] = outcome{status: r.Status, revision: r.Version.Revision}
		}
	}
	return registered, nil
}
