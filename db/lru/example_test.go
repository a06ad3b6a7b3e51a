package lru_test

import (
	"fmt"

	"github.com/noetl/noetl-catalog/db/lru"
)

// An entry may take an eighth of the cache. Nine of a little less than that do not
// fit: the least recently used one is evicted.
func ExampleCache() {
	const limit = 64 << 10
	answers := lru.New[int, string](limit)
	for n := range 9 {
		answers.Get(0) // which keeps it
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
