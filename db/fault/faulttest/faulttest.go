// Package faulttest checks faults in tests.
package faulttest

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/noetl/noetl-catalog/db/fault"
)

// Refusal is what a test expects of a *fault.Error about the argument "input".
type Refusal struct {
	Code         fault.Code
	Line, Column int
	Message      string // a part of it
}

// BadInput is a refusal with BAD_USER_INPUT.
func BadInput(line, column int, message string) Refusal {
	return Refusal{fault.BadUserInput, line, column, message}
}

// TooLarge is a refusal with PAYLOAD_TOO_LARGE.
func TooLarge(line, column int, message string) Refusal {
	return Refusal{fault.PayloadTooLarge, line, column, message}
}

// Check fails the test unless the error is the refusal.
func (want Refusal) Check(t testing.TB, err error) {
	t.Helper()
	got, ok := fault.As(err)
	if !ok {
		t.Fatalf("error = %v, want a fault with %q", err, want.Message)
	}
	if got.Code != want.Code || got.Argument != "input" || got.Line != want.Line || got.Column != want.Column {
		t.Errorf("fault = %s %s %d:%d, want %s input %d:%d (%v)",
			got.Code, got.Argument, got.Line, got.Column, want.Code, want.Line, want.Column, err)
	}
	if !strings.Contains(got.Message, want.Message) {
		t.Errorf("message = %q, want %q in it", got.Message, want.Message)
	}
}

// CheckAny fails the test unless the error is a fault that a client can read.
func CheckAny(t testing.TB, err error) {
	t.Helper()
	refused, ok := fault.As(err)
	if !ok || len(refused.Message) > 400 || !utf8.ValidString(refused.Message) {
		t.Fatalf("error = %v, want a fault with a short message", err)
	}
	if refused.Code == fault.BadUserInput && (refused.Line < 1 || refused.Column < 1) {
		t.Fatalf("position = %d:%d for %v", refused.Line, refused.Column, err)
	}
}
