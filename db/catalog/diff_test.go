package catalog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/catalog/yaml"
)

func decode(t interface{ Fatal(...any) }, text []byte) (value any) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err, string(text))
	}
	return value
}

// apply executes an operation of a JSON Patch (RFC 6902) on a value, and fails if
// it is invalid. before is the value at the path before the operation.
func apply(t *rapid.T, value any, steps []string, operation string, operand any) (after, before any) {
	if len(steps) == 0 {
		if operation == "remove" {
			t.Fatal("the root is removed")
		}
		return operand, value
	}
	step, last := steps[0], len(steps) == 1
	switch v := value.(type) {
	case map[string]any:
		key := strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		old, exists := v[key]
		if exists == (last && operation == "add") {
			t.Fatalf("%s %q, which exists: %t", operation, key, exists)
		}
		if !last {
			v[key], before = apply(t, old, steps[1:], operation, operand)
			return v, before
		}
		if operation == "remove" {
			delete(v, key)
		} else {
			v[key] = operand
		}
		return v, old
	case []any:
		index, err := strconv.Atoi(step)
		if err != nil || index < 0 || index > len(v) || index == len(v) && (!last || operation != "add") {
			t.Fatalf("%s at %s of %d elements", operation, step, len(v))
		}
		if !last {
			v[index], before = apply(t, v[index], steps[1:], operation, operand)
			return v, before
		}
		switch operation {
		case "add":
			return slices.Insert(v, index, operand), nil
		case "remove":
			before = v[index]
			return slices.Delete(v, index, index+1), before
		}
		before, v[index] = v[index], operand
		return v, before
	}
	t.Fatalf("%q leads into %v", step, value)
	return nil, nil
}

func anyJSON() *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.SampledFrom([]string{"0", "1", "1.0", "-7", "123456789012345678901234567890", "1e300", "0.10"}), func(n string) any { return json.Number(n) }),
		rapid.Map(rapid.SampledFrom([]string{"", "a", "b", "true", "12", "line\nbreak", "<&>", "\u2028", "null", " ", "- x", "#"}), func(s string) any { return s }),
	)
	keys := rapid.SampledFrom([]string{"", "a", "b", "a/b", "~", "~1", "0", "name", "-", "<"})
	value := scalar
	for range 3 {
		inner := value
		value = rapid.OneOf(scalar,
			rapid.Map(rapid.SliceOfN(inner, 0, 5), func(list []any) any { return list }),
			rapid.Map(rapid.MapOfN(keys, inner, 0, 5), func(object map[string]any) any { return object }))
	}
	return value
}

func TestDiffPayloads_Applied_YieldsTheNewPayload(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base, payload := anyJSON().Draw(t, "base"), anyJSON().Draw(t, "payload")
		if rapid.Bool().Draw(t, "long") {
			// Arrays too long to be aligned.
			padding := make([]any, 3000)
			base, payload = map[string]any{"x": base, "p": padding, "l": []any{base}}, map[string]any{"x": payload, "p": padding, "l": []any{payload, base, payload}}
		}
		before, err := json.Marshal(base)
		if err != nil {
			t.Fatal(err)
		}
		after, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		changes, err := catalog.DiffPayloads(before, after)
		if err != nil {
			t.Fatal(err)
		}
		var patch []struct {
			Op, Path string
			Value    json.RawMessage
		}
		if err := json.Unmarshal(catalog.PatchOf(changes), &patch); err != nil {
			t.Fatal(err)
		}
		got := decode(t, before)
		for i, operation := range patch {
			var operand any
			if operation.Value != nil {
				operand = decode(t, operation.Value)
			}
			var replaced any
			got, replaced = apply(t, got, strings.Split(operation.Path, "/")[1:], operation.Op, operand)
			if change := changes[i]; change.Before != nil {
				if diff := cmp.Diff(decode(t, change.Before), replaced); diff != "" {
					t.Fatalf("change %d: before\n%s", i, diff)
				}
			}
		}
		if diff := cmp.Diff(decode(t, after), got); diff != "" {
			t.Fatalf("%s\n(-want +got):\n%s", catalog.PatchOf(changes), diff)
		}
	})
}

func TestDiffPayloads_Changes_ShortestDescription(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ base, payload, want string }{
		"nothing before":  {"", `{"a": 1.0}`, `ADDED "" null→{"a": 1.0}`},
		"equal":           {`{"a": [1, 2]}`, `{"a": [1, 2]}`, ``},
		"members":         {`{"a": 1, "b": 2}`, `{"b": 3, "c": 4}`, `REMOVED "/a" 1→null; CHANGED "/b" 2→3; ADDED "/c" null→4`},
		"a step in front": {`{"w": [{"s": 1}, {"s": 2}]}`, `{"w": [{"s": 0}, {"s": 1}, {"s": 2}]}`, `ADDED "/w/0" null→{"s":0}`},
		"digits":          {`{"n": 12345678901234567890123}`, `{"n": 12345678901234567890124}`, `CHANGED "/n" 12345678901234567890123→12345678901234567890124`},
		"another kind":    {`{"a": 1}`, `[1]`, `CHANGED "" {"a":1}→[1]`},
		"to null":         {`{"a": 1}`, `{"a": null}`, `CHANGED "/a" 1→null`},
		"odd keys":        {`{"a/b": 1, "~": 1}`, `{"a/b": 2, "~": 2}`, `CHANGED "/a~1b" 1→2; CHANGED "/~0" 1→2`},
	} {
		var base []byte
		if test.base != "" {
			base = []byte(test.base)
		}
		changes, err := catalog.DiffPayloads(base, []byte(test.payload))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, c := range changes {
			before, after := string(c.Before), string(c.After)
			if c.Before == nil {
				before = "null"
			}
			if c.After == nil {
				after = "null"
			}
			got = append(got, fmt.Sprintf("%s %q %s→%s", c.Kind, c.Pointer, before, after))
		}
		if strings.Join(got, "; ") != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, strings.Join(got, "; "), test.want)
		}
	}
}

// array returns n consecutive numbers.
func array(from, n int) []byte {
	text := []byte(`{"list":[0`)
	for i := range n {
		text = fmt.Appendf(text, ",%d", from+i)
	}
	return append(text, "]}"...)
}

// Arrays without common elements must not take quadratic time or memory.
func TestDiffPayloads_LongArrays_NotAligned(t *testing.T) {
	t.Parallel()
	changes, err := catalog.DiffPayloads(array(1_000_000, 20_000), array(5_000_000, 20_000))
	if err != nil || len(changes) != 20_000 {
		t.Errorf("%d changes, %v", len(changes), err)
	}
}

func TestDiffPayloads_TooMuchToCompare_ReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	base, payload := array(1_000_000, 250_000), array(5_000_000, 250_000)
	changes, err := catalog.DiffPayloads(base, payload)
	want := []catalog.Change{{Kind: catalog.Changed, Before: base, After: payload}}
	if diff := cmp.Diff(want, changes); err != nil || diff != "" {
		t.Errorf("%v: %.200s", err, diff)
	}
	if changes, err := catalog.DiffPayloads(base, base); err != nil || len(changes) != 0 {
		t.Errorf("equal payloads: %d changes, %v", len(changes), err)
	}
}

func TestDiffTexts_TooMuchToCompare_Reported(t *testing.T) {
	t.Parallel()
	text, err := catalog.DiffTexts(
		&catalog.Version{Path: "p", Label: "1", Content: strings.Repeat("a: 1\n", 300_000)},
		&catalog.Version{Path: "p", Label: "2", Content: strings.Repeat("a: 2\n", 300_000)})
	if want := "--- p@1\n+++ p@2\nTexts of 1500000 and 1500000 bytes differ; they are too long to be compared line by line.\n"; err != nil || text != want {
		t.Errorf("%v: %.200s", err, text)
	}
	before, after := array(1_000_000, 20_000), array(5_000_000, 20_000)
	text, err = catalog.DiffTexts(&catalog.Version{Path: "p", Label: "1", Payload: before}, &catalog.Version{Path: "p", Label: "2", Payload: after})
	if !strings.Contains(text, "Texts of 160012 and 160012 bytes differ") || err != nil {
		t.Errorf("payloads: %v: %.200s", err, text)
	}
	text, err = catalog.DiffTexts(&catalog.Version{Path: "p", Label: "1", Payload: before}, &catalog.Version{Path: "p", Label: "2", Payload: before})
	if text != "" || err != nil {
		t.Errorf("equal payloads: %v: %.200s", err, text)
	}
}

// Comparing takes about 100 ms at the limits.
func BenchmarkDiff(b *testing.B) {
	b.Run("payloads", func(b *testing.B) {
		before, after := array(1_000_000, 23_000), array(5_000_000, 23_000)
		for b.Loop() {
			if changes, err := catalog.DiffPayloads(before, after); err != nil || len(changes) != 23_000 {
				b.Fatal(len(changes), err)
			}
		}
	})
	b.Run("written", func(b *testing.B) {
		before, after := &catalog.Version{Payload: array(1_000_000, 11_000)}, &catalog.Version{Payload: array(5_000_000, 11_000)}
		for b.Loop() {
			if text, err := catalog.DiffTexts(before, after); err != nil || len(text) < 200_000 {
				b.Fatal(len(text), err)
			}
		}
	})
	b.Run("texts", func(b *testing.B) {
		before, after := &catalog.Version{}, &catalog.Version{}
		for i := range 30_000 {
			before.Content += fmt.Sprintf("key_%d: %d\n", i, i%3)
			after.Content += fmt.Sprintf("key_%d: %d\n", i, i%4)
		}
		for b.Loop() {
			if text, err := catalog.DiffTexts(before, after); err != nil || len(text) < 200_000 {
				b.Fatal(len(text), err)
			}
		}
	})
}

// applyUnified applies a unified diff to a text.
func applyUnified(t *rapid.T, diff, text string) string {
	left := strings.SplitAfter(text, "\n")
	var changed strings.Builder
	done := 0
	copyTo := func(line int) {
		for ; done < line; done++ {
			changed.WriteString(left[done])
		}
	}
	for line := range strings.SplitAfterSeq(strings.SplitN(diff, "\n", 3)[2], "\n") {
		switch {
		case strings.HasPrefix(line, "@@ "):
			var from int
			if _, err := fmt.Sscanf(line, "@@ -%d", &from); err != nil {
				t.Fatal(err, line)
			}
			copyTo(max(from-1, 0))
		case strings.HasPrefix(line, "+"):
			changed.WriteString(line[1:])
		case line != "":
			if line[1:] != left[done] {
				t.Fatalf("line %d is %q, not %q", done+1, left[done], line[1:])
			}
			if line[0] == ' ' {
				changed.WriteString(left[done])
			}
			done++
		}
	}
	copyTo(len(left))
	return changed.String()
}

func TestDiffTexts_Applied_YieldsTheNewText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		versions := [2]*catalog.Version{}
		texts := [2]string{}
		for i := range versions {
			payload, err := json.Marshal(anyJSON().Draw(t, "payload"))
			if err != nil {
				t.Fatal(err)
			}
			versions[i] = &catalog.Version{Path: "p", Label: strconv.Itoa(i), Payload: payload}
			if texts[i], err = yaml.Write(payload); err != nil {
				t.Fatal(err)
			}
		}
		diff, err := catalog.DiffTexts(versions[0], versions[1])
		if err != nil {
			t.Fatal(err)
		}
		got := texts[0]
		if diff != "" {
			got = applyUnified(t, diff, texts[0])
		}
		if got != texts[1] {
			t.Fatalf("%s\ngot  %q\nwant %q", diff, got, texts[1])
		}
	})
}

func TestDiffTexts_Texts_WithTheirComments(t *testing.T) {
	t.Parallel()
	first := &catalog.Version{Path: "p/q", Label: "1.0.0", Content: "# why\na: 1\n"}
	second := &catalog.Version{Path: "p/q", Label: "1.0.1", Payload: []byte(`{"a": 2, "b": ["x: y", 12345678901234567890123, true]}`)}
	for _, test := range []struct {
		base, version *catalog.Version
		want          string
	}{
		{nil, first, "--- /dev/null\n+++ p/q@1.0.0\n@@ -0,0 +1,2 @@\n+# why\n+a: 1\n"},
		{first, first, ""},
		{first, second, "--- p/q@1.0.0\n+++ p/q@1.0.1\n@@ -1,2 +1,5 @@\n-# why\n-a: 1\n+a: 2\n+b:\n+  - 'x: y'\n+  - 12345678901234567890123\n+  - true\n"},
	} {
		got, err := catalog.DiffTexts(test.base, test.version)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

// The text that Write writes parses as the same payload.
func TestWrite_Parsed_SamePayload(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "12", "true", "", "~", "x: y", "<<", "no"}), anyJSON(), 0, 6).Draw(t, "payload")
		payload, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml.Write(payload)
		if err != nil {
			t.Fatal(err)
		}
		again, err := yaml.Parse("yaml", text, catalog.DefaultLimits())
		if err != nil {
			t.Fatal(err, text)
		}
		want, got := decode(t, payload), decode(t, again.JSON)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s\n%s", text, diff)
		}
	})
}
