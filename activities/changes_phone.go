package activities

import (
	"cmp"

	"holdfast/internal/webhook"
)

// quality records the flag and the limit of a number apart: an event may speak of one and not of the other. The limit of
// all numbers together is the account's, which may be known already when the first of its numbers is heard of; so what
// happened to the number's limit is a fact of its own.
func quality(e webhook.Event, q *webhook.Quality) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	var out []webhook.Change
	if q.DailyPerBusiness != "" {
		out = append(out, limitFact(e, webhook.AccountEntity(e.Account), "limit.daily_per_business", q.DailyPerBusiness))
	}
	if e.Phone.Number == "" {
		return out
	}
	phone := webhook.PhoneEntity(e.Account, e.Phone.Number)
	if q.Limit != "" {
		out = append(out, limitFact(e, phone, "limit", q.Limit))
	}
	type limitEvent struct {
		Event string `json:"event"`
		Limit string `json:"limit,omitempty"`
	}
	limit := limitEvent{q.Event, cmp.Or(q.Limit, q.DailyPerBusiness)}
	switch e.Type {
	case webhook.PhoneFlagged:
		out = append(out, fact(e, phone, "quality", 1, "flagged"))
	case webhook.PhoneUnflagged:
		out = append(out, fact(e, phone, "quality", 0, "unflagged"))
	case webhook.PhoneThroughputUpgraded:
		out = append(out, fact(e, phone, "throughput", 0, "upgraded"))
	case webhook.PhoneLimitLowered:
		out = append(out, fact(e, phone, "limit_event", 1, limit))
	case webhook.PhoneLimitRaised, webhook.PhoneOnboarded:
		out = append(out, fact(e, phone, "limit_event", 0, limit))
	}
	return out
}

// The result of a review is news each time: see templateStatus.
func name(e webhook.Event, n *webhook.Name) []webhook.Change {
	type reviewed struct {
		*webhook.Name
		Event string `json:"event"`
	}
	if e.Account == "" || e.Phone.Number == "" {
		return nil
	}
	safety := 1
	if n.Decision == "APPROVED" {
		safety = 0
	}
	return []webhook.Change{fact(e, webhook.PhoneEntity(e.Account, e.Phone.Number), "name", safety, reviewed{n, e.ID})}
}

// username records the username of a number; of one that was deleted, that there is none.
func username(e webhook.Event, u *webhook.Username) []webhook.Change {
	if e.Account == "" || e.Phone.Number == "" {
		return nil
	}
	value, safety := webhook.Username{Username: u.Username, Status: u.Status}, 1 // reserved, and what is not known yet
	switch u.Status {
	case "approved":
		safety = 0
	case "deleted":
		value.Username, safety = "", 2
	}
	return []webhook.Change{fact(e, webhook.PhoneEntity(e.Account, e.Phone.Number), "username", safety, value)}
}
