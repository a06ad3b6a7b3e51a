package transport

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecodeRequest compares the decoder with encoding/json: both accept the
// same texts with the same values, except for the decoder's own limits.
func FuzzDecodeRequest(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{name}","variables":{"a":[1,-0.5e+3,true,false,null,"x"]},"operationName":"","extensions":{}}`,
		`{"query":"\u0041\ud83d\ude00\n\"\\\/"}`, `{"a":"\ud800"}`, `{"a":1,"a":2}`, `[]`, ` {} `, `{"a":1}x`, `{"a":01}`, `{"a":1.}`, `"\x"`,
		`{"a":"` + "\x00" + `"}`, "\xef\xbb\xbf{}", `-`, `nul`, strings.Repeat("[", 300),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, refused := decodeJSON(text, nil)
		if refused != nil {
			// encoding/json has neither the limits nor the checks of strings.
			ours := strings.Contains(refused.Message, "nests deeper") || strings.Contains(refused.Message, "surrogate") ||
				strings.Contains(refused.Message, "stands twice") || !utf8.Valid(text)
			if json.Valid(text) && !ours {
				t.Fatalf("refused: %s: %q", refused.Message, text)
			}
			return
		}
		var want any
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&want); err != nil || !json.Valid(text) {
			t.Fatalf("accepted: %q, where encoding/json returns %v", text, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%q (-encoding/json +ours)\n%s", text, d)
		}
		if params, refused := decodeRequest(text, nil); (params == nil) == (refused == nil) {
			t.Fatalf("%q: want either parameters or a refusal", text)
		}
	})
}

func TestDecodeRequest_PasswordInABrokenBody_NotInTheError(t *testing.T) {
	t.Parallel()
	request := `{"query":"{name}","variables":{"hunter2 ":{"hunter2":["hunter2","\ud800"]}}}`
	for end := range request {
		if _, refused := decodeRequest([]byte(request[:end]), nil); refused == nil || strings.Contains(refused.Error(), "hunter2") {
			t.Errorf("cut at %d: %v", end, refused)
		}
	}
}

func BenchmarkDecodeRequest(b *testing.B) {
	body := []byte(`{"query":"query($in:JSON){name(in:$in)}","variables":{"in":{"payload":{"steps":[` +
		strings.Repeat(`{"name":"fetch","n":17,"retry":true},`, 40) + `{}]}}}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, refused := decodeRequest(body, nil); refused != nil {
			b.Fatal(refused)
		}
	}
}
