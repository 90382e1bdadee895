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
	// Of these nobody knows whether Graph would take them.
	unsure := []string{"business_status_update", "business_username_update", "business_username_updates", "consumer_profile", "message_echoes", "messaging_handovers", "standby", "tracking_events"}
	for _, field := range slices.Concat(fields, unsure, []string{preferencesField, messagesField}) {
		understood := read(field) != nil || field == preferencesField || field == messagesField
		if understood && !slices.Contains(fields, field) && !slices.Contains(unsure, field) {
			t.Errorf("%s is understood, and not asked for", field)
		}
	}
}
