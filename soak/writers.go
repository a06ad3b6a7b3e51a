//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/client"
)

// eventPrefix is the prefix of the event ids that the soak assigns.
const eventPrefix = "soak-"

const (
	eventPaths = 16
	markerPath = "soak/sql/marker"
	markerType = "soak.marker"
	// Every fatEvery-th event of a writer has a large payload, so that slow clients fall
	// behind.
	fatEvery, fatBytes = 40, 64 << 10
)

// writer writes events, one transaction after another.
type writer struct {
	*soak
	name   string
	random *rand.Rand
	number int
	run    string // the run that its events belong to
	ofRun  int
	sql    *pgx.Conn
}

type payload struct {
	ID   string `json:"id"`
	Text string `json:"text,omitempty"`
}

// runLength is the number of events of a run.
const runLength = 10

// next returns the next event of the writer's current run.
func (w *writer) next(prefix string) (map[string]any, fact) {
	w.number++
	id := fmt.Sprintf("%s%s-%d", eventPrefix, w.name, w.number)
	kind := "step.completed"
	switch w.ofRun {
	case 0:
		w.run, kind = "run-"+id, "playbook.started"
	case runLength - 1:
		kind = "playbook.completed"
	}
	w.ofRun = (w.ofRun + 1) % runLength
	body := payload{ID: id}
	if w.number%fatEvery == 0 {
		body.Text = strings.Repeat("0123456789abcdef", fatBytes/16)
	}
	f := fact{id, fmt.Sprintf("%s%d", prefix, w.random.IntN(eventPaths)), w.run}
	return map[string]any{
		"eventId": id, "type": kind, "path": f.path, "version": "1.0.0", "payload": body,
		"meta": map[string]any{"execution_id": w.run, "node_name": "step", "status": "completed"},
	}, f
}

const recordEvents = `mutation ($inputs: [RecordEventInput!]!) { recordEvents(inputs: $inputs) { results { duplicate event { eventId path } } } }`

// record records one to five events through the API, and repeats some of them.
func (w *writer) record(ctx context.Context) {
	tx := &transaction{began: time.Now()}
	var inputs []map[string]any
	var facts []fact
	for range 1 + w.random.IntN(5) {
		input, f := w.next("soak/api/")
		inputs, facts, tx.ids = append(inputs, input), append(facts, f), append(tx.ids, f.id)
	}
	var answer struct {
		RecordEvents struct {
			Results []struct {
				Duplicate bool
				Event     struct{ EventID, Path string }
			}
		}
	}
	fresh, err := w.persist(ctx, recordEvents, map[string]any{"inputs": inputs}, &answer)
	results := answer.RecordEvents.Results
	if err == nil {
		tx.outcome = committed
		if len(results) != len(inputs) {
			w.found.add(wrong, "%d results of %d events", len(results), len(inputs))
		}
		for i, result := range results {
			if result.Event.EventID != tx.ids[i] || result.Duplicate != results[0].Duplicate || result.Duplicate && fresh {
				w.found.add(wrong, "%s is answered %+v, fresh: %t", tx.ids[i], result, fresh)
			}
		}
	}
	w.ledger.note(tx, facts...)
	if err == nil && w.random.IntN(8) == 0 {
		w.repeat(ctx, inputs[0])
	}
}

// repeat sends an acknowledged event twice more: unchanged, which is a duplicate, and with
// other content, which is a conflict.
func (w *writer) repeat(ctx context.Context, input map[string]any) {
	var answer struct {
		RecordEvents struct{ Results []struct{ Duplicate bool } }
	}
	if _, err := w.persist(ctx, recordEvents, map[string]any{"inputs": []any{input}}, &answer); err == nil && !answer.RecordEvents.Results[0].Duplicate {
		w.found.add(wrong, "%s, sent again, is not a duplicate", input["eventId"])
	}
	input["payload"] = payload{ID: "other"}
	_, _ = w.persist(ctx, recordEvents, map[string]any{"inputs": []any{input}}, nil, "CONFLICT")
}

// persist retries a mutation until it is answered. fresh reports that no earlier attempt
// can have had an effect, since each one was answered with the outcome none. The error is a
// refusal, for which a finding is already added unless it is expected, or the end of the
// run.
func (w *writer) persist(ctx context.Context, mutation string, variables map[string]any, data any, expected ...string) (fresh bool, err error) {
	for fresh = true; ; {
		var again bool
		if again, err = w.ask(ctx, "writer", w.random.IntN(2), mutation, variables, data, expected...); !again || !pause(ctx, 50*time.Millisecond) {
			return fresh, err
		}
		var refusal *client.Error
		answered := errors.As(err, &refusal)
		if fresh = fresh && answered && refusal.Extensions.Outcome == "none"; answered && refusal.Extensions.Outcome == "" {
			w.found.add(wrong, "a mutation is answered without its outcome: %v", err)
		}
	}
}

// insert writes one to five events in plain SQL, in a transaction that it may roll back.
func (w *writer) insert(ctx context.Context) {
	began := time.Now()
	if w.sql == nil || w.sql.IsClosed() {
		var err error
		if w.sql, err = w.system.connect(ctx); err != nil {
			w.sql = nil
			w.explain(began, "writer", "SQL", err)
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tx := &transaction{began: began}
	var facts []fact
	batch := &pgx.Batch{}
	for range 1 + w.random.IntN(5) {
		input, f := w.next("soak/sql/")
		facts, tx.ids = append(facts, f), append(tx.ids, f.id)
		batch.Queue(`INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta) VALUES ($1, $2, $3, $4, $5, $6)`,
			f.id, input["type"], f.path, "1.0.0", input["payload"], input["meta"])
	}
	open, err := w.sql.Begin(ctx)
	if err == nil {
		err = open.SendBatch(ctx, batch).Close()
	}
	tx.outcome = rolledBack
	if err == nil {
		pause(ctx, time.Duration(w.random.IntN(20))*time.Millisecond)
		if w.random.IntN(7) == 0 {
			err = open.Rollback(ctx)
		} else if err = open.Commit(ctx); err == nil {
			tx.outcome = committed
		} else {
			tx.outcome = unknown
		}
	}
	if err != nil {
		_ = w.sql.Close(context.WithoutCancel(ctx))
		w.explain(began, "writer", "SQL", err)
	} else {
		w.tally.count("writer", "SQL")
	}
	w.ledger.note(tx, facts...)
}

const registerResources = `mutation ($inputs: [RegisterResourceInput!]!) { registerResources(inputs: $inputs) {
	results { error { code message } registration { status version { path version revision payload } event { eventId path } } } } }`

// register registers one to three versions, half of them with a label.
func (w *writer) register(ctx context.Context) {
	tx := &transaction{began: time.Now()}
	var inputs []map[string]any
	for at := range 1 + w.random.IntN(3) {
		w.number++
		// One path is shared by all writers.
		path := fmt.Sprintf("soak/%s/%d", w.name, w.random.IntN(4)*3+at)
		if at == 0 && w.random.IntN(4) == 0 {
			path = "soak/shared"
		}
		input := map[string]any{"path": path, "type": "playbook", "payload": map[string]any{"json": payload{ID: fmt.Sprintf("%s-%d", w.name, w.number), Text: strings.Repeat("x", w.random.IntN(3000))}}}
		if w.random.IntN(2) == 0 {
			input["version"] = fmt.Sprintf("%s.%d", w.name, w.number)
		}
		inputs = append(inputs, input)
	}
	var answer struct {
		RegisterResources struct {
			Results []struct {
				Error        *struct{ Code, Message string }
				Registration *struct {
					Status  string
					Version struct {
						Path, Version string
						Revision      int
						Payload       payload
					}
					Event struct{ EventID, Path string }
				}
			}
		}
	}
	fresh, err := w.persist(ctx, registerResources, map[string]any{"inputs": inputs}, &answer)
	if err != nil {
		return
	}
	results := answer.RegisterResources.Results
	for i, result := range results {
		sent, _ := inputs[i]["payload"].(map[string]any)["json"].(payload)
		r := result.Registration
		if r == nil || r.Version.Payload != sent || r.Version.Path != inputs[i]["path"] || r.Status == "UNCHANGED" && fresh {
			text, _ := json.Marshal(result)
			w.found.add(wrong, "the registration of %s is answered %s, fresh: %t", inputs[i]["path"], text, fresh)
			continue
		}
		tx.ids = append(tx.ids, r.Event.EventID)
		w.ledger.register(r.Version.Path, revision{r.Version.Version, r.Version.Revision, r.Version.Payload.ID})
	}
	if len(results) != len(inputs) {
		w.found.add(wrong, "%d results of %d registrations", len(results), len(inputs))
	}
	tx.outcome = committed
	w.ledger.note(tx)
}

// prepare registers the resources that events refer to and that hostile clients request.
func prepare(ctx context.Context, s *system) error {
	return s.execute(ctx, `
		INSERT INTO event_type (name) VALUES ('`+markerType+`'), ('step.completed'), ('playbook.started'), ('playbook.completed') ON CONFLICT DO NOTHING;
		INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
			SELECT 'soak/' || kind || '/' || n, 'playbook', '1.0.0', jsonb '{}' FROM generate_series(0, `+fmt.Sprint(eventPaths-1)+`) n, unnest(ARRAY['api', 'sql']) kind
			UNION ALL SELECT '`+markerPath+`', 'playbook', '1.0.0', '{}';
		INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
			SELECT 'heavy/list/' || n, 'task', '1.0.' || v, jsonb_build_object('text', repeat(md5(n::text), 1000), 'n', v) FROM generate_series(1, 60) n, generate_series(1, 5) v;
		INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
			SELECT 'heavy/compared', 'task', '1.0.' || v, jsonb_build_object('steps', (SELECT jsonb_agg(jsonb_build_object('name', 'step' || i, 'n', i % (v + 7))) FROM generate_series(1, 3000) i))
			FROM generate_series(1, 2) v`)
}
