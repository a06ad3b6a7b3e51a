package rows

// memory holds the values of rows, many to a block, for fewer allocations. It is
// not safe for concurrent reads. The zero value is ready for use.
type memory struct {
	row      Row
	block    []byte
	optional slab[string]
	// slabs has a *slab for each type that Next has allocated.
	slabs []resetter
	// taken is the size in bytes of the blocks allocated since reset.
	taken int
}

type resetter interface{ reset() }

const (
	// maxBlock is the size in bytes of the largest block of small values of
	// several rows.
	maxBlock = 8 << 10
	// maxReused is the most bytes that are reused.
	maxReused = 256 << 10
)

// reset makes the memory reusable: values in it must no longer be used. It reports
// whether the memory is reused; large memory is left to the garbage collector, and
// callers must drop everything that refers to it.
func (m *memory) reset() bool {
	if m.taken > maxReused {
		*m = memory{}
		return false
	}
	for _, slab := range m.slabs {
		slab.reset()
	}
	m.optional.reset()
	clear(m.row.texts)
	m.row = Row{texts: m.row.texts[:0]}
	m.block, m.taken = m.block[:0], cap(m.block)
	return true
}

// keep copies a value into the block. If it does not fit, keep allocates a new
// block of at least size bytes.
func (m *memory) keep(value []byte, size int) []byte {
	if cap(m.block)-len(m.block) < len(value) {
		m.block = make([]byte, 0, max(size, len(value), min(2*cap(m.block), maxBlock)))
		m.taken += cap(m.block)
	}
	start := len(m.block)
	m.block = append(m.block, value...)
	return m.block[start:len(m.block):len(m.block)]
}

// Next returns a zero value in the memory of a row, for the caller to decode the
// row into.
func Next[T any](row *Row) *T {
	for _, kept := range row.memory.slabs {
		if kept, ok := kept.(*slab[T]); ok {
			return kept.next()
		}
	}
	kept := &slab[T]{}
	row.memory.slabs = append(row.memory.slabs, kept)
	return kept.next()
}

// slab allocates values in chunks: fewer allocations, and no copies.
type slab[T any] struct {
	chunks [][]T
	// at is the index of the chunk with free space.
	at int
}

// maxChunk is the most values of a chunk, maxChunks the most chunks that are
// reused.
const maxChunk, maxChunks = 64, 32

// next returns a zero value.
func (s *slab[T]) next() *T {
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

// reset zeroes the values and makes them reusable: they must no longer be used.
func (s *slab[T]) reset() {
	if len(s.chunks) > maxChunks {
		s.chunks = nil
	}
	for i, chunk := range s.chunks {
		clear(chunk)
		s.chunks[i] = chunk[:0]
	}
	s.at = 0
}
