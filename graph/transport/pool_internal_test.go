package transport

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// TestPools_ThousandLargestEntries_WithinLimits is not parallel: it measures the
// whole process.
func TestPools_ThousandLargestEntries_WithinLimits(t *testing.T) {
	const requests, atOnce = 1000, 100
	const limit = maxPooled * maxBuffer
	words := strings.Repeat("x", 3*maxBuffer/2)
	for _, test := range []struct {
		name string
		// feed calls wait while it holds the memory.
		feed func(t *testing.T, wait func())
	}{
		{"largest pooled bodies", func(t *testing.T, wait func()) { post(t, maxBuffer-20_000, wait) }},
		{"bodies too large to pool", func(t *testing.T, wait func()) { post(t, maxBuffer, wait) }},
		{"largest pooled answers", func(_ *testing.T, wait func()) {
			respond(&graphql.Response{Data: []byte(words[:maxBuffer-len(plainHead)-len(plainTail)])}, wait)
		}},
		{"answers too large to pool", func(_ *testing.T, wait func()) {
			respond(&graphql.Response{Data: []byte(words)}, wait)
		}},
		{"answers with long errors", func(_ *testing.T, wait func()) {
			respond(&graphql.Response{Data: []byte("null"), Errors: gqlerror.List{{Message: words}}}, wait)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			buffers, bodies = make(pool[[]byte], maxPooled), make(pool[*bytes.Buffer], maxPooled)
			before := heapInUse()
			for range requests / atOnce {
				var group, together sync.WaitGroup
				together.Add(atOnce)
				for range atOnce {
					group.Go(func() {
						var once sync.Once
						test.feed(t, func() { once.Do(func() { together.Done(); together.Wait() }) })
					})
				}
				group.Wait()
			}
			held := heapInUse() - before
			t.Logf("%d KiB of %d", held>>10, limit>>10)
			if held > limit+limit/4 {
				t.Errorf("%d bytes are held, the limit is %d", held, limit)
			}
			runtime.KeepAlive(buffers)
			runtime.KeepAlive(bodies)
		})
	}
}

// post reads a body of a size, which is invalid from its first byte.
func post(t *testing.T, size int, wait func()) {
	body := io.MultiReader(strings.NewReader("no JSON"), io.LimitReader(readerFunc(func(into []byte) (int, error) { return len(into), nil }), int64(size)), readerFunc(func([]byte) (int, error) {
		wait()
		return 0, io.EOF
	}))
	r := httptest.NewRequest(http.MethodPost, "/graphql", body)
	r.Header.Set("Content-Type", plainJSON)
	if _, refused := (&overHTTP{Options{MaxBody: 16 << 20}}).decode(httptest.NewRecorder(), r, nil); refused.status != http.StatusBadRequest {
		t.Error(refused.err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(into []byte) (int, error) { return f(into) }

// respond writes a response and discards it.
func respond(response *graphql.Response, wait func()) {
	(&answer{w: blockingWriter{http.Header{}, wait}, mediaType: plainJSON}).write(http.StatusOK, response)
}

type blockingWriter struct {
	header http.Header
	wait   func()
}

func (n blockingWriter) Header() http.Header { return n.header }
func (n blockingWriter) WriteHeader(int)     {}
func (n blockingWriter) Write(text []byte) (int, error) {
	n.wait()
	return len(text), nil
}

func heapInUse() int {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc) //nolint:gosec // far below
}
