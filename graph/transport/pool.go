package transport

const (
	// maxBuffer is the largest buffer that is kept for reuse, in bytes; a
	// longer response is sent in pieces.
	maxBuffer = 256 << 10
	// maxPooled is the number of buffers in a pool: at most 8 MiB, where a sync.Pool keeps
	// as many as were ever needed at once.
	maxPooled = 32
)

// pool keeps memory for reuse: at most maxPooled times maxBuffer bytes.
type pool[T any] chan T

// get returns the zero value if the pool is empty.
func (p pool[T]) get() (memory T) {
	select {
	case memory = <-p:
	default:
	}
	return memory
}

// put drops what is larger than maxBuffer, and everything while the pool is
// full.
func (p pool[T]) put(memory T, size int) {
	if size > maxBuffer {
		return
	}
	select {
	case p <- memory:
	default:
	}
}
