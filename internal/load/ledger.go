package load

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// A Ledger notes what one destination was told of a run. Of an update it takes 24 bytes, so that a run may have millions.
// It is safe for concurrent use.
type Ledger struct {
	run  Run
	seed maphash.Seed

	mu      sync.Mutex
	pages   []*[pageSize]entry
	known   int // updates that came
	strange int // requests that named no update of this run
	newest  time.Time
}

const pageSize = 1 << 14

type entry struct {
	first    int64  // Unix nanoseconds; 0: never told
	event    uint64 // hash of the first event id
	arrived  uint16 // how often it came
	answered uint16 // how often it came and was answered 2xx
	several  bool   // it came under several event ids
}

// Told is what a destination was told of one update.
type Told struct {
	First      time.Time // when it came first; zero: never
	Arrived    int       // how often it came
	Answered   int       // how often it came and was answered 2xx
	SeveralIDs bool      // it came under more than one event id
}

// NewLedger makes one for the updates of a run.
func NewLedger(run Run) *Ledger { return &Ledger{run: run, seed: maphash.MakeSeed()} }

// arrive notes that an event came, and returns the numbers of the updates that it is of.
func (l *Ledger) arrive(event string, body []byte, at time.Time) []uint32 {
	var space [8]uint32
	numbers := l.run.find(body, space[:0])
	id := maphash.String(l.seed, event)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(numbers) == 0 {
		l.strange++
		return nil
	}
	l.newest = at
	for _, n := range numbers {
		e := l.entry(n)
		if e.first == 0 {
			e.first, e.event = at.UnixNano(), id
			l.known++
		}
		e.several = e.several || e.event != id
		e.arrived = max(e.arrived, e.arrived+1) // rather stay than begin anew
	}
	return numbers
}

// answer notes that what had arrived was answered 2xx.
func (l *Ledger) answer(numbers []uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range numbers {
		e := l.entry(n)
		e.answered = max(e.answered, e.answered+1)
	}
}

// entry finds the place of an update, which is made if it is not there. The lock is held.
func (l *Ledger) entry(number uint32) *entry {
	page := int(number / pageSize)
	for len(l.pages) <= page {
		l.pages = append(l.pages, nil)
	}
	if l.pages[page] == nil {
		l.pages[page] = new([pageSize]entry)
	}
	return &l.pages[page][number%pageSize]
}

// look finds what is known of an update, nil if it never came. The lock is held.
func (l *Ledger) look(number uint32) *entry {
	page := int(number / pageSize)
	if page >= len(l.pages) || l.pages[page] == nil || l.pages[page][number%pageSize].first == 0 {
		return nil
	}
	return &l.pages[page][number%pageSize]
}

// Told is what is known of an update.
func (l *Ledger) Told(number uint32) Told {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.look(number)
	if e == nil {
		return Told{}
	}
	return Told{First: time.Unix(0, e.first), Arrived: int(e.arrived), Answered: int(e.answered), SeveralIDs: e.several}
}

// missing takes those that came out of a list.
func (l *Ledger) missing(numbers []uint32) []uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(numbers, func(n uint32) bool { return l.look(n) != nil })
}

// Known is how many updates came, each counted once.
func (l *Ledger) Known() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known
}

// Strange is how many requests named no update of this run.
func (l *Ledger) Strange() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.strange
}

// Newest is when something of this run came last; zero if nothing came.
func (l *Ledger) Newest() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest
}
