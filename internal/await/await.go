// Package await bounds what tests wait for.
package await

import (
	"testing"
	"time"
)

// Value returns what comes over a channel, or the zero value once it is closed. It ends the
// test if nothing comes for a minute.
func Value[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(time.Minute):
		t.Fatal("nothing has come for a minute")
		panic("unreachable")
	}
}
