package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// overload measures how much load a few callers can put on the server: the memory and
// time of single requests, and the latency of small queries beside hundreds of large ones.
func overload(ctx context.Context, b *bench) {
	url := b.create(ctx, "overload")
	execute(ctx, url, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'list/' || n, 'task', '1.0.' || v, jsonb_build_object('text', repeat(md5(n::text), 1000), 'n', v) FROM generate_series(1, 60) n, generate_series(1, 5) v`,
		`INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'compared', 'task', '1.0.' || v, jsonb_build_object('steps', (SELECT jsonb_agg(jsonb_build_object('name', 'step' || i, 'n', i % (v + 7), 'url', repeat('x', 60))) FROM generate_series(1, 16000) i))
		FROM generate_series(1, 2) v`,
		`INSERT INTO event (event_id, event_type, resource_path, resource_version, payload)
		SELECT 'large' || n, 'UPDATED', 'compared', '1.0.1', jsonb_build_object('text', repeat(md5(n::text), 250000)) FROM generate_series(1, 50) n`)
	server := b.serve(ctx, url)
	defer server.stop()
	fmt.Println("overload: the load that a few callers can put on the server")
	idle := server.status("VmRSS:")
	table := newTable()
	fmt.Fprintln(table, "  \ttook\tanswers\tsent\tresident\t10 s later\t")
	row := func(what string, requests int, body string) {
		began := time.Now()
		answers, sent, peak := server.flood(ctx, requests, body)
		took := time.Since(began)
		pause(ctx, 10*time.Second)
		fmt.Fprintf(table, "  %s\t%.1f s\t%s\t%d MB\t%d MB\t%d MB\t\n", what, took.Seconds(), answers, sent>>20, peak>>20, server.status("VmRSS:")>>20)
	}
	var aliases []string
	for i := range 50 {
		aliases = append(aliases, fmt.Sprintf(`a%d: version(path: "compared", version: "1.0.2") { diff { text } }`, i))
	}
	row("16 aliases of diff{text}", 1, document("{"+strings.Join(aliases[:16], " ")+"}"))
	row("50 aliases of diff{text}", 1, document("{"+strings.Join(aliases, " ")+"}"))
	row("50 aliases of diff{patch}", 1, document("{"+strings.ReplaceAll(strings.Join(aliases, " "), "text", "patch")+"}"))
	row("50 events of 8 MB", 1, document(`{ events(first: 50) { nodes { payload } } }`))
	row("50 requests with 3 MB of variables", 50, `{"query":"{__typename}","variables":{"v":[`+strings.Repeat("{},", 1_000_000-1)+`{}]}}`)
	row("20 clients that read nothing", 20, "")
	check(table.Flush())

	const list = `{ resources(first: 60, filter: {pathPrefix: "list/"}) { nodes { path versions(first: 5) { nodes { version payload } } } } }`
	table = newTable()
	fmt.Fprintln(table, "  large lists at once\tanswered/s\tof 8 at once\tanswers\tsmall p50\tp95\tmax\tresident\t10 s later\t")
	rates := map[int]float64{}
	for _, parallel := range []int{8, 200, 500} {
		small, stop := server.small(ctx)
		began := time.Now()
		answers, _, peak := server.flood(ctx, parallel, document(list))
		for time.Since(began) < 6*time.Second { // until the rate is meaningful
			more, _, high := server.flood(ctx, parallel, document(list))
			for status, n := range more {
				answers[status] += n
			}
			peak = max(peak, high)
		}
		rates[parallel] = float64(answers["200"]) / time.Since(began).Seconds()
		stop()
		took := small()
		pause(ctx, 10*time.Second)
		fmt.Fprintf(table, "  %d\t%.1f\t%.2f\t%s\t%.0f ms\t%.0f ms\t%.0f ms\t%d MB\t%d MB\t\n", parallel, rates[parallel], rates[parallel]/rates[8], answers,
			milliseconds(quantile(took, 0.5)), milliseconds(quantile(took, 0.95)), milliseconds(quantile(took, 1)), peak>>20, server.status("VmRSS:")>>20)
	}
	check(table.Flush())
	fmt.Printf("  idle: %d MB\n\n", idle>>20)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
		check(ctx.Err())
	}
}

func document(query string) string {
	body := must(json.Marshal(map[string]string{"query": query}))
	return string(body)
}

// outcomes counts answers by HTTP status, or by the code of the first error.
type outcomes map[string]int

func (o outcomes) String() string {
	var counts []string
	for outcome, n := range o {
		counts = append(counts, fmt.Sprintf("%d %s", n, outcome))
	}
	slices.Sort(counts)
	return strings.Join(counts, ", ")
}

// flood sends requests at once, and returns their outcomes, the total size of the answers
// and the peak of resident memory. Without a body, each client requests a long answer and
// does not read it.
func (s *server) flood(ctx context.Context, requests int, body string) (answers outcomes, sent, peak int64) {
	answers = outcomes{}
	done := make(chan struct{})
	var mu sync.Mutex
	var group sync.WaitGroup
	for range requests {
		group.Go(func() {
			outcome, size := s.outcome(ctx, body)
			mu.Lock()
			defer mu.Unlock()
			answers[outcome]++
			sent += size
		})
	}
	go func() {
		group.Wait()
		close(done)
	}()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-done:
			return answers, sent, peak
		case <-again.C:
			peak = max(peak, s.status("VmRSS:"))
		}
	}
}

// outcome sends one request and returns its outcome and the size of the answer.
func (s *server) outcome(ctx context.Context, body string) (outcome string, size int64) {
	if body == "" {
		return s.unread(ctx), 0
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/graphql", strings.NewReader(body))
	if err != nil {
		return err.Error(), 0
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return "broken", 0
	}
	defer func() { _ = response.Body.Close() }()
	var head bytes.Buffer
	size, err = io.Copy(io.Discard, io.TeeReader(response.Body, &prefixBuffer{&head, 4096}))
	if err != nil {
		return "broken", size
	}
	var answer struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	if json.Unmarshal(head.Bytes(), &answer) == nil && len(answer.Errors) > 0 {
		return answer.Errors[0].Extensions.Code, size
	}
	return fmt.Sprint(response.StatusCode), size
}

// prefixBuffer keeps the first bytes that are written to it, up to the limit.
type prefixBuffer struct {
	*bytes.Buffer
	limit int
}

func (l *prefixBuffer) Write(text []byte) (int, error) {
	if room := l.limit - l.Len(); room > 0 {
		l.Buffer.Write(text[:min(room, len(text))])
	}
	return len(text), nil
}

// unread requests a long answer, does not read it, and waits until the server closes the
// connection.
func (s *server) unread(ctx context.Context) string {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = connection.Close() }()
	body := document(`{ events(first: 3) { nodes { payload } } }`)
	if _, err := fmt.Fprintf(connection, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		return err.Error()
	}
	// A write fails once the server has closed the connection.
	for began := time.Now(); time.Since(began) < 60*time.Second; pause(ctx, time.Second) {
		if _, err := connection.Write([]byte("\r\n")); err != nil {
			return "closed"
		}
	}
	return "open after 60 s"
}

// small sends small queries one after another until stop is called. The function took
// waits for the last one and returns their durations, sorted.
func (s *server) small(ctx context.Context) (took func() []time.Duration, stop func()) {
	ctx, stop = context.WithCancel(ctx)
	results := make(chan []time.Duration, 1)
	go func() {
		var all []time.Duration
		for ctx.Err() == nil {
			began := time.Now()
			if err := s.Do(ctx, `{ resources(first: 5) { nodes { path } } }`, nil, nil); err != nil && ctx.Err() == nil {
				all = append(all, time.Hour) // it must not fail
			}
			all = append(all, time.Since(began))
		}
		results <- all
	}()
	return func() []time.Duration { return slices.Sorted(slices.Values(<-results)) }, stop
}
