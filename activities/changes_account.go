package activities

import "holdfast/internal/webhook"

// An account's status is one of active, ban_scheduled, banned, deleted; the later wins, and of two in the same second
// the worse.
func ban(e webhook.Event, b *webhook.Ban) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	type status struct {
		Status string `json:"status"`
		Date   string `json:"date,omitempty"`
	}
	entity := webhook.AccountEntity(e.Account)
	switch e.Type {
	case webhook.AccountBanned:
		return []webhook.Change{fact(e, entity, "status", 2, status{"banned", b.Date})}
	case webhook.AccountBanScheduled:
		return []webhook.Change{fact(e, entity, "status", 1, status{"ban_scheduled", b.Date})}
	case webhook.AccountReinstated:
		// The date is that of the ban's end; keeping it out makes a repeated reinstatement a repetition.
		return []webhook.Change{fact(e, entity, "status", 0, status{Status: "active"})}
	}
	return nil
}

// A restriction replaces what was known of restrictions: Meta sends one entry for each that is active.
func restriction(e webhook.Event, r *webhook.Restriction) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	type restriction struct {
		Status       string               `json:"status"` // restricted, warned, reported, none
		Restrictions []webhook.Restricted `json:"restrictions,omitempty"`
		Violation    string               `json:"violation,omitempty"`
	}
	entity := webhook.AccountEntity(e.Account)
	switch e.Type {
	case webhook.AccountRestricted:
		return []webhook.Change{fact(e, entity, "restriction", 3, restriction{"restricted", r.Restrictions, r.Violation})}
	case webhook.AccountRestrictionReported:
		return []webhook.Change{fact(e, entity, "restriction_notice", 2, restriction{"reported", nil, r.Violation})}
	case webhook.AccountWarned:
		return []webhook.Change{fact(e, entity, "restriction_notice", 1, restriction{"warned", nil, r.Violation})}
	case webhook.AccountRestrictionLifted:
		// What was only reported or warned of is over as well.
		none := restriction{Status: "none"}
		return []webhook.Change{fact(e, entity, "restriction", 0, none), fact(e, entity, "restriction_notice", 0, none)}
	}
	return nil
}

// A violation says nothing of what is allowed, so a repeated one is news: its value holds the event's id.
func violation(e webhook.Event, v *webhook.Violation) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	type last struct {
		Type  string `json:"type,omitempty"`
		Event string `json:"event"`
	}
	return []webhook.Change{fact(e, webhook.AccountEntity(e.Account), "violation", 0, last{v.Type, e.ID})}
}

func review(e webhook.Event, r *webhook.Review) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	safety := 1
	if r.Decision == "APPROVED" {
		safety = 0
	}
	return []webhook.Change{fact(e, webhook.AccountEntity(e.Account), "review", safety, r)}
}

// Capabilities merge key by key: a key that is missing is unchanged.
func capability(e webhook.Event, c *webhook.Capability) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	var out []webhook.Change
	for _, limit := range []struct{ aspect, value string }{
		{"limit.daily_per_business", c.DailyPerBusiness},
		{"limit.daily_per_phone", c.DailyPerPhone},
		{"limit.phones_per_business", c.PhonesPerBusiness},
		{"limit.phones_per_account", c.PhonesPerAccount},
	} {
		if limit.value != "" {
			out = append(out, fact(e, webhook.AccountEntity(e.Account), limit.aspect, limitSafety(limit.value), limit.value))
		}
	}
	return out
}

// presence records what comes and goes: accounts and their numbers.
func presence(e webhook.Event) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	type status struct {
		Status string `json:"status"`
	}
	account, phone := webhook.AccountEntity(e.Account), webhook.PhoneEntity(e.Account, e.Phone.Number)
	switch e.Type {
	case webhook.AccountDeleted:
		return []webhook.Change{fact(e, account, "status", 3, status{"deleted"})}
	case webhook.AccountOffboarded:
		return []webhook.Change{fact(e, account, "connection", 1, status{"offboarded"})}
	case webhook.AccountReconnected:
		return []webhook.Change{fact(e, account, "connection", 0, status{"connected"})}
	}
	if e.Phone.Number == "" {
		return nil
	}
	switch e.Type {
	case webhook.PhoneAdded:
		return []webhook.Change{fact(e, phone, "presence", 0, status{"added"})}
	case webhook.PhoneRemoved:
		return []webhook.Change{fact(e, phone, "presence", 1, status{"removed"})}
	}
	return nil
}
