package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/noetl/noetl-catalog/config"
)

func TestLogger_Flood_LinesPerSecondLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		logger := config.NewLogger(&out, slog.LevelInfo)
		lines := func() []string {
			defer out.Reset()
			return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		}
		for range 500 {
			logger.With("a", 1).WithGroup("g").Warn("same")
			logger.Info("an access")
		}
		if got := lines(); len(got) != 520 {
			t.Errorf("%d lines of 500 equal warnings and 500 others, want 520", len(got))
		}
		for i := range 500 {
			logger.Error(fmt.Sprint("other ", i))
		}
		if got := lines(); len(got) != 30 || !strings.Contains(got[0], "lines_dropped=480") {
			t.Errorf("%d more warnings, want 30: %s", len(got), got[0])
		}
		time.Sleep(time.Second) // of the bubble's clock
		logger.Warn("same")
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "lines_dropped=470") {
			t.Errorf("a second later: %q", got)
		}
	})
}
