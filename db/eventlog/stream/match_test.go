package stream

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/words"
)

// pair is an event and a filter, as columns of the SQL below.
type pair struct {
	Type            string     `json:"event_type"`
	ResourceType    string     `json:"resource_type"`
	Path            string     `json:"resource_path"`
	Version         string     `json:"resource_version"`
	At              time.Time  `json:"at"`
	Payload         *string    `json:"payload"`
	Meta            *string    `json:"meta"`
	Types           []string   `json:"types"`
	ResourceTypes   []string   `json:"resource_types"`
	FilterPath      *string    `json:"path"`
	PathPrefix      *string    `json:"path_prefix"`
	FilterVersion   *string    `json:"version"`
	ExecutionID     *string    `json:"execution_id"`
	Step            *string    `json:"step"`
	Statuses        []string   `json:"statuses"`
	Since           *time.Time `json:"since"`
	Until           *time.Time `json:"until"`
	PayloadContains *string    `json:"payload_contains"`
	MetaContains    *string    `json:"meta_contains"`
	Paths           []string   `json:"paths"`
	ExcludeTypes    []string   `json:"exclude_types"`
	Text            *string    `json:"text"`
	WordPatterns    []string   `json:"word_patterns"`
	Scopes          []string   `json:"scopes"`
}

func (p *pair) filter() eventlog.Filter {
	raw := func(text *string) []byte {
		if text == nil {
			return nil
		}
		return []byte(*text)
	}
	return eventlog.Filter{
		ExecutionID: p.ExecutionID, Step: p.Step, Statuses: p.Statuses, Types: p.Types, ResourceTypes: p.ResourceTypes,
		Path: p.FilterPath, PathPrefix: p.PathPrefix, Version: p.FilterVersion, Since: p.Since, Until: p.Until,
		PayloadContains: raw(p.PayloadContains), MetaContains: raw(p.MetaContains),
		Paths: p.Paths, ExcludeTypes: p.ExcludeTypes, Text: p.Text,
	}
}

// passesInSQL evaluates many pairs with one statement. Statuses are in lower case, as the
// queries send them.
const passesInSQL = `
SELECT payload::jsonb::text, meta::jsonb::text,
    coalesce(event_passes(event_type, resource_path, resource_version, payload::jsonb, meta::jsonb,
        types, path, path_prefix, version, execution_id, step, lower(statuses::text COLLATE "C")::text[],
        payload_contains::jsonb, meta_contains::jsonb, scopes, paths, exclude_types, word_patterns), false)
    AND (since IS NULL OR at >= since) AND (until IS NULL OR at < until)
    AND (resource_types IS NULL OR resource_type = ANY (resource_types))
FROM ROWS FROM (json_to_recordset($1::json) AS (
    event_type text, resource_type text, resource_path text, resource_version text, at timestamptz, payload text, meta text,
    types text[], resource_types text[], path text, path_prefix text, version text, execution_id text, step text,
    statuses text[], since timestamptz, until timestamptz, payload_contains text, meta_contains text, scopes text[],
    paths text[], exclude_types text[], word_patterns text[]
)) WITH ORDINALITY AS p (
    event_type, resource_type, resource_path, resource_version, at, payload, meta,
    types, resource_types, path, path_prefix, version, execution_id, step,
    statuses, since, until, payload_contains, meta_contains, scopes, paths, exclude_types, word_patterns, n)
ORDER BY n`

type verdict struct {
	Payload, Meta []byte
	Passes        bool
}

// passes agrees with PostgreSQL for any event and filter.
func TestMatcher_AnyEventAnyFilter_AsPostgreSQL(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	asked, passed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		pairs := rapid.SliceOfN(rapid.Custom(drawPair), 40, 80).Draw(t, "pairs")
		encoded, err := json.Marshal(pairs)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := pool.Query(t.Context(), passesInSQL, encoded)
		if err != nil {
			t.Fatal(err)
		}
		verdicts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[verdict])
		if err != nil {
			t.Fatalf("%v\n%s", err, encoded)
		}
		for i, p := range pairs {
			m, err := newMatcher(p.filter(), p.Scopes)
			if err != nil {
				t.Fatal(err)
			}
			want := verdicts[i]
			e := &Entry{ResourceType: p.ResourceType, Event: &eventlog.Event{
				Type: p.Type, Path: p.Path, Version: p.Version, Timestamp: p.At, Payload: want.Payload, Meta: want.Meta,
			}}
			if got := m.passes(e); got != want.Passes {
				described, _ := json.MarshalIndent(p, "", "  ")
				t.Fatalf("%s\npayload %s\nmeta %s\nwant %t, got %t", described, want.Payload, want.Meta, want.Passes, got)
			}
			asked++
			if want.Passes {
				passed++
			}
		}
	})
	t.Logf("%d of %d pairs pass", passed, asked)
	if passed*10 < asked || passed*10 > asked*9 {
		t.Errorf("%d of %d pairs pass: the generator is unbalanced", passed, asked)
	}
}

// Each group is one scalar in several spellings.
var spellings = [][]string{
	{`null`},
	{`true`},
	{`false`},
	{`0`, `-0`, `0.0`, `-0.000`, `0e7`},
	{`1`, `1.0`, `10e-1`, `1E+0`, `0.1e1`, `1.000`},
	{`-1`, `-1.00`, `-0.01e2`},
	{`4711`, `4711.0`, `4.711e3`},
	{`10`, `1e1`, `1E+01`},
	{`0.5`, `5e-1`, `0.50`},
	{`9007199254740992`},
	{`9007199254740993`},
	{`1e308`, `0.1e309`, `1` + strings.Repeat("0", 308)},
	{`1e-308`, `0.` + strings.Repeat("0", 307) + `10`},
	{`""`},
	{`"a"`, `"\u0061"`},
	{`"A"`, `"\u0041"`},
	{`"b"`},
	{`"ab"`, `"a\u0062"`},
	{`"1"`},
	{`"null"`},
	{`"4711"`},
	{`"é"`, `"\u00e9"`, `"\u00E9"`},
	{`"É"`},
	{"\"e\u0301\""},
	{`"😀"`, `"\ud83d\uDE00"`},
	{`"\n"`, `"\u000a"`},
	{`"/"`, `"\/"`},
	{`"\""`, `"\u0022"`},
	{`"\\"`, `"\u005C"`},
	{"\"\x7f\"", `"\u007f"`},
	{`"\u001f"`},
	{`"FAILED"`},
	{`"Failed"`},
	{`"failed"`},
}

// keySpellings are few, so that filters match events.
var keySpellings = [][]string{{`"a"`, `"\u0061"`}, {`"b"`}, {`"ab"`}, {`"é"`, `"\u00e9"`}, {`"status"`}, {`"execution_id"`}, {`"node_name"`}}

// oneIn returns true once in 2, 4, 8 or 16 times. rapid's integers are unsuitable, since
// most are small.
func oneIn(t *rapid.T, times int, label string) bool {
	for ; times > 1; times /= 2 {
		if !rapid.Bool().Draw(t, label) {
			return false
		}
	}
	return true
}

// tree is a JSON document before it is spelled.
type tree struct {
	spellings []string // of a scalar
	object    bool
	keys      [][]string
	elements  []tree
}

func drawTree(t *rapid.T, depth int) tree {
	shape := rapid.IntRange(0, 9).Draw(t, "shape")
	if depth == 0 || shape < 5 {
		return tree{spellings: rapid.SampledFrom(spellings).Draw(t, "scalar")}
	}
	made := tree{object: shape < 8}
	for range rapid.IntRange(0, 4).Draw(t, "size") {
		if made.object {
			made.keys = append(made.keys, rapid.SampledFrom(keySpellings).Draw(t, "key"))
		}
		made.elements = append(made.elements, drawTree(t, depth-1))
	}
	return made
}

// drawPart draws a part that a tree contains, except for some mutations.
func drawPart(t *rapid.T, whole tree, root bool) tree {
	if oneIn(t, 16, "mutation") {
		return drawTree(t, 2)
	}
	if whole.spellings != nil {
		return whole
	}
	if root && !whole.object && len(whole.elements) > 0 && oneIn(t, 4, "element") {
		return whole.elements[0]
	}
	part := tree{object: whole.object}
	for range min(len(whole.elements), rapid.IntRange(0, 3).Draw(t, "part size")) {
		i := rapid.IntRange(0, len(whole.elements)-1).Draw(t, "part")
		if part.object {
			part.keys = append(part.keys, whole.keys[i])
		}
		part.elements = append(part.elements, drawPart(t, whole.elements[i], false))
	}
	return part
}

// spell writes a tree as JSON, each scalar and key in any of its spellings.
func spell(t *rapid.T, document tree) string {
	if document.spellings != nil {
		return rapid.SampledFrom(document.spellings).Draw(t, "spelling")
	}
	parts := make([]string, len(document.elements))
	for i, element := range document.elements {
		parts[i] = spell(t, element)
		if document.object {
			parts[i] = rapid.SampledFrom(document.keys[i]).Draw(t, "key's spelling") + ": " + parts[i]
		}
	}
	if document.object {
		return "{" + strings.Join(parts, " , ") + "}"
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func drawMeta(t *rapid.T) tree {
	if oneIn(t, 8, "odd meta") {
		return drawTree(t, 3)
	}
	meta := tree{object: true}
	values := map[string][][]string{
		`"execution_id"`: {{`"4711"`}, {`4711`}, {`4711.0`}, {`null`}, {`true`}, {`{"b":[1.50,"\u00e9"],"a":{}}`}},
		`"node_name"`:    {{`"load"`}, {`"load"`}, {`7e0`}, {`[ ]`}, {`"a\"\n"`}, {`null`}},
		`"status"`:       {{`"FAILED"`}, {`"failed"`}, {`"FaiLed"`}, {`"ÉCHEC"`}, {`"échec"`}, {`null`}, {`["A"]`}},
		`"error"`:        {{`"Disk full"`}, {`"STRASSE 12"`, `"\u0053trasse\t12"`}, {`["disk"]`}, {`null`}},
		`"a"`:            {{`1`}, {`"x"`}},
	}
	for _, key := range []string{`"execution_id"`, `"node_name"`, `"status"`, `"error"`, `"a"`} {
		if oneIn(t, 8, "no "+key) {
			continue
		}
		meta.keys = append(meta.keys, []string{key})
		meta.elements = append(meta.elements, tree{spellings: rapid.SampledFrom(values[key]).Draw(t, key+" value")})
	}
	return meta
}

func drawPair(t *rapid.T) pair {
	drawOne := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	drawOptional := func(label string, from ...string) *string {
		if !oneIn(t, 8, label) {
			return nil
		}
		return new(drawOne(label, from...))
	}
	drawList := func(label string, from ...string) []string {
		if !oneIn(t, 8, label) {
			return nil
		}
		return rapid.SliceOfN(rapid.SampledFrom(from), 0, 3).Draw(t, label)
	}
	instant := func(label string) time.Time {
		return time.Date(2026, 10, 31, 23, 59, 59, rapid.IntRange(0, 2).Draw(t, label)*1000, time.UTC)
	}
	drawOptionalTime := func(label string) *time.Time {
		if !oneIn(t, 8, label) {
			return nil
		}
		return new(instant(label))
	}
	p := pair{
		Type: drawOne("type", "STARTED", "started"), ResourceType: drawOne("resource type", "playbook", "task"),
		Path: drawOne("event's path", "a/one", "a/two", "b%/é"), Version: drawOne("event's version", "1", "10"), At: instant("at"),
		Types: drawList("types", "STARTED", "started", "NONE"), ResourceTypes: drawList("resource types", "playbook", "task"),
		FilterPath: drawOptional("path", "a/one", "b%/é", "a"), PathPrefix: drawOptional("prefix", "", "a", "a/", "a/one", "a/one/", "b%", "b_", "b%/é"),
		FilterVersion: drawOptional("version", "1", "10", ""),
		ExecutionID:   drawOptional("execution", "4711", "4711.0", "true", "null", "", `{"a": {}, "b": [1.50, "é"]}`),
		Step:          drawOptional("step", "load", "7", "[]", "a\"\n", "LOAD"),
		Statuses:      drawList("statuses", "FAILED", "Failed", "ÉCHEC", "échec", `["a"]`, "null", ""),
		Since:         drawOptionalTime("since"), Until: drawOptionalTime("until"),
		Paths: drawList("paths", "a/one", "a/two", "b%/é", "none"), ExcludeTypes: drawList("exclude types", "STARTED", "NONE"),
		Text:   drawOptional("text", "one", "TWO started", "e", "é", "échec", "load faiLED", "o", "wo", "%", "b%", "disk", "FULL disk", "straße 12", ""),
		Scopes: []string{""},
	}
	if p.Text != nil {
		p.WordPatterns = words.Parse(*p.Text).Patterns()
	}
	if oneIn(t, 4, "scoped") {
		p.Scopes = rapid.SampledFrom([][]string{{"a/"}, {"b", "a/one"}, {"c"}, {}, nil}).Draw(t, "scopes")
	}
	document := func(label string, whole tree) (event, contained *string) {
		if !oneIn(t, 8, label+" null") {
			event = new(spell(t, whole))
		}
		switch {
		case oneIn(t, 2, label+" part"):
			contained = new(spell(t, drawPart(t, whole, true)))
		case oneIn(t, 4, label+" unrelated"):
			contained = new(spell(t, drawTree(t, 3)))
		}
		return event, contained
	}
	payload := drawTree(t, 4)
	if payload.object && oneIn(t, 2, "payload's error") {
		payload.keys = append(payload.keys, []string{`"error"`})
		payload.elements = append(payload.elements, tree{spellings: rapid.SampledFrom([][]string{{`"Disk  full"`}, {`"échec"`}, {`{"disk": 1}`}, {`""`}}).Draw(t, "error")})
	}
	p.Payload, p.PayloadContains = document("payload", payload)
	p.Meta, p.MetaContains = document("meta", drawMeta(t))
	return p
}

func TestMatcher_TimeBounds_WholeMicroseconds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 12, 0, 0, 5_000, time.UTC)
	for _, c := range []struct {
		name         string
		since, until time.Duration
		want         bool
	}{
		{"since itself", 0, time.Hour, true},
		{"a part of a microsecond is cut from since", 999, time.Hour, true},
		{"since the next microsecond", 1_000, time.Hour, false},
		{"until itself", -time.Hour, 0, false},
		{"a part of a microsecond is cut from until", -time.Hour, 999, false},
		{"until the next microsecond", -time.Hour, 1_000, true},
	} {
		filter := eventlog.Filter{Since: new(at.Add(c.since)), Until: new(at.Add(c.until))}
		m, err := newMatcher(filter, []string{""})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.passes(&Entry{Event: &eventlog.Event{Timestamp: at}}); got != c.want {
			t.Errorf("%s: want %t, got %t", c.name, c.want, got)
		}
	}
}

func TestMatcher_DroppedOrUnreadableEvent_NeverPasses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		filter eventlog.Filter
		event  *eventlog.Event
		want   bool
	}{
		{"dropped", eventlog.Filter{}, nil, false},
		{"any", eventlog.Filter{}, &eventlog.Event{}, true},
		{"no payload", eventlog.Filter{PayloadContains: []byte(`{}`)}, &eventlog.Event{}, false},
		{"no meta", eventlog.Filter{MetaContains: []byte(`null`)}, &eventlog.Event{}, false},
		{"broken payload", eventlog.Filter{PayloadContains: []byte(`{}`)}, &eventlog.Event{Payload: []byte(`{`)}, false},
		{"broken meta", eventlog.Filter{Step: new("x")}, &eventlog.Event{Meta: []byte(`{"a": [, "node_name": "x"}`)}, false},
	} {
		m, err := newMatcher(c.filter, []string{""})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.passes(&Entry{Event: c.event}); got != c.want {
			t.Errorf("%s: want %t, got %t", c.name, c.want, got)
		}
	}
}

func TestNewMatcher_BrokenJSON_Error(t *testing.T) {
	t.Parallel()
	for field, filter := range map[string]eventlog.Filter{
		"payload": {PayloadContains: []byte(`{"a"`)},
		"meta":    {MetaContains: []byte{}},
	} {
		if _, err := newMatcher(filter, nil); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: want an error that names it, got %v", field, err)
		}
	}
}

// newMatcher does not change its filter.
func TestNewMatcher_StatusesAnyCase_FilterUntouched(t *testing.T) {
	t.Parallel()
	filter := eventlog.Filter{Statuses: []string{"FAILED"}}
	if _, err := newMatcher(filter, nil); err != nil {
		t.Fatal(err)
	}
	if filter.Statuses[0] != "FAILED" {
		t.Errorf("want FAILED, got %s", filter.Statuses[0])
	}
}

func TestASCIILower_OtherLetters_Unchanged(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "@AZ[`az{": "@az[`az{", "ÉCHEC": "Échec", "\u212a\u0130": "\u212a\u0130"} {
		if got := eventlog.ASCIILower(text); got != want {
			t.Errorf("%s: want %s, got %s", text, want, got)
		}
	}
}

// sampleEntry returns an event of about 700 bytes that passes all of sampleFilters except
// "other".
func sampleEntry() *Entry {
	return &Entry{ResourceType: "playbook", Event: &eventlog.Event{
		Type: "STEP_COMPLETED", Path: "team/flow", Version: "7", Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Payload: []byte(`{"rows": 1500, "step": "load", "files": [{"name": "a.csv", "size": 4096.5}, {"name": "b.csv", "size": 17}], "result": {"ok": true, "tags": ["x", "y", "z"], "note": "` + strings.Repeat("é ", 150) + `"}}`),
		Meta:    []byte(`{"status": "COMPLETED", "attempt": 1, "node_name": "load", "execution_id": "4711"}`),
	}}
}

func sampleFilters() map[string]eventlog.Filter {
	return map[string]eventlog.Filter{
		"plain":   {Types: []string{"STEP_STARTED", "STEP_COMPLETED"}, PathPrefix: new("team/"), Version: new("7")},
		"keys":    {ExecutionID: new("4711"), Step: new("load"), Statuses: []string{"failed", "completed"}},
		"payload": {PayloadContains: []byte(`{"files":[{"name":"b.csv"}],"result":{"tags":["z"]}}`)},
		"meta":    {MetaContains: []byte(`{"attempt":1.0}`)},
		"text":    {Text: new("flow completed")},
		"other":   {PayloadContains: []byte(`{"result":{"tags":["w"]}}`)},
	}
}

func TestMatcher_ManyAtOnce_OneEntry(t *testing.T) {
	t.Parallel()
	matchers := map[string]*matcher{}
	for name, filter := range sampleFilters() {
		m, err := newMatcher(filter, []string{"none/", "team/"})
		if err != nil {
			t.Fatal(err)
		}
		matchers[name] = m
	}
	for range 50 {
		e := sampleEntry()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for name, m := range matchers {
					if got, want := m.passes(e), name != "other"; got != want {
						t.Errorf("%s: want %t, got %t", name, want, got)
					}
				}
			})
		}
		all.Wait()
	}
}

// The first matcher parses; no other allocates. Not parallel: allocations are
// counted for the whole process.
func TestMatcher_ParsedEntry_NoAllocation(t *testing.T) {
	for name, filter := range sampleFilters() {
		m, err := newMatcher(filter, []string{"none/", "team/"})
		if err != nil {
			t.Fatal(err)
		}
		e := sampleEntry()
		if got := testing.AllocsPerRun(100, func() { m.passes(e) }); got != 0 {
			t.Errorf("%s: want no allocation, got %v", name, got)
		}
	}
}

func BenchmarkMatcher_ParsedEntry(b *testing.B) {
	for name, filter := range sampleFilters() {
		b.Run(name, func(b *testing.B) {
			m, err := newMatcher(filter, []string{""})
			if err != nil {
				b.Fatal(err)
			}
			e := sampleEntry()
			b.ReportAllocs()
			for b.Loop() {
				m.passes(e)
			}
		})
	}
}

func BenchmarkMatcher_NewEntry(b *testing.B) {
	for name, filter := range sampleFilters() {
		b.Run(name, func(b *testing.B) {
			m, err := newMatcher(filter, []string{""})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				m.passes(sampleEntry())
			}
		})
	}
}

// A filter of 1,000 scalars against an array of 10,000.
func BenchmarkMatcher_LargeArrays(b *testing.B) {
	array := func(size int) []byte {
		numbers := make([]string, size)
		for i := range numbers {
			numbers[i] = fmt.Sprintf("%d.5", (i*7919)%size)
		}
		return []byte("[" + strings.Join(numbers, ", ") + "]")
	}
	m, err := newMatcher(eventlog.Filter{PayloadContains: array(1_000)}, []string{""})
	if err != nil {
		b.Fatal(err)
	}
	e := &Entry{Event: &eventlog.Event{Payload: array(10_000)}}
	b.ReportAllocs()
	for b.Loop() {
		if !m.passes(e) {
			b.Fatal("the entry does not pass")
		}
	}
}
