package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// execution measures how fast 8 concurrent writers record 200,000 events of one
// execution, 1,000 events per call.
func execution(ctx context.Context, b *bench) {
	url, pool := b.database(ctx, "execution", 8)
	defer pool.Close()
	server := b.serve(ctx, url)
	defer server.stop()
	const writers, batch, events = 8, 1000, 200_000
	began := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	for writer := range writers {
		group.Go(func() error {
			for range events / batch / writers {
				inputs := make([]map[string]any, batch)
				for i := range inputs {
					inputs[i] = map[string]any{
						"type": "UPDATED", "path": fmt.Sprintf("p/%d", writer),
						"meta": map[string]any{"execution_id": "large", "node_name": "loop", "status": "completed"},
					}
				}
				if err := server.record(groupCtx, inputs); err != nil {
					return err
				}
			}
			return nil
		})
	}
	check(group.Wait())
	recorded := time.Since(began)
	check(server.record(ctx, []map[string]any{{"type": "EXECUTION_COMPLETED", "path": "p/0", "meta": map[string]any{"execution_id": "large"}}}))
	var answer struct {
		Execution struct {
			EventCount int
			Status     string
		}
	}
	for answer.Execution.Status != "COMPLETED" {
		check(server.Do(ctx, `{ execution(executionId: "large") { eventCount status } }`, nil, &answer))
	}
	fmt.Printf("execution: %d events of one run, %d writers, %d a call: %.0f events/s\n", events, writers, batch, events/recorded.Seconds())
	fmt.Printf("  eventCount %d, status %s, %.1f s after the last was recorded\n\n",
		answer.Execution.EventCount, answer.Execution.Status, (time.Since(began) - recorded).Seconds())
}

func (s *server) record(ctx context.Context, inputs []map[string]any) error {
	return s.Do(ctx, `mutation($inputs: [RecordEventInput!]!) { recordEvents(inputs: $inputs) { results { duplicate } } }`,
		map[string]any{"inputs": inputs}, nil)
}
