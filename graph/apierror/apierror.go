// Package apierror turns any error into the GraphQL error that a client sees,
// in one place: with a code to branch on, the argument to blame, and never the
// cause of a fault that is the server's own.
//
//	present := apierror.Presenter{Log: log}
//	server.SetErrorPresenter(present.Present)
//	server.SetRecoverFunc(present.Recover)
//
// A resolver returns what its domain gave it, a *fault.Error or a fault.List
// included, and adds nothing.
package apierror

import (
	"fmt"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
)

// The codes of extensions.code (docs/clients.md, "Errors") that the domain does not
// give by itself.
const (
	ParseFailed             fault.Code = "GRAPHQL_PARSE_FAILED"
	ValidationFailed        fault.Code = "GRAPHQL_VALIDATION_FAILED"
	ComplexityLimitExceeded fault.Code = "COMPLEXITY_LIMIT_EXCEEDED"
	DepthLimitExceeded      fault.Code = "DEPTH_LIMIT_EXCEEDED"
	TooManyRequests         fault.Code = "TOO_MANY_REQUESTS"
	Unauthenticated         fault.Code = "UNAUTHENTICATED"
	SlowConsumer            fault.Code = "SLOW_CONSUMER"
	Timeout                 fault.Code = "TIMEOUT"
	Unavailable                        = fault.Unavailable
	Internal                fault.Code = "INTERNAL"
)

// MaxErrors is how many errors an answer carries at most: a document of 3,000
// unknown fields would otherwise be answered with half a megabyte of errors.
const MaxErrors = 20

// maxMessage is the longest message, in bytes. Validation messages quote the
// document, and a document may hold a string of megabytes.
const maxMessage = 1000

// Errorf returns a GraphQL error with a code; the message is for the caller.
func Errorf(code fault.Code, format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    fmt.Sprintf(format, args...),
		Extensions: map[string]any{"code": string(code)},
	}
}

// Code returns the error's extensions.code, empty where it has none.
func Code(err *gqlerror.Error) fault.Code {
	switch code := err.Extensions["code"].(type) {
	case string:
		return fault.Code(code)
	case fault.Code:
		return code
	}
	return ""
}

// Cap returns the first MaxErrors errors of a list.
func Cap(list gqlerror.List) gqlerror.List {
	if len(list) <= MaxErrors {
		return list
	}
	return list[:MaxErrors:MaxErrors]
}

// cut shortens a message to maxMessage bytes without splitting a character.
func cut(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	end := maxMessage
	for end > 0 && !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "…"
}
