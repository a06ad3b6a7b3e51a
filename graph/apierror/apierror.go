// Package apierror converts any error to the GraphQL error that a client sees, in
// one place: with a code to branch on and the argument to blame, and never with
// the cause of a server's fault.
//
//	present := apierror.NewPresenter(log, nil)
//	server.SetErrorPresenter(present.Present)
//	server.SetRecoverFunc(present.Recover)
//
// A resolver returns the error of its domain as it is, such as a *fault.Error or a
// fault.List.
package apierror

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
)

// The codes of extensions.code (docs/clients.md, "Errors") that the domain does not
// have.
const (
	ParseFailed             fault.Code = "GRAPHQL_PARSE_FAILED"
	ValidationFailed        fault.Code = "GRAPHQL_VALIDATION_FAILED"
	ComplexityLimitExceeded fault.Code = "COMPLEXITY_LIMIT_EXCEEDED"
	DepthLimitExceeded      fault.Code = "DEPTH_LIMIT_EXCEEDED"
	TooManyRequests         fault.Code = "TOO_MANY_REQUESTS"
	Unauthenticated         fault.Code = "UNAUTHENTICATED"
	SlowConsumer            fault.Code = "SLOW_CONSUMER"
	Timeout                 fault.Code = "TIMEOUT"
	// Overloaded refuses a large request: too many are running.
	Overloaded fault.Code = "OVERLOADED"
	// BudgetExceeded stops a request that needs too much memory or time.
	BudgetExceeded fault.Code = "BUDGET_EXCEEDED"
	// ResponseTooLarge stops a request whose answer is too long.
	ResponseTooLarge fault.Code = "RESPONSE_TOO_LARGE"
	Unavailable                 = fault.Unavailable
	Internal         fault.Code = "INTERNAL"
)

// MaxErrors is the most errors of a response: a document of 3,000 unknown fields would
// make half a megabyte of errors.
const MaxErrors = 20

// maxMessage is the longest message, in bytes. Validation messages quote the
// document, and a document may hold a string of megabytes.
const maxMessage = 1000

// Errorf returns a GraphQL error with a code; the message is for the caller. An
// Overloaded one says to try again in a second, unless the caller of Errorf knows better.
func Errorf(code fault.Code, format string, args ...any) *gqlerror.Error {
	err := &gqlerror.Error{
		Message:    fmt.Sprintf(format, args...),
		Extensions: map[string]any{"code": string(code)},
	}
	if code == Overloaded {
		err.Extensions["retryable"], err.Extensions["retryAfter"] = true, 1
	}
	return err
}

// Code returns the error's extensions.code, or an empty one.
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

// cut shortens a message to maxMessage bytes.
func cut(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "…"
}
