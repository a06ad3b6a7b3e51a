package stream_test

import (
	"testing"

	"github.com/noetl/noetl-catalog/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
