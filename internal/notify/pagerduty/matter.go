package pagerduty

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

// The actions.
const (
	trigger = "trigger"
	resolve = "resolve"
)

// A step is what is done with one alert.
type step struct{ action, key string }

// A matter is something of an account that begins and ends.
type matter struct {
	begins []string // alerts that it triggers; at most one
	ends   []string // alerts that it resolves
}

// matters says what the types of events begin and end. A ban is not the same alert as the announcement of one: whoever has
// acknowledged that is to be called again. What is not here has no end.
var matters = map[webhook.Type]matter{
	webhook.AccountBanScheduled:          {begins: []string{"ban-scheduled"}},
	webhook.AccountBanned:                {begins: []string{"ban"}, ends: []string{"ban-scheduled"}},
	webhook.AccountReinstated:            {ends: []string{"ban", "ban-scheduled"}},
	webhook.AccountRestricted:            {begins: []string{"restriction"}, ends: []string{"restriction-reported"}},
	webhook.AccountRestrictionReported:   {begins: []string{"restriction-reported"}},
	webhook.AccountRestrictionLifted:     {ends: []string{"restriction", "restriction-reported"}},
	webhook.AccountOffboarded:            {begins: []string{"offboarded"}},
	webhook.AccountReconnected:           {ends: []string{"offboarded"}},
	webhook.AccountPartnerRemoved:        {begins: []string{"partner-removed"}},
	webhook.AccountPartnerAdded:          {ends: []string{"partner-removed"}},
	webhook.AccountPartnerAppUninstalled: {begins: []string{"partner-app-uninstalled"}},
	webhook.AccountPartnerAppInstalled:   {ends: []string{"partner-app-uninstalled"}},
	webhook.PhoneRemoved:                 {begins: []string{"phone-removed"}},
	webhook.PhoneAdded:                   {ends: []string{"phone-removed"}},
	webhook.PhoneFlagged:                 {begins: []string{"phone-quality"}},
	webhook.PhoneUnflagged:               {ends: []string{"phone-quality"}},
	webhook.PhoneLimitLowered:            {begins: []string{"phone-limit"}},
	webhook.PhoneLimitRaised:             {ends: []string{"phone-limit"}},
	webhook.TemplateRejected:             {begins: []string{"template-rejected"}},
	webhook.TemplateFlagged:              {begins: []string{"template-flagged"}},
	webhook.TemplatePaused:               {begins: []string{"template-paused"}, ends: []string{"template-flagged"}},
	webhook.TemplateDisabled:             {begins: []string{"template-disabled"}, ends: []string{"template-flagged", "template-paused"}},
	webhook.TemplateReinstated:           {ends: []string{"template-flagged", "template-paused", "template-disabled"}},
	webhook.TemplateApproved:             {ends: []string{"template-rejected", "template-flagged", "template-paused", "template-disabled"}},
	webhook.GroupSuspended:               {begins: []string{"group-suspended"}},
	webhook.GroupUnsuspended:             {ends: []string{"group-suspended"}},
}

// either are types that tell of the beginning or of the end, by what they carry.
var either = map[webhook.Type]string{
	webhook.AccountReviewed:        "review",
	webhook.AccountPaymentUpdated:  "payment",
	webhook.AccountAlert:           "alert",
	webhook.PhoneNameReviewed:      "phone-name",
	webhook.TemplateQualityChanged: "template-quality",
	webhook.FlowStatusChanged:      "flow-status",
	webhook.FlowErrorRate:          "flow-error-rate",
	webhook.FlowLatency:            "flow-latency",
	webhook.FlowAvailability:       "flow-availability",
}

// steps says what an event does: what it begins first, so that no moment is without an alert. All of it can be repeated.
//
// Nothing is done for an event of a matter that is late: what is true of the matter now was told before, and an alert that it
// triggered or resolved would say otherwise. Of an event that is told after its turn nobody knows whether something later has
// settled the matter, so the safer is done: what it begins is triggered, and nothing is resolved.
func steps(m sender.Message, well bool) []step {
	e := m.Event
	alone := []step{{trigger, "holdfast/event/" + e.ID}}
	if e.Test {
		return alone
	}
	what, ok := matters[e.Type]
	if name, known := either[e.Type]; known {
		if what, ok = (matter{begins: []string{name}}), true; well {
			what = matter{ends: []string{name}}
		}
	}
	switch {
	case !ok || e.Account == "" && e.Phone == (webhook.Phone{}): // whose it is is not known, so neither is what ends it
		return alone
	case e.Late:
		return nil
	case m.OutOfOrder:
		what.ends = nil
	}
	var list []step
	for _, name := range what.begins {
		list = append(list, step{trigger, key(e, name)})
	}
	for _, name := range what.ends {
		list = append(list, step{resolve, key(e, name)})
	}
	return list
}

// maxKey is what PagerDuty takes.
const maxKey = 255

// key names an alert: whose it is, what, and which of several.
func key(e webhook.Event, name string) string {
	parts := []string{"holdfast", e.Account, name}
	if strings.HasPrefix(name, "phone-") {
		parts = append(parts, phone(e.Phone))
	}
	switch d := e.Data.(type) {
	case *webhook.TemplateStatus:
		parts = append(parts, template(d.Template))
	case *webhook.TemplateQuality:
		parts = append(parts, template(d.Template))
	case *webhook.Flow:
		parts = append(parts, d.ID)
	case *webhook.Group:
		parts = append(parts, d.ID)
	case *webhook.Payment:
		parts = append(parts, d.Configuration)
	case *webhook.Alert:
		parts = append(parts, d.EntityID, d.Type)
	case *webhook.Partner:
		parts = append(parts, d.App)
	}
	text := strings.ToValidUTF8(strings.Join(parts, "/"), "?")
	if len(text) > maxKey {
		return fmt.Sprintf("holdfast/%x", sha256.Sum256([]byte(text)))
	}
	return text
}

// phone prefers the number: quality events have nothing else.
func phone(p webhook.Phone) string {
	if p.Number != "" {
		return p.Number
	}
	return p.ID
}

// template prefers the id: names come again in each language.
func template(t webhook.Template) string {
	if t.ID != "" {
		return t.ID
	}
	return t.Name + " " + t.Language
}
