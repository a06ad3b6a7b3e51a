package cli

import (
	"math"
	"strings"

	"github.com/mattn/go-runewidth"
)

// cell is a text in a table. It may contain any character that a server sends.
type cell struct {
	text  string
	style style
}

func cells(texts ...string) []cell {
	row := make([]cell, len(texts))
	for i, text := range texts {
		row[i].text = text
	}
	return row
}

// table prints rows in columns. It aligns the rows of one page, since printed rows are not
// kept. The columns of later pages are at least as wide.
type table struct {
	*screen
	titles []string
	widths []int
	rows   [][]cell
}

func (s *screen) table(titles ...string) *table { return &table{screen: s, titles: titles} }

func (t *table) add(row ...cell) {
	for i := range row {
		row[i].text = inOneLine(row[i].text)
	}
	t.rows = append(t.rows, row)
}

// widest is the largest width to which a column is padded on a terminal, since one very long
// cell would otherwise push the next columns of all rows off the screen.
func (t *table) widest() int {
	if t.width == 0 {
		return math.MaxInt
	}
	return max(t.width/2, 32)
}

// flush prints the added rows, the first time below the titles.
func (t *table) flush() error {
	if t.widths == nil && len(t.rows) > 0 {
		t.widths = make([]int, len(t.titles))
		titles := cells(t.titles...)
		for i := range titles {
			titles[i].style = bold
		}
		t.rows = append([][]cell{titles}, t.rows...)
	}
	for _, row := range t.rows {
		for i, cell := range row {
			if width := runewidth.StringWidth(cell.text); width <= t.widest() {
				t.widths[i] = max(t.widths[i], width)
			}
		}
	}
	for _, row := range t.rows {
		t.print(row)
	}
	t.rows = t.rows[:0]
	return t.Flush()
}

// print prints a row. It truncates the last cell at the right edge of the terminal.
func (t *table) print(row []cell) {
	var line strings.Builder
	used := 0
	for i, cell := range row {
		text := cell.text
		last := i == len(row)-1
		if left := t.width - used; last && t.width > 0 && left > 0 {
			text = runewidth.Truncate(text, left, "…")
		}
		line.WriteString(t.paint(cell.style, text))
		if !last {
			width := runewidth.StringWidth(text)
			padded := max(t.widths[i], width) + 2
			line.WriteString(strings.Repeat(" ", padded-width))
			used += padded
		}
	}
	_, _ = t.WriteString(strings.TrimRight(line.String(), " ") + "\n") // Flush returns the error
}
