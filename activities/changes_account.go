package activities

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/webhook"
)

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

// A restriction replaces what was known of restrictions of its family: Meta sends one entry for each that is active.
// Direct Send is a family of its own, whose end says nothing of the others; calling is another, and of one number where the
// provider names it.
//
// What is only reported or warned of says nothing of what is allowed, so a repeated notice is news: its value holds the
// event's id.
func restriction(e webhook.Event, r *webhook.Restriction) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	type restriction struct {
		Status       string               `json:"status"` // restricted, none
		Restrictions []webhook.Restricted `json:"restrictions,omitempty"`
		Violation    string               `json:"violation,omitempty"`
	}
	type notice struct {
		Status    string `json:"status"` // reported, warned, none
		Violation string `json:"violation,omitempty"`
		Event     string `json:"event,omitempty"`
	}
	entity, family := webhook.AccountEntity(e.Account), ""
	switch {
	case strings.HasPrefix(r.Violation, "DIRECT_SEND_"), only(r.Restrictions, "DIRECT_SEND"): // resellers leave the violation out
		family = ".direct_send"
	case only(r.Restrictions, "CALLING"):
		family = ".calling"
		if e.Phone.Number != "" {
			entity = webhook.PhoneEntity(e.Account, e.Phone.Number)
		}
	}
	switch e.Type {
	case webhook.AccountRestricted:
		return []webhook.Change{fact(e, entity, "restriction"+family, gravity(r.Restrictions), restriction{"restricted", r.Restrictions, r.Violation})}
	case webhook.AccountRestrictionReported:
		return []webhook.Change{fact(e, entity, "restriction_notice"+family, 2, notice{"reported", r.Violation, e.ID})}
	case webhook.AccountWarned:
		return []webhook.Change{fact(e, entity, "restriction_notice"+family, 1, notice{"warned", r.Violation, e.ID})}
	case webhook.AccountRestrictionLifted:
		return []webhook.Change{
			fact(e, entity, "restriction"+family, 0, restriction{Status: "none"}),
			fact(e, entity, "restriction_notice"+family, 0, notice{Status: "none"}),
		}
	}
	return nil
}

// only reports whether restrictions are of one family, which is in their types, and of nothing else.
func only(restrictions []webhook.Restricted, family string) bool {
	return len(restrictions) > 0 && !slices.ContainsFunc(restrictions, func(r webhook.Restricted) bool { return !strings.Contains(r.Type, family) })
}

// gravity ranks restrictions: of two in the same second, the one that forbids more is believed.
func gravity(restrictions []webhook.Restricted) int {
	worst := 1
	for _, r := range restrictions {
		switch {
		case strings.HasSuffix(r.Type, "_MESSAGING"):
			worst = max(worst, 4)
		case strings.HasSuffix(r.Type, "ADD_PHONE_NUMBER_ACTION"):
		case strings.Contains(r.Type, "CALLING"):
			worst = max(worst, 2)
		default: // templates, and what is not known yet
			worst = max(worst, 3)
		}
	}
	return worst
}

// partner records who has access. Losing it may be all that a partner learns of a ban.
func partner(e webhook.Event, p *webhook.Partner) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	type access struct {
		Status string `json:"status"` // added, removed, installed, uninstalled
		Owner  string `json:"owner,omitempty"`
		App    string `json:"app,omitempty"`
		Reason string `json:"reason,omitempty"`
	}
	entity := webhook.AccountEntity(e.Account)
	switch e.Type {
	case webhook.AccountPartnerAdded:
		return []webhook.Change{fact(e, entity, "partner", 0, access{"added", p.Owner, p.App, p.Reason})}
	case webhook.AccountPartnerRemoved:
		return []webhook.Change{fact(e, entity, "partner", 1, access{"removed", p.Owner, p.App, p.Reason})}
	case webhook.AccountPartnerAppInstalled:
		return []webhook.Change{fact(e, entity, partnerApp(p.App), 0, access{"installed", p.Owner, p.App, p.Reason})}
	case webhook.AccountPartnerAppUninstalled:
		return []webhook.Change{fact(e, entity, partnerApp(p.App), 1, access{"uninstalled", p.Owner, p.App, p.Reason})}
	}
	return nil
}

// partnerApp is the aspect of a partner's app: one that comes or goes says nothing of the others.
func partnerApp(id string) string {
	if !webhook.ValidID(id) {
		return "partner_app"
	}
	return "partner_app." + id
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

// The result of a review is news each time: see templateStatus.
func review(e webhook.Event, r *webhook.Review) []webhook.Change {
	type reviewed struct {
		*webhook.Review
		Event string `json:"event"`
	}
	if e.Account == "" {
		return nil
	}
	safety := 1
	if r.Decision == "APPROVED" {
		safety = 0
	}
	return []webhook.Change{fact(e, webhook.AccountEntity(e.Account), "review", safety, reviewed{r, e.ID})}
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
			out = append(out, limitFact(e, webhook.AccountEntity(e.Account), limit.aspect, limit.value))
		}
	}
	return out
}

// payment records the status of each payment configuration of an account. Its name is whatever the business called it, and
// becomes part of what operators read.
func payment(e webhook.Event, p *webhook.Payment) []webhook.Change {
	if e.Account == "" {
		return nil
	}
	type configuration struct {
		Status   string `json:"status"`
		Provider string `json:"provider,omitempty"`
		Merchant string `json:"merchant,omitempty"`
	}
	safety := 1
	if p.Status == "Active" {
		safety = 0
	}
	name := p.Configuration
	if !webhook.ValidID(name) {
		name = strconv.QuoteToASCII(name)
	}
	return []webhook.Change{fact(e, webhook.AccountEntity(e.Account), "payment."+name, safety, configuration{p.Status, p.Provider, p.Merchant})}
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
