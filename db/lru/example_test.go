package lru_test

import (
	"fmt"

	"github.com/noetl/noetl-catalog/db/lru"
)

// An entry may take up to an eighth of the cache. Nine entries that are slightly smaller do
// not fit: the least recently used one is evicted.
func ExampleCache() {
	const limit = 64 << 10
	answers := lru.New[int, string](limit)
	for n := range 9 {
		answers.Get(0) // marks it as used
		answers.Add(n, fmt.Sprint("answer ", n), limit/9)
	}
	for _, n := range []int{0, 1, 8} {
		answer, ok := answers.Get(n)
		fmt.Printf("%q %t\n", answer, ok)
	}
	// Output:
	// "answer 0" true
	// "" false
	// "answer 8" true
}
