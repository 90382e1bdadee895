package ingress

import (
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	refusalsKept  = 256
	userAgentKept = 80
)

// Refused tells an operator of requests that were not answered 200: the members of one entry have source, reason and
// remote address in common. It is the JSON of /refused of [Ingress.OperatorHandler].
type Refused struct {
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Count     int64     `json:"count"`
	Source    string    `json:"source"` // "unknown": the path is no source's, and is not told as it may be nearly a secret one
	Reason    string    `json:"reason"`
	Status    int       `json:"status"`               // as answered
	Bytes     int64     `json:"bytes"`                // of the last one's body: as read, or as declared; -1 is neither
	Remote    string    `json:"remote,omitempty"`     // address that connected to us, which may be a proxy's
	UserAgent string    `json:"user_agent,omitempty"` // of the last one, cut off
}

// Refusals is a bounded memory of what was refused. It is made for finding out why a provider's webhooks do not arrive
// while the internet knocks at every door: what is like an entry is counted there, and entries of one source and
// reason push out each other before they push out those of another.
type refusals struct {
	mu      sync.Mutex
	entries []Refused
	most    int // entries
	alike   int // entries of one source and reason
}

func newRefusals(most int) *refusals {
	return &refusals{most: most, alike: max(1, most/8)}
}

func (l *refusals) add(r Refused) {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest, oldestAlike, alike := 0, 0, 0
	for i := range l.entries {
		e := &l.entries[i]
		if e.Source == r.Source && e.Reason == r.Reason {
			if e.Remote == r.Remote {
				e.Last, e.Status, e.Bytes, e.UserAgent = r.Last, r.Status, r.Bytes, r.UserAgent
				e.Count++
				return
			}
			if alike == 0 || e.Last.Before(l.entries[oldestAlike].Last) {
				oldestAlike = i
			}
			alike++
		}
		if e.Last.Before(l.entries[oldest].Last) {
			oldest = i
		}
	}
	switch {
	case alike >= l.alike:
		l.entries[oldestAlike] = r
	case len(l.entries) >= l.most:
		l.entries[oldest] = r
	default:
		l.entries = append(l.entries, r)
	}
}

// list returns the entries, the latest first.
func (l *refusals) list() []Refused {
	l.mu.Lock()
	entries := append([]Refused{}, l.entries...) // [] in JSON, not null
	l.mu.Unlock()
	slices.SortStableFunc(entries, func(a, b Refused) int { return b.Last.Compare(a.Last) })
	return entries
}

// printable cuts a stranger's text off and leaves of it what cannot mislead whoever reads it on a terminal.
func printable(s string) string {
	s = s[:min(len(s), userAgentKept)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
