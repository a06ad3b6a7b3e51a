package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"text/tabwriter"
)

// growth compares the cost of a request with that at ten times the events, in
// 24 partitions instead of 7, and at ten times the resources as well. The two
// sizes take turns.
func growth(ctx context.Context, b *bench) error {
	chosen, err := b.chosen()
	if err != nil {
		return err
	}
	small := scale{10_000, 1_000_000, 6}
	smallURL, err := b.filled(ctx, "requests", small)
	if err != nil {
		return err
	}
	for _, large := range []scale{{10_000, 10_000_000, 23}, {100_000, 10_000_000, 23}} {
		largeURL, err := b.filled(ctx, fmt.Sprintf("growth_%d", large.resources), large)
		if err != nil {
			return err
		}
		fmt.Printf("growth: from %s to %s; a logarithm would grow by %.2f\n",
			small, large, math.Log(float64(large.events))/math.Log(float64(small.events)))
		if err := b.growTo(ctx, chosen, [2]string{smallURL, largeURL}); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) growTo(ctx context.Context, chosen []workload, urls [2]string) error {
	writer := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(writer, strings.Join(cells, "\t")+"\t") }
	row("", "CPU ms", "at 10x", "ratio", "of it server", "PostgreSQL", "1 conn. p50 ms", "at 10x", "ratio")
	for _, w := range chosen {
		if w.writes {
			continue
		}
		grown, err := b.grow(ctx, urls, w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		ratio := func(figure func(figures) float64) string {
			ratios := make([]float64, b.rounds)
			for round := range ratios {
				ratios[round] = figure(grown[1].rounds[round]) / figure(grown[0].rounds[round])
			}
			return fmt.Sprintf("%.2f", median(ratios))
		}
		row(w.name, fmt.Sprintf("%.3f", grown[0].of(cpu)), fmt.Sprintf("%.3f", grown[1].of(cpu)), ratio(cpu),
			ratio(func(f figures) float64 { return f.own.Seconds() }), ratio(func(f figures) float64 { return f.postgres.Seconds() }),
			fmt.Sprintf("%.2f", milliseconds(grown[0].alone)), fmt.Sprintf("%.2f", milliseconds(grown[1].alone)),
			fmt.Sprintf("%.2f", grown[1].alone.Seconds()/grown[0].alone.Seconds()))
	}
	err := writer.Flush()
	fmt.Println()
	return err
}

// grow measures the server on both databases.
func (b *bench) grow(ctx context.Context, urls [2]string, w workload) (grown [2]*contestant, err error) {
	for i := range grown {
		both, err := b.compare(ctx, urls[i], w)
		if err != nil {
			return grown, err
		}
		grown[i] = both[0]
		if grown[i].server, err = b.serve(ctx, urls[i]); err != nil {
			return grown, err
		}
		defer grown[i].stop()
	}
	return grown, b.compete(grown[:])
}
