package rawrow

// Memory is where what is read of rows lies: many values to a block, for fewer
// allocations. It serves one read after another. The zero value is ready.
type Memory struct {
	row      Row
	block    []byte
	optional Slab[string]
	// taken is how many bytes the blocks have that were begun since Reset.
	taken int
}

const (
	// maxBlock is the most, in bytes, that small values of several rows take together.
	maxBlock = 8 << 10
	// maxReused is the most, in bytes, that is used again.
	maxReused = 256 << 10
)

// Reset lets the memory be used again, and reports whether it will: what was
// read into it must not be looked at any longer. Where it was much it is left to
// the collector, and so must be all that refers to it.
func (m *Memory) Reset() bool {
	if m.taken > maxReused {
		*m = Memory{}
		return false
	}
	m.optional.Reset()
	clear(m.row.texts)
	m.row = Row{texts: m.row.texts[:0]}
	m.block, m.taken = m.block[:0], cap(m.block)
	return true
}

// keep copies a value into the block. Where there is no room for it, a new one
// begins, of so many bytes at least.
func (m *Memory) keep(value []byte, size int) []byte {
	if cap(m.block)-len(m.block) < len(value) {
		m.block = make([]byte, 0, max(size, len(value), min(2*cap(m.block), maxBlock)))
		m.taken += cap(m.block)
	}
	start := len(m.block)
	m.block = append(m.block, value...)
	return m.block[start:len(m.block):len(m.block)]
}

// Slab makes values that are kept together: fewer allocations, and no copies.
type Slab[T any] struct {
	chunks [][]T
	// at is the chunk that has room.
	at int
}

// maxChunk is how many values lie together at most, and maxChunks how many
// chunks are used again.
const maxChunk, maxChunks = 64, 32

// Next is a zero value to be set.
func (s *Slab[T]) Next() *T {
	if s.at == len(s.chunks) {
		size := 1
		if s.at > 0 {
			size = min(2*cap(s.chunks[s.at-1]), maxChunk)
		}
		s.chunks = append(s.chunks, make([]T, 0, size))
	}
	chunk := s.chunks[s.at]
	chunk = chunk[:len(chunk)+1]
	s.chunks[s.at] = chunk
	if len(chunk) == cap(chunk) {
		s.at++
	}
	return &chunk[len(chunk)-1]
}

// Reset lets the values be used again: they must not be looked at any longer.
// What they refer to is let go of.
func (s *Slab[T]) Reset() {
	if len(s.chunks) > maxChunks {
		s.chunks = nil
	}
	for i, chunk := range s.chunks {
		clear(chunk)
		s.chunks[i] = chunk[:0]
	}
	s.at = 0
}
