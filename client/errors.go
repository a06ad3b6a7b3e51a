package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Error is a GraphQL error in an answer.
type Error struct {
	Message string
	// Outcome says whether a mutation made its change: none, unknown or done.
	Extensions struct{ Code, Argument, Outcome string }

	status int // HTTP status; 0 in a stream
}

func (e *Error) Error() string {
	message := e.Message
	if argument := e.Extensions.Argument; argument != "" && !strings.HasPrefix(message, argument+":") {
		message = argument + ": " + message
	}
	if e.Extensions.Code != "" {
		message += " (" + e.Extensions.Code + ")"
	}
	return message
}

// StatusError is an answer that is not GraphQL, such as a proxy's.
type StatusError struct {
	Endpoint   string
	StatusCode int
	Status     string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server at %s answered %s with neither data nor a GraphQL error", e.Endpoint, e.Status)
}

// permanentError is an error that a retry would not change.
type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

// Temporary reports whether the same request may succeed later.
func Temporary(err error) bool {
	var refusal *Error
	var answered *StatusError
	var permanent *permanentError
	switch {
	case errors.As(err, &refusal):
		switch refusal.Extensions.Code {
		case "SLOW_CONSUMER", "UNAVAILABLE", "TIMEOUT", "INTERNAL", "TOO_MANY_REQUESTS":
			return true
		}
		return refusal.status >= http.StatusInternalServerError
	case errors.As(err, &answered):
		return answered.StatusCode >= http.StatusInternalServerError || answered.StatusCode == http.StatusTooManyRequests
	}
	return !errors.As(err, &permanent)
}

// ErrNotGraphQL is a response with neither data nor errors.
var ErrNotGraphQL = errors.New("the server sent what is not GraphQL")

// Decode decodes the data of a GraphQL response into data, unless data is nil.
// It returns the first error of the response, as an *Error, and ErrNotGraphQL
// for a response with neither.
func Decode(response []byte, data any) error {
	var decoded struct {
		Data   json.RawMessage
		Errors []*Error
	}
	switch err := json.Unmarshal(response, &decoded); {
	case err != nil:
		return ErrNotGraphQL
	case len(decoded.Errors) > 0 && decoded.Errors[0] != nil:
		return decoded.Errors[0]
	case len(decoded.Data) == 0 || string(decoded.Data) == "null":
		return ErrNotGraphQL
	case data == nil:
		return nil
	}
	if err := json.Unmarshal(decoded.Data, data); err != nil {
		return &permanentError{fmt.Errorf("read the data: %w", err)}
	}
	return nil
}
