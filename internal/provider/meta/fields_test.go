package meta

import (
	"slices"
	"testing"

	"holdfast/internal/webhook"
)

// What is understood is asked for, and nothing that could not be a field.
func TestFields(t *testing.T) {
	fields := Fields()
	if !slices.IsSorted(fields) || len(slices.Compact(slices.Clone(fields))) != len(fields) {
		t.Error("not in order, or one is there twice")
	}
	for _, field := range fields {
		if !webhook.ValidField(field) {
			t.Errorf("%q cannot be a field", field)
		}
	}
	// Meta's list, and what its other pages name.
	documented := []string{
		"messages", "account_update", "account_review_update", "account_alerts", "account_settings_update", "business_capability_update",
		"business_status_update", "business_username_update", "business_username_updates", "phone_number_quality_update", "phone_number_name_update",
		"user_preferences", "message_template_status_update", "message_template_quality_update", "message_template_components_update",
		"template_category_update", "template_correct_category_detection", "security", "flows", "partner_solutions", "payment_configuration_update",
		"automatic_events", "tracking_events", "history", "smb_app_state_sync", "smb_message_echoes", "message_echoes", "calls",
		"messaging_handovers", "standby", "group_lifecycle_update", "group_participants_update", "group_settings_update",
		"group_status_update", "consumer_profile",
	}
	// Of these nobody knows whether Graph would take them.
	unsure := []string{"business_status_update", "business_username_update", "business_username_updates", "consumer_profile", "message_echoes", "messaging_handovers", "standby", "tracking_events"}
	for _, field := range documented {
		understood := read(field) != nil || field == preferencesField || field == messagesField
		if understood && !slices.Contains(fields, field) && !slices.Contains(unsure, field) {
			t.Errorf("%s is understood, and not asked for", field)
		}
	}
	for _, field := range fields {
		if !slices.Contains(documented, field) || slices.Contains(unsure, field) {
			t.Errorf("%s is asked for, and perhaps no field", field)
		}
	}
}
