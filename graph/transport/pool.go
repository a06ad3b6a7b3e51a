package transport

const (
	// maxBuffer is the most memory, in bytes, that is kept of one request or
	// answer for those to come; an answer that is longer is sent in pieces.
	maxBuffer = 256 << 10
	// maxPooled is how many of each kind are kept: 8 MiB at the most, where a
	// sync.Pool keeps as many as were ever needed at once.
	maxPooled = 32
)

// pool keeps memory that is used again; nothing is kept in it. It holds at most
// maxPooled times maxBuffer bytes.
type pool[T any] chan T

// get returns the zero value where there is none.
func (p pool[T]) get() (memory T) {
	select {
	case memory = <-p:
	default:
	}
	return memory
}

// put leaves what is larger than maxBuffer, or one too many, to the collector.
func (p pool[T]) put(memory T, size int) {
	if size > maxBuffer {
		return
	}
	select {
	case p <- memory:
	default:
	}
}
