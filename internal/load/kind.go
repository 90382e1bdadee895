// Package load makes webhooks as providers send them, sends them at a rate or as fast as they are answered, and notes
// what destinations are told of them: `holdfast bench` and the chaos tests are made of it.
//
// Every update of every webhook carries a number of its own in an id that survives into the event it becomes, so that a
// [Sink] can say of each whether it was told, when, how often, and under how many event ids.
package load

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Kind is what a webhook is about.
type Kind uint8

// The kinds.
const (
	Status     Kind = iota // statuses of messages that were sent, such as delivered
	Message                // messages that came in
	Big                    // a thousand long messages in one webhook of about 3 MB
	Ban                    // an account is banned: one that was not heard of before
	Reinstated             // a ban is over
	Stop                   // a person does not want marketing messages any more
	Unknown                // a field that nobody knows
	kinds                  // how many there are
)

func (k Kind) String() string {
	return [kinds]string{"status", "message", "big", "ban", "reinstated", "stop", "unknown"}[k]
}

// Kinds lists all of them.
func Kinds() []Kind {
	out := make([]Kind, kinds)
	for i := range out {
		out[i] = Kind(i)
	}
	return out
}

// A Mix says how often each kind comes: weights, of which the sum may be anything.
type Mix [kinds]float64

// ParseMix reads weights such as "status=97,ban=1,stop=2".
func ParseMix(text string) (Mix, error) {
	var m Mix
	for part := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(strings.TrimSpace(part), "=")
		kind, ok := parseKind(name)
		if !ok {
			return m, fmt.Errorf("there is no kind %q; there are %v", name, Kinds())
		}
		weight, err := strconv.ParseFloat(number, 64)
		if err != nil || !(weight >= 0 && weight < 1e9) {
			return m, fmt.Errorf("the weight of %s is no positive number", name)
		}
		m[kind] = weight
	}
	if m.sum() == 0 {
		return m, errors.New("all weights are 0")
	}
	return m, nil
}

func parseKind(name string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.String() == name {
			return k, true
		}
	}
	return 0, false
}

func (m Mix) sum() float64 {
	sum := 0.0
	for _, w := range m {
		sum += w
	}
	return sum
}

// pick chooses by a number from 0 to 1.
func (m Mix) pick(at float64) Kind {
	at *= m.sum()
	last := Status
	for k, w := range m {
		if w > 0 {
			if last = Kind(k); at < w {
				break
			}
			at -= w
		}
	}
	return last
}

func (m Mix) String() string {
	var parts []string
	for k, w := range m {
		if w > 0 {
			parts = append(parts, fmt.Sprintf("%s=%g", Kind(k), w))
		}
	}
	return strings.Join(parts, ",")
}
