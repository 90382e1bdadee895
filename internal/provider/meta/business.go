package meta

import (
	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// accountReview reads account_review_update (Meta: its reference).
func accountReview(c Change, value lenient.Object) (webhook.Event, string) {
	decision := value.Get("decision").Text()
	if decision == "" {
		return webhook.Event{}, incomplete
	}
	return webhook.Event{
		Type: webhook.AccountReviewed, Phone: webhook.Phone{Number: phoneNumber(c, value)}, Data: &webhook.Review{Decision: decision},
	}, ""
}

// accountAlert reads account_alerts (Meta: its reference). Client libraries also know it without alert_info.
func accountAlert(_ Change, value lenient.Object) (webhook.Event, string) {
	info := value.Object("alert_info")
	if info == nil {
		info = value
	}
	data := &webhook.Alert{
		EntityType:  value.Get("entity_type").Text(),
		EntityID:    value.Get("entity_id").Text(),
		Severity:    info.Get("alert_severity").Text(),
		Status:      info.Get("alert_status").Text(),
		Type:        info.Get("alert_type").Text(),
		Description: info.Get("alert_description").Text(),
	}
	if data.Type == "" {
		return webhook.Event{}, incomplete
	}
	e := webhook.Event{Type: webhook.AccountAlert, Data: data}
	if data.EntityType == "PHONE_NUMBER" {
		e.Phone.ID = data.EntityID
	}
	return e, ""
}

// capability reads business_capability_update (Meta: its reference; Messaging limits). A limit is a number or a tier; a
// key that is missing is unchanged.
func capability(_ Change, value lenient.Object) (webhook.Event, string) {
	data := &webhook.Capability{
		DailyPerBusiness:  value.Get("max_daily_conversations_per_business").Text(),
		DailyPerPhone:     value.Get("max_daily_conversation_per_phone").Text(),
		PhonesPerBusiness: value.Get("max_phone_numbers_per_business").Text(),
		PhonesPerAccount:  value.Get("max_phone_numbers_per_waba").Text(),
	}
	if *data == (webhook.Capability{}) {
		return webhook.Event{}, incomplete
	}
	return webhook.Event{Type: webhook.AccountCapabilityUpdated, Data: data}, ""
}

// payment reads payment_configuration_update (Meta: its reference). When the configuration was changed is asked only where the
// envelope has no time: a status may change without it.
func payment(c Change, value lenient.Object) (webhook.Event, string) {
	data := &webhook.Payment{
		Configuration: value.Get("configuration_name").Text(),
		Provider:      value.Get("provider_name").Text(),
		Merchant:      value.Get("provider_mid").Text(),
		Status:        value.Get("status").Text(),
		Created:       value.Get("created_timestamp").Time(),
		Updated:       value.Get("updated_timestamp").Time(),
	}
	if data.Configuration == "" || data.Status == "" {
		return webhook.Event{}, incomplete
	}
	e := webhook.Event{Type: webhook.AccountPaymentUpdated, Data: data}
	if c.Time.IsZero() {
		e.Time = data.Updated
	}
	return e, ""
}
