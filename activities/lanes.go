package activities

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"

	"holdfast/internal/webhook"
)

// An item is an event that a session has read and that is not settled yet.
type item struct {
	try
	sequence int64
	place    int       // in the order in which events were read
	since    time.Time // it was handed over
	lane     *lane
	away     bool      // it is being told, or was, and waits to be settled
	failed   int       // attempts
	first    time.Time // when the first of them failed
}

func (i *item) compare(j *item) int {
	return cmp.Or(cmp.Compare(i.sequence, j.sequence), cmp.Compare(i.place, j.place))
}

// A lane is a line of events, of which the first is told before the next.
type lane struct {
	name  string
	items []*item   // that wait
	away  int       // that are being told; meanwhile nobody else of it is
	until time.Time // when it goes on
	queue *queue    // in which it waits itself; nil if it is away
	at    int       // in the queue
}

// A queue is lanes that wait, for their turn or until they go on.
type queue struct {
	lanes []*lane
	items int // of all lanes
	less  func(a, b *lane) bool
}

func (q *queue) Len() int           { return len(q.lanes) }
func (q *queue) Less(i, j int) bool { return q.less(q.lanes[i], q.lanes[j]) }
func (q *queue) Swap(i, j int) {
	q.lanes[i], q.lanes[j] = q.lanes[j], q.lanes[i]
	q.lanes[i].at, q.lanes[j].at = i, j
}

// Push is for package heap.
func (q *queue) Push(x any) {
	l := x.(*lane)
	l.queue, l.at = q, len(q.lanes)
	q.lanes = append(q.lanes, l)
}

// Pop is for package heap.
func (q *queue) Pop() any {
	last := len(q.lanes) - 1
	l := q.lanes[last]
	q.lanes[last], q.lanes, l.queue = nil, q.lanes[:last], nil
	return l
}

// A roster is all lanes.
type roster struct {
	ordered bool // whoever fails holds up his lane
	lanes   map[string]*lane
	ready   queue // by the first event
	blocked queue // by when they go on
}

func newRoster(ordered bool) *roster {
	return &roster{
		ordered: ordered, lanes: map[string]*lane{},
		ready:   queue{less: func(a, b *lane) bool { return a.items[0].compare(b.items[0]) < 0 }},
		blocked: queue{less: func(a, b *lane) bool { return a.until.Before(b.until) }},
	}
}

// add puts an item in its place in a lane, which does not go on before until.
func (r *roster) add(i *item, name string, until, now time.Time) {
	l := r.lane(name)
	r.leave(l)
	n, _ := slices.BinarySearchFunc(l.items, i, (*item).compare)
	l.items, l.until = slices.Insert(l.items, n, i), later(l.until, until)
	i.lane, i.away = l, false
	r.enter(l, now)
}

func (r *roster) lane(name string) *lane {
	l := r.lanes[name]
	if l == nil {
		l = &lane{name: name}
		r.lanes[name] = l
	}
	return l
}

// leave takes a lane out of the queue in which it waits.
func (r *roster) leave(l *lane) {
	if l.queue != nil {
		l.queue.items -= len(l.items)
		heap.Remove(l.queue, l.at)
	}
}

// enter lets a lane wait for its turn, or until it goes on. One that is away does so when it is back.
func (r *roster) enter(l *lane, now time.Time) {
	switch {
	case l.away > 0:
		return
	case len(l.items) == 0:
		delete(r.lanes, l.name)
		return
	}
	q := &r.ready
	if l.until.After(now) {
		q = &r.blocked
	}
	q.items += len(l.items)
	heap.Push(q, l)
}

// wake lets those go on whose time has come.
func (r *roster) wake(now time.Time) {
	for r.blocked.Len() > 0 && !r.blocked.lanes[0].until.After(now) {
		l := r.blocked.lanes[0]
		r.leave(l)
		r.enter(l, now)
	}
}

// take takes the next events, at most so many, with which nothing is overtaken. What has failed twice goes alone: it may be what
// the others fail for.
func (r *roster) take(most int) []*item {
	var batch []*item
	for len(batch) < most && r.ready.Len() > 0 {
		l := r.ready.lanes[0]
		n := min(most-len(batch), len(l.items))
		if i := slices.IndexFunc(l.items[:n], func(i *item) bool { return i.failed > 1 }); i == 0 {
			n = 1
			if len(batch) > 0 {
				return batch
			}
			most = 1
		} else if i > 0 {
			n = i
		}
		batch = append(batch, r.draw(l, n)...)
	}
	return batch
}

// draw takes the first events of a lane.
func (r *roster) draw(l *lane, n int) []*item {
	r.leave(l)
	taken := slices.Clone(l.items[:n])
	l.items, l.away = l.items[n:], n
	for _, i := range taken {
		i.away = true
	}
	return taken
}

// back returns those of a batch that still wait to the heads of their lanes, and lets the lanes of all go on.
func (r *roster) back(batch, waiting []*item, now time.Time) {
	lanes := map[*lane]bool{}
	for _, i := range batch {
		lanes[i.lane] = true
		i.lane.away = 0
	}
	for _, i := range slices.Backward(waiting) {
		i.away = false
		i.lane.items = slices.Insert(i.lane.items, 0, i)
	}
	for l := range lanes {
		r.enter(l, now)
	}
}

// remove takes an item that waits out of its lane.
func (r *roster) remove(i *item, now time.Time) {
	r.leave(i.lane)
	i.lane.items = slices.DeleteFunc(i.lane.items, func(j *item) bool { return i == j })
	r.enter(i.lane, now)
}

// oldest is the event that comes before all others that wait; nil if none waits.
func (r *roster) oldest() *item {
	var oldest *item
	for _, lanes := range [][]*lane{r.ready.lanes[:min(1, r.ready.Len())], r.blocked.lanes} {
		for _, l := range lanes {
			if head := l.items[0]; oldest == nil || head.compare(oldest) < 0 {
				oldest = head
			}
		}
	}
	return oldest
}

// stuck is the event that has held up others for longest; nil if none does.
func (r *roster) stuck() *item {
	var longest *item
	for _, l := range r.blocked.lanes {
		if head := l.items[0]; head.failed > 0 && (longest == nil || head.first.Before(longest.first)) {
			longest = head
		}
	}
	return longest
}

// heads are the first events of all lanes that are ready, in order.
func (r *roster) heads() []*item {
	heads := make([]*item, 0, r.ready.Len())
	for _, l := range r.ready.lanes {
		heads = append(heads, l.items[0])
	}
	slices.SortFunc(heads, (*item).compare)
	return heads
}

// name is the lane of an event: in an ordered destination that of its account, or of its source if it has none. What comes late
// has another: it neither waits for those who are in order nor holds them up.
func (r *roster) name(t webhook.Telling) string {
	var name string
	switch {
	case !r.ordered:
		name = laneName(t.Event)
	case t.Event.Account != "":
		name = "account " + t.Event.Account
	default:
		name = "source " + t.Event.Source
	}
	if t.OutOfOrder || late(t.Workflow) {
		name = "late " + name
	}
	return name
}

// late reports whether what a workflow owes may be told after what is later: it was parted, or is told again.
func late(workflow string) bool {
	return strings.HasPrefix(workflow, partedPrefix) || strings.HasPrefix(workflow, replayPrefix)
}

// replayPrefix begins the ids of workflows that have recorded events told again.
const replayPrefix = "replay/"
