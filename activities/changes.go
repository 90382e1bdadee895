package activities

import (
	"encoding/json"
	"fmt"
	"strconv"

	"holdfast/internal/webhook"
)

// changes says what an event makes true. Events that only inform change nothing. To handle a new kind of event, write a
// function in the file of its family and a line here.
func changes(e webhook.Event) []webhook.Change {
	switch data := e.Data.(type) {
	case *webhook.Ban:
		return ban(e, data)
	case *webhook.Restriction:
		return restriction(e, data)
	case *webhook.Violation:
		return violation(e, data)
	case *webhook.Review:
		return review(e, data)
	case *webhook.Capability:
		return capability(e, data)
	case *webhook.Quality:
		return quality(e, data)
	case *webhook.Name:
		return name(e, data)
	case *webhook.Preference:
		return preference(e, data)
	case *webhook.None:
		return presence(e)
	}
	return nil
}

// A fact is one change in the making.
func fact(e webhook.Event, entity, aspect string, safety int, value any) webhook.Change {
	text, err := json.Marshal(value)
	if err != nil { // values are structs of strings and times
		panic(fmt.Sprintf("marshal %s: %v", aspect, err))
	}
	return webhook.Change{Entity: entity, Aspect: aspect, Value: string(text), Time: e.Time, Safety: safety}
}

// limitSafety ranks a messaging limit: the lower one is the safer to believe. TIER_2K and 2000 are the same.
func limitSafety(limit string) int {
	const unlimited = 1 << 30
	digits := limit
	if len(digits) > 5 && digits[:5] == "TIER_" {
		digits = digits[5:]
	}
	factor := 1
	if n := len(digits); n > 0 && digits[n-1] == 'K' {
		digits, factor = digits[:n-1], 1000
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 { // UNLIMITED, NOT_SET, -1
		return 0
	}
	return unlimited - n*factor
}
