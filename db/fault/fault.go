// Package fault is the one error type for what a caller did wrong. The
// domain packages (db/catalog, db/eventlog) make it; the API maps it to a
// GraphQL error in one place. Every other error is the server's own fault.
//
//	return fault.Input("path", "must not be empty")
package fault

import (
	"errors"
	"fmt"
)

// Code is the stable word that a client program branches on: extensions.code of
// the GraphQL error (docs/clients.md).
type Code string

// The codes that the domain uses.
const (
	BadUserInput    Code = "BAD_USER_INPUT"
	NotFound        Code = "NOT_FOUND"
	Conflict        Code = "CONFLICT"
	PayloadTooLarge Code = "PAYLOAD_TOO_LARGE"
	Forbidden       Code = "FORBIDDEN"
	// StreamChanged and CursorExpired concern a cursor into the event log: one of
	// another history, or one whose events have been dropped since.
	StreamChanged Code = "STREAM_CHANGED"
	CursorExpired Code = "CURSOR_EXPIRED"
	// Unavailable is temporary: the same request succeeds later.
	Unavailable Code = "UNAVAILABLE"
)

// Error tells the caller which argument is wrong and why.
type Error struct {
	Code Code
	// Argument is the GraphQL argument or input field, for example "path" or
	// "inputs[3].payload.yaml"; empty if the error concerns no single one.
	Argument string
	Message  string
	// Line and Column, from 1, point into a text argument (YAML, a template);
	// 0 if there is no such position.
	Line, Column int
}

func (e *Error) Error() string {
	if e.Argument == "" {
		return e.Message
	}
	return e.Argument + ": " + e.Message
}

// Input is a BAD_USER_INPUT error about one argument.
func Input(argument, format string, args ...any) *Error {
	return New(BadUserInput, argument, format, args...)
}

// New is an error with a code of the caller's choice.
func New(code Code, argument, format string, args ...any) *Error {
	return &Error{Code: code, Argument: argument, Message: fmt.Sprintf(format, args...)}
}

// At is a BAD_USER_INPUT error at a line and column of a text argument.
func At(argument string, line, column int, format string, args ...any) *Error {
	e := Input(argument, format, args...)
	e.Line, e.Column = line, column
	return e
}

// Under returns the error with its argument moved below a parent, for
// example Under("inputs[3]") makes "path" into "inputs[3].path". The receiver
// is not changed.
func (e *Error) Under(parent string) *Error {
	moved := *e
	if e.Argument == "" {
		moved.Argument = parent
	} else {
		moved.Argument = parent + "." + e.Argument
	}
	return &moved
}

// As finds a fault in an error chain.
func As(err error) (*Error, bool) {
	return errors.AsType[*Error](err)
}

// List is several faults of one call, in the order of their inputs.
type List []*Error

func (l List) Error() string {
	switch len(l) {
	case 0:
		return "no faults"
	case 1:
		return l[0].Error()
	}
	return fmt.Sprintf("%s (and %d more)", l[0].Error(), len(l)-1)
}
