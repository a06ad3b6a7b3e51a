package stream

// ring holds the newest entries of the log. Positions are dense, so that an
// entry is found by its position alone.
type ring struct {
	slots []*Entry
	// first and last are the positions held; last is the end of the log as this
	// process knows it, and first is last + 1 if the ring is empty.
	first, last int64
	bytes       int
	maxBytes    int
}

func newRing(length, maxBytes int) ring {
	return ring{slots: make([]*Entry, length), first: 1, maxBytes: maxBytes}
}

// reset empties the ring at a position.
func (r *ring) reset(position int64) {
	clear(r.slots)
	r.first, r.last, r.bytes = position+1, position, 0
}

// push appends the entry of position last + 1, and drops the oldest entries if
// the ring is full.
func (r *ring) push(entry *Entry) {
	for r.first <= r.last && (r.last-r.first+1 >= int64(len(r.slots)) || r.bytes+entry.Size() > r.maxBytes) {
		r.bytes -= r.at(r.first).Size()
		*r.slot(r.first) = nil
		r.first++
	}
	r.last = entry.Position
	*r.slot(r.last) = entry
	r.bytes += entry.Size()
}

func (r *ring) slot(position int64) **Entry { return &r.slots[position%int64(len(r.slots))] }

func (r *ring) at(position int64) *Entry { return *r.slot(position) }
