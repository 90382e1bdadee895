package activities

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

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
	case *webhook.Partner:
		return partner(e, data)
	case *webhook.Capability:
		return capability(e, data)
	case *webhook.Quality:
		return quality(e, data)
	case *webhook.Payment:
		return payment(e, data)
	case *webhook.Name:
		return name(e, data)
	case *webhook.Username:
		return username(e, data)
	case *webhook.TemplateStatus:
		return templateStatus(e, data)
	case *webhook.TemplateQuality:
		return templateQuality(e, data)
	case *webhook.TemplateCategory:
		return templateCategory(e, data)
	case *webhook.Preference:
		return preference(e, data)
	case *webhook.Identity:
		return identity(e, data)
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

// limitFact records a messaging limit, written in one way however the provider writes it: TIER_2K and 2000 are the same.
// Of two in the same second, the lower one is the safer to believe.
func limitFact(e webhook.Event, entity, aspect, limit string) webhook.Change {
	const unlimited = 1 << 30
	value, safety := limit, 0 // what is not a number (TIER_NOT_SET) stays as it is
	digits, factor := strings.TrimPrefix(limit, "TIER_"), 1
	if thousands, ok := strings.CutSuffix(digits, "K"); ok {
		digits, factor = thousands, 1000
	}
	if n, err := strconv.Atoi(digits); err == nil && n >= 0 && n < unlimited/factor {
		value, safety = strconv.Itoa(n*factor), unlimited-n*factor
	} else if digits == "UNLIMITED" || digits == "-1" {
		value = "unlimited"
	}
	return fact(e, entity, aspect, safety, value)
}
