package message_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/db/fault"
)

func values() message.Values {
	return message.Values{
		EventID: "e-1", EventType: "REGISTERED", ResourcePath: "a/b", ResourceVersion: "1.0.0", ResourceType: "playbook",
		Payload:   json.RawMessage(`{"rows": 12345678901234567890, "rate": 1.50, "ok": true, "none": null, "text": "say \"hé\"", "empty": "", "zero": 0, "list": [1, {"k": "v"}, [true]], "object": {"a b": {"c": "deep"}, "d\u0065": 5}, "rows": 7, "sp ce": "x", "none of it": [0.00, -0, 0e5, false, [ ], { }], "all of it": [0.01, 1e0, -1, true, [0], {"a": 0}], "a\\n": "backslash", "a\n": "escape"}`),
		Meta:      json.RawMessage(`{"execution_id": "4711"}`),
		Timestamp: time.Date(2026, 3, 1, 13, 0, 0, 1000, time.FixedZone("", 3600)),
	}
}

func TestRender_EachForm_Text(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"": "", "plain } text { with {braces}": "plain } text { with {braces}",
		"Resource {{ resource_path }} version {{ resource_version }} was registered.": "Resource a/b version 1.0.0 was registered.",
		"Resource {{ resource_path }} version {{ resource_version }} was updated.":    "Resource a/b version 1.0.0 was updated.",
		"Resource {{ resource_path }} already registered.":                            "Resource a/b already registered.",
		"Execution failed for {{ resource_path }}.":                                   "Execution failed for a/b.",
		"{{event_id}} {{event_type}} {{resource_type}} {{timestamp}}":                 "e-1 REGISTERED playbook 2026-03-01T12:00:00.000001Z",
		"{{ payload.rate }} {{ payload.ok }} {{ payload.text }}":                      `1.50 true say "hé"`,
		"{{ payload.rows }}":                                                             "7", // the last of equal keys, as everywhere
		"[{{ payload.none }}{{ payload.missing }}]":                                      "[]",
		"[{{ payload.text.deeper }}{{ meta[0] }}]":                                       "[]",
		"{{ payload.list[1].k }}{{ payload.list[0] }}":                                   "v1",
		"[{{ payload.list[9] }}]":                                                        "[]",
		"{{ payload.object['a b'][\"c\"] }}":                                             "deep",
		"{{ payload.object.de }}":                                                        "5",
		"{{ payload['sp ce'] }}":                                                         "x",
		"{{ payload.list }}":                                                             `[1,{"k":"v"},[true]]`,
		"{{ payload.list | tojson }}":                                                    `[1,{"k":"v"},[true]]`,
		"{{ payload.text | tojson }}":                                                    `"say \"hé\""`,
		"{{ payload.missing | tojson }}":                                                 "null",
		"{{ payload.text | upper }}":                                                     `SAY "HÉ"`,
		"{{ event_type | lower | upper | lower }}":                                       "registered",
		"{{ payload.missing | default('none') }}":                                        "none",
		"{{ payload.none | default(\"nil\") }}":                                          "nil",
		"[{{ payload.empty | default('x') }}]":                                           "[]",
		"{{ payload.empty | default('x', true) }}":                                       "x",
		"{{ payload.zero | default('x', true) }}":                                        "x",
		"{{ payload.zero | default('x', false) }}":                                       "0",
		"{{ payload.missing | default(3) }}":                                             "3",
		"{{ payload.missing | default(true) }}":                                          "true",
		"[{{ payload.missing | default(none) }}]":                                        "[]",
		"[{{ payload.missing | default }}]":                                              "[]",
		`{{ payload.missing | d('it\'s \\ \n') }}`:                                       "it's \\ \n",
		"{{ payload.missing | default('}}') }}":                                          "}}",
		"{{ payload.missing | default('one two three four') | truncate(9) }}":            "one...",
		"{{ payload.missing | default('one two three four') | truncate(9, true) }}":      "one tw...",
		"{{ payload.missing | default('one two three four') | truncate(9, true, '…') }}": "one two …",
		"{{ payload.missing | default('ééééééééééééé') | truncate(5, true, '') }}":       "ééééé",
		"{{ payload.missing | default('one two three') | truncate(8) }}":                 "one two three", // within the leeway
		"{{ payload['a\\n'] }} {{ payload['a\\\\n'] }}":                                  "escape backslash",
		"{{ payload.missing | default(-1) }} {{ payload.missing | default(0.5) }} {{ payload.missing | default(12345678901) }}": "-1 0.5 12345678901",
		"{{ payload.missing | default(True) }}{{ payload.missing | default(None) }}":                                            "true",
		"a{##}b{#}c#}d":          "abd",
		"a{# not {{ seen }} #}b": "ab",
	} {
		parsed, err := message.Parse(template)
		if err != nil {
			t.Errorf("%s: %v", template, err)
			continue
		}
		if got, err := parsed.Render(values()); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", template, got, err, want)
		}
	}
}

func TestParse_OutsideTheSubset_RefusedWithPosition(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]struct {
		line, column int
		message      string
	}{
		"{{ a }}":                               {1, 4, "unknown name"},
		"é\n {{ nothing }}":                     {2, 5, "unknown name"},
		"x {{ resource_path":                    {1, 3, "no end"},
		"x {{":                                  {1, 3, "no end"},
		"{{ }}":                                 {1, 4, "a name is expected"},
		"{{ 1 + 1 }}":                           {1, 4, "a name is expected"},
		"{{ payload.a + 1 }}":                   {1, 14, "only names"},
		"{{ payload() }}":                       {1, 11, "only names"},
		"{{ payload. }}":                        {1, 12, "a key is expected"},
		"{{ payload[x] }}":                      {1, 12, "an index from 0"},
		"{{ payload[-1] }}":                     {1, 12, "an index from 0"},
		"{{ payload[99999999999] }}":            {1, 12, "an index from 0"},
		"{{ payload['a }}":                      {1, 12, "this string has no end"},
		"{{ payload['a\\q'] }}":                 {1, 14, "only"},
		"{{ payload['a' }}":                     {1, 16, "] is expected"},
		"{{ payload | nope }}":                  {1, 14, "unknown filter"},
		"{{ payload | }}":                       {1, 14, "unknown filter"},
		"{{ payload | upper(1) }}":              {1, 14, "takes no arguments"},
		"{{ payload | default(a) }}":            {1, 22, "a string, a number"},
		"{{ payload | default('a' 'b') }}":      {1, 26, ", or )"},
		"{{ payload | default('a', 'b') }}":     {1, 14, "default takes"},
		"{{ payload | default(007) }}":          {1, 22, "not a number"},
		"{{ payload | truncate('a') }}":         {1, 14, "truncate takes"},
		"{{ payload | truncate(2) }}":           {1, 14, "truncate cannot cut"},
		"{{ payload | default(-) }}":            {1, 22, "not a number"},
		"{{ payload | default(1.) }}":           {1, 22, "not a number"},
		"{{ payload | default(trUe) }}":         {1, 22, "a string, a number"},
		"{{ payload | truncate(9.5) }}":         {1, 14, "truncate takes"},
		"{{ payload | truncate(-9) }}":          {1, 14, "truncate cannot cut"},
		"{{- payload }}":                        {1, 3, "whitespace control"},
		"{{ payload -}}":                        {1, 12, "whitespace control"},
		"{#- payload #}":                        {1, 1, "whitespace control"},
		"a {# payload -#}":                      {1, 3, "whitespace control"},
		"{#}":                                   {1, 1, "this comment has no end"},
		"a\n{% for x in payload %}{% endfor %}": {2, 1, "statements"},
		"{% include '/etc/passwd' %}":           {1, 1, "statements"},
		"{# no end":                             {1, 1, "this comment has no end"},
	} {
		_, err := message.Parse(template)
		got, ok := fault.As(err)
		if !ok || got.Code != fault.BadUserInput || got.Argument != "template" || got.Line != want.line || got.Column != want.column || !strings.Contains(got.Message, want.message) {
			t.Errorf("%q: %+v, want %+v", template, got, want)
		}
	}
	for name, template := range map[string]string{
		"too long": strings.Repeat("x", message.MaxTemplate+1), "NUL": "a\x00", "not UTF-8": "a\xff",
	} {
		if _, err := message.Parse(template); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}

func TestRender_LongOutput_ErrTooLong(t *testing.T) {
	t.Parallel()
	parsed, err := message.Parse(strings.Repeat("{{ payload }}", 10))
	if err != nil {
		t.Fatal(err)
	}
	long := message.Values{Payload: json.RawMessage(`"` + strings.Repeat("x", message.MaxOutput/9) + `"`)}
	if _, err := parsed.Render(long); !errors.Is(err, message.ErrTooLong) {
		t.Errorf("error %v, want ErrTooLong", err)
	}
}

// A short template over a large payload ends early instead of occupying the server, and
// so does a chain of filters each of which doubles its input.
func TestRender_MuchWork_ErrTooMuchWork(t *testing.T) {
	t.Parallel()
	large := json.RawMessage(`{"a": "` + strings.Repeat("x ", message.MaxWork/16) + `"}`)
	blank := json.RawMessage("[" + strings.Repeat(" ", message.MaxWork/16) + "]")
	for template, want := range map[string]error{
		strings.Repeat("{{ meta }}", 100):                                 message.ErrTooMuchWork,
		"{{ payload.a | truncate(9) }}":                                   nil,
		strings.Repeat("{{ payload.b }}", 300):                            message.ErrTooMuchWork,
		strings.Repeat("{{ payload.a | truncate(9) }}", 200):              message.ErrTooMuchWork,
		"{{ event_id" + strings.Repeat(" | tojson", 500) + "}}":           message.ErrTooMuchWork,
		"{{ event_id" + strings.Repeat(" | tojson", 3) + " | upper }}":    nil,
		"{{ event_id" + strings.Repeat(" | upper | lower", 400) + "}}":    nil,
		"{{ payload" + strings.Repeat(".a", 3000) + " | default('x') }}":  nil,
		"{{ payload.a" + strings.Repeat(" | upper", 10) + " | tojson }} ": message.ErrTooMuchWork,
	} {
		parsed, err := message.Parse(template)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parsed.Render(message.Values{EventID: `"`, Payload: large, Meta: blank}); !errors.Is(err, want) {
			t.Errorf("%.60s: error %v, want %v", template, err, want)
		}
	}
}

// With true, default replaces exactly the values that are false in Jinja.
func TestRender_DefaultTrue_ReplacesFalseValues(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"none of it": "x x x x x x ", "all of it": `0.01 1e0 -1 true [0] {"a":0} `,
	} {
		template := ""
		for i := range 6 {
			template += fmt.Sprintf("{{ payload['%s'][%d] | default('x', true) }} ", key, i)
		}
		parsed, err := message.Parse(template)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parsed.Render(values()); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", key, got, err, want)
		}
	}
}

func TestUses_NamesInExpressions_Only(t *testing.T) {
	t.Parallel()
	parsed, err := message.Parse("payload {# {{ meta }} #} {{ resource_type | upper }}")
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Uses("payload") || parsed.Uses("meta") || !parsed.Uses("resource_type") {
		t.Error("a template uses only what its expressions name")
	}
}

// Text without an opening brace renders as itself.
func TestRender_PlainText_Itself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[^{\x00]{0,100}`).Draw(t, "text")
		parsed, err := message.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parsed.Render(message.Values{}); err != nil || got != text {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

// keys returns keys of which some look like the JSON of others.
func keys() []string { return []string{"a", "b", "c\"d", "é", "", "\n", `\n`} }

// A path into JSON leads to the same value as in the JSON decoded by encoding/json.
func TestRender_StepsIntoJSON_AsDecoded(t *testing.T) {
	t.Parallel()
	var generate func(depth int) *rapid.Generator[any]
	generate = func(depth int) *rapid.Generator[any] {
		scalars := rapid.OneOf(rapid.Just[any]("t\"e\\xt"), rapid.Just[any](1.5), rapid.Just[any](true), rapid.Just[any](nil))
		if depth == 0 {
			return scalars
		}
		return rapid.OneOf(scalars,
			rapid.Map(rapid.SliceOfN(generate(depth-1), 0, 3), func(s []any) any { return s }),
			rapid.Map(rapid.MapOfN(rapid.SampledFrom(keys()), generate(depth-1), 0, 3), func(m map[string]any) any { return m }))
	}
	rapid.Check(t, func(t *rapid.T) {
		value := generate(3).Draw(t, "value")
		path, current := "", value
		for range rapid.IntRange(0, 3).Draw(t, "steps") {
			if list, ok := current.([]any); ok && rapid.Bool().Draw(t, "into") {
				index := rapid.IntRange(0, 3).Draw(t, "index")
				path += fmt.Sprintf("[%d]", index)
				current = nil
				if index < len(list) {
					current = list[index]
				}
				continue
			}
			key := rapid.SampledFrom(keys()).Draw(t, "key")
			path += "['" + strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(key) + "']"
			object, _ := current.(map[string]any)
			current = object[key]
		}
		payload, err := json.MarshalIndent(value, " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := message.Parse("{{ payload" + path + " | tojson }}")
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(current)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parsed.Render(message.Values{Payload: payload}); err != nil || got != string(want) {
			t.Fatalf("%s of %s: %s, %v; want %s", path, payload, got, err, want)
		}
	})
}

func TestCache_RepeatedAndBroken_ParsedOnce(t *testing.T) {
	t.Parallel()
	cache := message.NewCache(1 << 20)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, text := range []string{"a", "b {{ event_id }}", "{{", "c"} {
				template, err := cache.Parse(text)
				if (err != nil) != (text == "{{") {
					t.Errorf("%s: %v", text, err)
				}
				if err == nil {
					if _, err := template.Render(values()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	first, _ := cache.Parse("a")
	if second, _ := cache.Parse("a"); first != second {
		t.Error("the same text was parsed twice")
	}
}

func TestCache_MoreThanItsSize_KeepsTheLast(t *testing.T) {
	t.Parallel()
	cache := message.NewCache(1 << 20)
	first, _ := cache.Parse("a")
	for n := range 5000 {
		if _, err := cache.Parse(fmt.Sprint("text ", n)); err != nil {
			t.Fatal(err)
		}
	}
	if again, _ := cache.Parse("a"); again == first {
		t.Error("the cache does not keep the last templates")
	}
	long := strings.Repeat("x", 1<<20)
	_, once := cache.Parse(long)
	if _, twice := cache.Parse(long); once == nil || errors.Is(twice, once) {
		t.Error("the cache keeps a text that is too long")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"{{ payload.a[0]['b'] | default('x', true) | truncate(9) }}", "{# c #}{% x %}", "{{ meta | tojson }", "{{{{", "}}"} {
		f.Add(seed, `{"a": [{"b": "c"}]}`)
	}
	f.Fuzz(func(t *testing.T, text, payload string) {
		parsed, err := message.Parse(text)
		if err != nil {
			if _, ok := fault.As(err); !ok {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		sample := values()
		sample.Payload = json.RawMessage(payload)
		// Invalid JSON must not make it hang or panic.
		got, err := parsed.Render(sample)
		if err == nil && (len(got) > message.MaxOutput || utf8.ValidString(payload) && !utf8.ValidString(got)) {
			t.Fatalf("rendered %d bytes, valid %v", len(got), utf8.ValidString(got))
		}
	})
}

func BenchmarkRender(b *testing.B) {
	template, err := message.Parse("Resource {{ resource_path }} version {{ resource_version }} was registered.")
	if err != nil {
		b.Fatal(err)
	}
	sample := values()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := template.Render(sample); err != nil {
			b.Fatal(err)
		}
	}
}
