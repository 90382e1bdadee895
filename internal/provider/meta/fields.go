package meta

import "holdfast/internal/signature"

// Fields lists what an app should be subscribed to: every field of whatsapp_business_account that Meta's pages say can be
// (Meta: Webhooks overview, and the pages of the fields; v26.0). What comes of a field that nobody here understands is
// passed on all the same. Missing are fields that only the App Dashboard knows, or that Meta spells in two ways: Graph
// refuses a whole subscription for one name that it does not know.
func Fields() []string {
	return []string{
		"account_alerts", "account_review_update", "account_settings_update", "account_update", "automatic_events",
		"business_capability_update", "calls", "flows", "group_lifecycle_update", "group_participants_update",
		"group_settings_update", "group_status_update", "history", "message_template_components_update",
		"message_template_quality_update", "message_template_status_update", "messages", "partner_solutions",
		"payment_configuration_update", "phone_number_name_update", "phone_number_quality_update", "security",
		"smb_app_state_sync", "smb_message_echoes", "template_category_update", "template_correct_category_detection",
		"user_preferences",
	}
}

// AppSecrets returns those that are configured, in their order.
func (p *Provider) AppSecrets() []signature.Secret {
	return append([]signature.Secret(nil), p.options.AppSecrets...)
}

// VerifyToken returns what Meta must know to have its verification request answered; empty if it cannot be.
func (p *Provider) VerifyToken() signature.Secret { return p.options.VerifyToken }
