package meta

import (
	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// phoneQuality reads phone_number_quality_update (Meta: its reference, and its older text for FLAGGED to DOWNGRADE, which
// are still sent).
func phoneQuality(c Change, value lenient.Object) (webhook.Event, string) {
	data := &webhook.Quality{
		Event:            value.Get("event").Text(),
		Limit:            value.Get("current_limit").Text(),
		OldLimit:         value.Get("old_limit").Text(),
		DailyPerBusiness: value.Get("max_daily_conversations_per_business").Text(),
	}
	e := webhook.Event{Type: QualityType(data.Event), Phone: webhook.Phone{Number: phoneNumber(c, value)}, Data: data}
	if e.Type == "" {
		return e, unknownEvent
	}
	return e, ""
}

// QualityType is the type of an event of phone_number_quality_update, or "" if it is none that we know.
func QualityType(event string) webhook.Type {
	switch event {
	case "FLAGGED":
		return webhook.PhoneFlagged
	case "UNFLAGGED":
		return webhook.PhoneUnflagged
	case "UPGRADE":
		return webhook.PhoneLimitRaised
	case "DOWNGRADE":
		return webhook.PhoneLimitLowered
	case "THROUGHPUT_UPGRADE":
		return webhook.PhoneThroughputUpgraded
	case "ONBOARDING":
		return webhook.PhoneOnboarded
	}
	return ""
}

// phoneName reads phone_number_name_update (Meta: its reference). No reason is null there and "NONE" on the wire.
func phoneName(c Change, value lenient.Object) (webhook.Event, string) {
	data := &webhook.Name{
		Decision:  value.Get("decision").Text(),
		Requested: value.Get("requested_verified_name").Text(),
		Reason:    value.Get("rejection_reason").Text(),
	}
	if data.Decision == "" {
		return webhook.Event{}, incomplete
	}
	if data.Reason == "NONE" {
		data.Reason = ""
	}
	return webhook.Event{Type: webhook.PhoneNameReviewed, Phone: webhook.Phone{Number: phoneNumber(c, value)}, Data: data}, ""
}

// phoneUsername reads business_username_updates (Meta: Business-scoped user IDs), which the same page also calls
// business_username_update. The name is left out when it was deleted.
func phoneUsername(c Change, value lenient.Object) (webhook.Event, string) {
	data := &webhook.Username{Username: value.Get("username").Text(), Status: value.Get("status").Text()}
	if data.Status == "" {
		return webhook.Event{}, incomplete
	}
	return webhook.Event{Type: webhook.PhoneUsernameUpdated, Phone: webhook.Phone{Number: phoneNumber(c, value)}, Data: data}, ""
}

// phoneSecurity reads security (Meta: its reference).
func phoneSecurity(c Change, value lenient.Object) (webhook.Event, string) {
	data := &webhook.Security{Event: value.Get("event").Text(), Requester: value.Get("requester").Text()}
	switch data.Event {
	case "PIN_CHANGED", "PIN_RESET_REQUEST", "PIN_REQUEST_SUCCESS":
		return webhook.Event{Type: webhook.PhoneSecurityChanged, Phone: webhook.Phone{Number: phoneNumber(c, value)}, Data: data}, ""
	}
	return webhook.Event{}, unknownEvent
}

// phoneSettings reads account_settings_update (Meta: Webhook overrides; Calling settings). It is the only one of these
// with the number's id and with a time of its own.
func phoneSettings(c Change, value lenient.Object) (webhook.Event, string) {
	settings := value.Get("phone_number_settings")
	data := &webhook.Settings{Type: value.Get("type").Text(), Raw: string(settings)}
	if data.Type != "PHONE_NUMBER_SETTINGS" {
		return webhook.Event{}, unknownEvent
	}
	o, reason := settings.Object()
	if reason != "" {
		return webhook.Event{}, incomplete
	}
	return webhook.Event{
		Type:  webhook.PhoneSettingsUpdated,
		Time:  value.Get("timestamp").Time(),
		Phone: webhook.Phone{ID: o.Get("phone_number_id").Text(), Number: phoneNumber(c, value)},
		Data:  data,
	}, ""
}

// phoneNumber is the number that a value is about, or the envelope's if the value names none. One that is there and not
// fit to name a number is no number: the envelope's may be another.
func phoneNumber(c Change, value lenient.Object) string {
	for _, name := range []string{"phone_number", "display_phone_number"} {
		if member := value.Get(name); !member.Missing() {
			if number := lenient.Digits(member.Text()); webhook.ValidID(number) {
				return number
			}
			return ""
		}
	}
	return c.Phone.Number
}
