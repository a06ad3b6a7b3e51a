// Package words finds words in texts, whatever their case and accents. The SQL functions
// text_fold and text_words are the same.
package words

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns a text without case, accents and forms of compatibility.
func Fold(text string) string {
	var folded strings.Builder
	folded.Grow(len(text))
	if !isASCII(text) {
		text = norm.NFKD.String(text)
	}
	for _, r := range text {
		switch {
		case 'A' <= r && r <= 'Z':
			folded.WriteByte(byte(r) + 'a' - 'A')
		case r < utf8.RuneSelf:
			folded.WriteByte(byte(r))
		case unicode.Is(removed, r):
		default:
			if other, ok := replaced[r]; ok {
				folded.WriteString(other)
			} else {
				folded.WriteRune(r)
			}
		}
	}
	return folded.String()
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Split returns the folded words of a text, in their order.
func Split(text string) []string {
	return strings.FieldsFunc(Fold(text), func(r rune) bool { return unicode.Is(separators, r) })
}

// Of returns the folded words of texts, with one space before, between and after them.
func Of(texts ...string) string {
	words := Split(strings.Join(texts, " "))
	if len(words) == 0 {
		return " "
	}
	return " " + strings.Join(words, " ") + " "
}

// infixLength is the least number of code points of a word that is also found inside
// other words.
const infixLength = 3

// Query is the words that a text is searched for.
type Query []string

// Parse returns the distinct words of a query.
func Parse(text string) Query {
	var query Query
	seen := map[string]bool{}
	for _, word := range Split(text) {
		if !seen[word] {
			seen[word] = true
			query = append(query, word)
		}
	}
	return query
}

// Patterns returns for each word the pattern of LIKE that finds it in a result of Of.
func (q Query) Patterns() []string {
	patterns := make([]string, len(q))
	for i, word := range q {
		patterns[i] = "%" + searchFor(word) + "%"
	}
	return patterns
}

// In reports whether each word is in a result of Of: inside of a word, or at its
// beginning if it is short.
func (q Query) In(words string) bool {
	for _, word := range q {
		if !strings.Contains(words, searchFor(word)) {
			return false
		}
	}
	return true
}

func searchFor(word string) string {
	if utf8.RuneCountInString(word) < infixLength {
		return " " + word
	}
	return word
}
