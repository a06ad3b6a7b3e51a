package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// remote registers through a running server.
type remote struct {
	endpoint, token string
	client          *http.Client
}

func newRemote(server, token string) (*remote, error) {
	parsed, err := url.Parse(server)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return nil, fmt.Errorf("--server %q is not an http or https URL", server)
	}
	return &remote{
		endpoint: strings.TrimSuffix(server, "/") + "/graphql", token: token,
		client: &http.Client{Timeout: 2 * time.Minute},
	}, nil
}

func (r *remote) close() { r.client.CloseIdleConnections() }

const registerFiles = `mutation RegisterFiles($inputs: [RegisterResourceInput!]!, $from: Int, $createTypes: Boolean!) {
  registerResources(inputs: $inputs, atomic: false, asHistory: true, historyFrom: $from, createTypes: $createTypes) {
    results { registration { status version { revision } } error { code message argument line column } } createdTypes
  }
}`

type remoteAnswer struct {
	Data *struct {
		RegisterResources struct {
			Results []struct {
				Registration *struct {
					Status  string
					Version struct{ Revision int32 }
				}
				Error *struct {
					Code, Message, Argument string
					Line, Column            int
				}
			}
			CreatedTypes []string
		}
	}
	Errors []struct {
		Message    string
		Extensions struct{ Code string }
	}
}

func (r *remote) register(ctx context.Context, asked batch) (answer, error) {
	type object map[string]any
	inputs := make([]object, len(asked.files))
	for i, f := range asked.files {
		inputs[i] = object{
			"source": "file", "location": f.location, "dryRun": asked.dryRun,
			"payload": object{"yaml": f.text}, "meta": f.metaOf([]byte(f.text)),
		}
	}
	variables := object{"inputs": inputs, "from": asked.from, "createTypes": asked.createTypes}
	told, err := r.ask(ctx, object{"query": registerFiles, "variables": variables})
	if err != nil {
		return answer{}, err
	}
	answered := answer{
		outcomes:     make([]outcome, len(told.Data.RegisterResources.Results)),
		createdTypes: told.Data.RegisterResources.CreatedTypes,
	}
	for i, result := range told.Data.RegisterResources.Results {
		switch {
		case result.Registration != nil:
			answered.outcomes[i] = outcome{status: result.Registration.Status, revision: result.Registration.Version.Revision}
		case result.Error != nil:
			answered.outcomes[i].refusal = &refusal{
				code: result.Error.Code, argument: result.Error.Argument, message: result.Error.Message,
				line: result.Error.Line, column: result.Error.Column,
			}
		}
	}
	return answered, nil
}

func (r *remote) ask(ctx context.Context, body any) (*remoteAnswer, error) {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.endpoint, &encoded)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/graphql-response+json, application/json;q=0.9")
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	response, err := r.client.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("no server answers at %s: start one with `noetl-catalog serve`, or name a database with --database-url", r.endpoint)
	}
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	var answer remoteAnswer
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("the server at %s answered %s with what is not GraphQL", r.endpoint, response.Status)
	}
	if len(answer.Errors) > 0 {
		return nil, fmt.Errorf("the server refused the request: %s (%s)", answer.Errors[0].Message, answer.Errors[0].Extensions.Code)
	}
	if answer.Data == nil {
		return nil, fmt.Errorf("the server at %s answered %s without data", r.endpoint, response.Status)
	}
	return &answer, nil
}
