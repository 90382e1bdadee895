package load

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Options say what a [Generator] makes. The zero value of a member has a default, except of Dialect.
type Options struct {
	Dialect string // meta or nxtele
	Run     Run
	Mix     Mix // default: statuses only
	// Batch is how many updates a webhook of a kind that can hold several has. Default 1; at most 1,000, which is what
	// providers send. Big webhooks always have 1,000.
	Batch int
	Pool  Pool
	// First is the number of the first update, for several generators of one run.
	First uint32
}

// Dialects names those that can be made.
func Dialects() []string { return []string{"meta", "nxtele"} }

const mostUpdates = 1_000

// A Webhook is one that was thought of: its body follows from this and the generator's options, so that it can be sent
// again without being kept.
type Webhook struct {
	Kind    Kind
	First   uint32 // the number of its first update
	Updates uint16 // how many it has, numbered in a row
	At      int64  // Unix seconds: what it says of when it happened
}

// A Generator makes webhooks. It is safe for concurrent use.
type Generator struct {
	options Options
	shapes  [kinds]compiled

	mu   sync.Mutex
	at   float64 // of the mix, from 0 to 1
	next uint32
}

type compiled struct {
	head, update, tail template
	single             bool
}

// New makes a generator.
func New(options Options) (*Generator, error) {
	var shapes [kinds]shape
	switch options.Dialect {
	case "meta":
		shapes = metaShapes()
	case "nxtele":
		shapes = nxteleShapes()
	default:
		return nil, fmt.Errorf("dialect %q is none of %v", options.Dialect, Dialects())
	}
	if options.Mix.sum() == 0 {
		options.Mix[Status] = 1
	}
	options.Batch = cmp.Or(options.Batch, 1)
	if options.Batch < 1 || options.Batch > mostUpdates {
		return nil, fmt.Errorf("a batch of %d is not possible: 1 to %d", options.Batch, mostUpdates)
	}
	var err error
	if options.Pool, err = options.Pool.withDefaults(); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(uint64(options.Run), uint64(options.First)))
	g := &Generator{options: options, next: options.First, at: random.Float64()}
	for k, s := range shapes {
		g.shapes[k] = compiled{head: parse(s.head), update: parse(s.update), tail: parse(s.tail), single: s.single}
	}
	return g, nil
}

// Run is the run of the options.
func (g *Generator) Run() Run { return g.options.Run }

// Next thinks of a webhook that happens now. Of the same options the kinds come in the same order, and also a few webhooks
// are of the mix: steps of the golden section spread over it more evenly than chance does.
func (g *Generator) Next(now time.Time) Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, g.at = math.Modf(g.at + math.Phi)
	w := Webhook{Kind: g.options.Mix.pick(g.at), First: g.next, Updates: uint16(g.options.Batch), At: now.Unix()}
	switch {
	case w.Kind == Big:
		w.Updates = mostUpdates
	case g.shapes[w.Kind].single:
		w.Updates = 1
	}
	g.next += uint32(w.Updates)
	return w
}

// Made is how many updates were thought of, those before First included.
func (g *Generator) Made() uint32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.next
}

// AppendBody appends the body of a webhook: the same bytes each time.
func (g *Generator) AppendBody(to []byte, w Webhook) []byte {
	s := g.shapes[w.Kind]
	f := filling{run: g.options.Run, number: w.First, kind: w.Kind, at: w.At, pool: g.options.Pool}
	to = slices.Grow(to, 1024)
	to = s.head.fill(to, f)
	for i := range w.Updates {
		if i > 0 {
			to = append(to, ',')
		}
		f.number = w.First + uint32(i)
		to = s.update.fill(to, f)
	}
	f.number = w.First
	return s.tail.fill(to, f)
}
