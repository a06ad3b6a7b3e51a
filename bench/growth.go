package main

import (
	"context"
	"fmt"
	"math"
)

// growth compares the cost of a request with its cost at ten times the events, in 24
// partitions instead of 7, and at ten times the resources as well. The rounds of the two
// databases alternate.
func growth(ctx context.Context, b *bench) {
	chosen := b.chosen()
	small := scale{10_000, 1_000_000, 6}
	smallURL := b.filled(ctx, "requests", small)
	for _, large := range []scale{{10_000, 10_000_000, 23}, {100_000, 10_000_000, 23}} {
		largeURL := b.filled(ctx, fmt.Sprintf("growth_%d", large.resources), large)
		fmt.Printf("growth: from %s to %s; a logarithm would grow by %.2f\n",
			small, large, math.Log(float64(large.events))/math.Log(float64(small.events)))
		table := newTable()
		fmt.Fprintln(table, "\tCPU ms\tat 10x\tratio\tof it server\tPostgreSQL\t1 conn. p50 ms\tat 10x\tratio\t")
		for _, w := range chosen {
			if w.writes {
				continue
			}
			check(attempt(w.name, func() {
				grown := b.grow(ctx, [2]string{smallURL, largeURL}, w)
				fmt.Fprintf(table, "%s\t%.3f\t%.3f\t%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t\n", w.name, grown[0].of("CPU"), grown[1].of("CPU"),
					grown[1].ratio(grown[0], "CPU"), grown[1].ratio(grown[0], "own"), grown[1].ratio(grown[0], "PostgreSQL"),
					milliseconds(grown[0].alone), milliseconds(grown[1].alone), grown[1].alone.Seconds()/grown[0].alone.Seconds())
			}))
		}
		check(table.Flush())
		fmt.Println()
	}
}

// grow measures the server on both databases.
func (b *bench) grow(ctx context.Context, urls [2]string, w workload) (grown [2]*contestant) {
	for i := range grown {
		grown[i] = b.compare(ctx, urls[i], w)[0]
		grown[i].server = b.serve(ctx, urls[i])
		defer grown[i].stop()
	}
	b.compete(grown[:])
	return grown
}
