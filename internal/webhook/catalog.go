package webhook

import (
	"slices"
	"strings"
)

// A Type names a kind of event: a family, a dot, and what happened, such as account.banned. It is a contract with
// those who are told: it is never renamed.
type Type string

// Family is the part before the dot, such as account or message; or unrecognized.
func (t Type) Family() string {
	family, _, _ := strings.Cut(string(t), ".")
	return family
}

// Schema is the URI by which events name the JSON Schema of their data: a name, not an address.
func (t Type) Schema() string { return "urn:holdfast:event:" + string(t) }

// Severity says how soon somebody must act.
type Severity string

// The severities.
const (
	Critical Severity = "critical" // sending is blocked or about to be: wake somebody
	Warning  Severity = "warning"  // sending may suffer: look today
	Info     Severity = "info"     // good to know
)

// The event types, by family. What each means and which struct it carries is in the [Catalog].
const (
	AccountBanned                Type = "account.banned"
	AccountBanScheduled          Type = "account.ban_scheduled"
	AccountReinstated            Type = "account.reinstated"
	AccountRestricted            Type = "account.restricted"
	AccountRestrictionLifted     Type = "account.restriction_lifted"
	AccountRestrictionReported   Type = "account.restriction_reported"
	AccountWarned                Type = "account.warned"
	AccountViolation             Type = "account.violation"
	AccountDeleted               Type = "account.deleted"
	AccountOffboarded            Type = "account.offboarded"
	AccountReconnected           Type = "account.reconnected"
	AccountReviewed              Type = "account.reviewed"
	AccountAlert                 Type = "account.alert"
	AccountCapabilityUpdated     Type = "account.capability_updated"
	AccountPartnerAdded          Type = "account.partner_added"
	AccountPartnerRemoved        Type = "account.partner_removed"
	AccountPartnerAppInstalled   Type = "account.partner_app_installed"
	AccountPartnerAppUninstalled Type = "account.partner_app_uninstalled"
	AccountPartnerVerification   Type = "account.partner_verification"
	AccountMarketingTermsSigned  Type = "account.marketing_terms_signed"
	AccountAdAccountLinked       Type = "account.ad_account_linked"
	AccountCountryUpdated        Type = "account.country_updated"
	AccountVolumeTierUpdated     Type = "account.volume_tier_updated"
	AccountAuthPricingUpdated    Type = "account.auth_pricing_updated"
	AccountPaymentUpdated        Type = "account.payment_configuration_updated"
	PartnerSolutionUpdated       Type = "partner.solution_updated"
	PhoneAdded                   Type = "phone.added"
	PhoneRemoved                 Type = "phone.removed"
	PhoneVerified                Type = "phone.verified"
	PhoneOnboarded               Type = "phone.onboarded"
	PhoneFlagged                 Type = "phone.flagged"
	PhoneUnflagged               Type = "phone.unflagged"
	PhoneLimitRaised             Type = "phone.limit_raised"
	PhoneLimitLowered            Type = "phone.limit_lowered"
	PhoneThroughputUpgraded      Type = "phone.throughput_upgraded"
	PhoneNameReviewed            Type = "phone.name_reviewed"
	PhoneUsernameUpdated         Type = "phone.username_updated"
	PhoneSecurityChanged         Type = "phone.security_changed"
	PhoneSettingsUpdated         Type = "phone.settings_updated"
	TemplateApproved             Type = "template.approved"
	TemplateRejected             Type = "template.rejected"
	TemplatePending              Type = "template.pending"
	TemplateInAppeal             Type = "template.in_appeal"
	TemplateFlagged              Type = "template.flagged"
	TemplatePaused               Type = "template.paused"
	TemplateDisabled             Type = "template.disabled"
	TemplateReinstated           Type = "template.reinstated"
	TemplateLocked               Type = "template.locked"
	TemplateLimitExceeded        Type = "template.limit_exceeded"
	TemplateArchived             Type = "template.archived"
	TemplateUnarchived           Type = "template.unarchived"
	TemplateDeletionPending      Type = "template.deletion_pending"
	TemplateDeleted              Type = "template.deleted"
	TemplateQualityChanged       Type = "template.quality_changed"
	TemplateCategoryChanging     Type = "template.category_changing"
	TemplateCategoryChanged      Type = "template.category_changed"
	TemplateCategoryMismatch     Type = "template.category_mismatch"
	TemplateEdited               Type = "template.edited"
	FlowStatusChanged            Type = "flow.status_changed"
	FlowErrorRate                Type = "flow.error_rate"
	FlowLatency                  Type = "flow.latency"
	FlowAvailability             Type = "flow.availability"
	FlowVersionExpiring          Type = "flow.version_expiring"
	ContactMarketingStopped      Type = "contact.marketing_stopped"
	ContactMarketingResumed      Type = "contact.marketing_resumed"
	ContactIDChanged             Type = "contact.id_changed"
	ContactSynced                Type = "contact.synced"
	MessageSent                  Type = "message.sent"
	MessageDelivered             Type = "message.delivered"
	MessageRead                  Type = "message.read"
	MessagePlayed                Type = "message.played"
	MessageFailed                Type = "message.failed"
	MessageDeleted               Type = "message.deleted"
	MessageWarned                Type = "message.warned"
	MessageReceived              Type = "message.received"
	MessageEdited                Type = "message.edited"
	MessageRevoked               Type = "message.revoked"
	MessageEchoed                Type = "message.echoed"
	MessageStandby               Type = "message.standby"
	MessageProblem               Type = "message.problem"
	ConversationHandedOver       Type = "conversation.handed_over"
	CallOffered                  Type = "call.offered"
	CallConnected                Type = "call.connected"
	CallRinging                  Type = "call.ringing"
	CallAccepted                 Type = "call.accepted"
	CallRejected                 Type = "call.rejected"
	CallTerminated               Type = "call.terminated"
	GroupCreated                 Type = "group.created"
	GroupDeleted                 Type = "group.deleted"
	GroupJoined                  Type = "group.joined"
	GroupLeft                    Type = "group.left"
	GroupJoinRequested           Type = "group.join_requested"
	GroupJoinRequestRevoked      Type = "group.join_request_revoked"
	GroupSettingsUpdated         Type = "group.settings_updated"
	GroupSuspended               Type = "group.suspended"
	GroupUnsuspended             Type = "group.unsuspended"
	GroupRequestFailed           Type = "group.request_failed"
	HistoryChunk                 Type = "history.chunk"
	HistoryDeclined              Type = "history.declined"
	ConversionLead               Type = "conversion.lead"
	ConversionPurchase           Type = "conversion.purchase"
	ConversionTracked            Type = "conversion.tracked"
	Unrecognized                 Type = "unrecognized"
)

// An Entry is what the catalog says of one event type.
type Entry struct {
	Type     Type
	Severity Severity
	Meaning  string // a sentence or two for the person who is told
	From     string // where providers say it: their fields and values, in the words of Meta unless another is named
	data     func() any
}

// New makes what an event of the type carries, empty: a pointer to a struct of this package.
func (e Entry) New() any { return e.data() }

// Catalog lists every event type, in the order of this file.
func Catalog() []Entry { return slices.Clone(catalog) }

// Lookup finds the entry of a type.
func Lookup(t Type) (Entry, bool) {
	i, ok := catalogIndex[t]
	if !ok {
		return Entry{}, false
	}
	return catalog[i], true
}

func carrying[T any]() func() any { return func() any { return new(T) } }

var catalog = []Entry{
	{AccountBanned, Critical, "The account is disabled: nothing can be sent from any of its numbers until an appeal succeeds.", "account_update: event DISABLED_UPDATE, ban_info.waba_ban_state DISABLE", carrying[Ban]()},
	{AccountBanScheduled, Critical, "The account will be disabled on the date given unless an appeal succeeds.", "account_update: event DISABLED_UPDATE, ban_info.waba_ban_state SCHEDULE_FOR_DISABLE", carrying[Ban]()},
	{AccountReinstated, Info, "A ban was reversed or a scheduled one was called off.", "account_update: event DISABLED_UPDATE, ban_info.waba_ban_state REINSTATE", carrying[Ban]()},
	{AccountRestricted, Critical, "There are things that the account may not do, each until the time given or for good.", "account_update: event ACCOUNT_RESTRICTION with a restriction_info that is not over", carrying[Restriction]()},
	{AccountRestrictionLifted, Info, "The account's restrictions are over.", "account_update: event ACCOUNT_RESTRICTION with a violation_type that ends in _UNBAN or _RECOVERY, and no restriction_info that is in force", carrying[Restriction]()},
	{AccountRestrictionReported, Warning, "The provider speaks of a restriction without saying of what or how long; it may as well be a warning, or the end of one. Look at the account.", "account_update: event ACCOUNT_RESTRICTION without restriction_info, as nxtele sends it, or with restriction_info that is over", carrying[Restriction]()},
	{AccountWarned, Warning, "The account was warned; nothing is restricted yet.", "account_update: event ACCOUNT_RESTRICTION without restriction_info, with a violation_type that warns (…_WARN, DIRECT_SEND_UTILITY_TEMPLATE_ABUSE)", carrying[Restriction]()},
	{AccountViolation, Warning, "The account violated a policy; nothing is blocked by this event itself.", "account_update: event ACCOUNT_VIOLATION, violation_info", carrying[Violation]()},
	{AccountDeleted, Critical, "The account was deleted.", "account_update: event ACCOUNT_DELETED", carrying[None]()},
	{AccountOffboarded, Warning, "An account that is also used in a WhatsApp Business app (coexistence) left the platform.", "account_update: event ACCOUNT_OFFBOARDED", carrying[None]()},
	{AccountReconnected, Info, "An account that is also used in a WhatsApp Business app (coexistence) came back to the platform.", "account_update: event ACCOUNT_RECONNECTED", carrying[None]()},
	{AccountReviewed, Warning, "The policy review of the account has a result; only an approved account can use the API.", "account_review_update: decision. InnoPaaS: whatsapp_account_review_updated", carrying[Review]()},
	{AccountAlert, Warning, "Meta has something to say about a business, a number or a profile.", "account_alerts: entity_type, entity_id, alert_info", carrying[Alert]()},
	{AccountCapabilityUpdated, Warning, "Limits changed: how many people may be written to in a day, or how many numbers there may be. What is not named is unchanged.", "business_capability_update: max_daily_conversations_per_business, max_daily_conversation_per_phone, max_phone_numbers_per_business, max_phone_numbers_per_waba", carrying[Capability]()},
	{AccountPartnerAdded, Info, "The account was shared with a partner.", "account_update: event PARTNER_ADDED, waba_info", carrying[Partner]()},
	{AccountPartnerRemoved, Warning, "The account is no longer shared with a partner; it may be a ban as a partner sees it.", "account_update: event PARTNER_REMOVED, waba_info, disconnection_info", carrying[Partner]()},
	{AccountPartnerAppInstalled, Info, "A partner's app was granted access to the account.", "account_update: event PARTNER_APP_INSTALLED, waba_info", carrying[Partner]()},
	{AccountPartnerAppUninstalled, Warning, "A partner's app lost access to the account.", "account_update: event PARTNER_APP_UNINSTALLED, waba_info", carrying[Partner]()},
	{AccountPartnerVerification, Info, "Partner-led business verification is needed, or has a result.", "account_update: event PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE or PARTNER_CLIENT_CERTIFICATION_NEEDED", carrying[PartnerVerification]()},
	{AccountMarketingTermsSigned, Info, "The terms of the Marketing Messages Lite API were signed.", "account_update: event MM_LITE_TERMS_SIGNED, waba_info", carrying[Partner]()},
	{AccountAdAccountLinked, Info, "An ad account was linked to the account.", "account_update: event AD_ACCOUNT_LINKED, waba_info.ad_account_linked or ad_account_id", carrying[Partner]()},
	{AccountCountryUpdated, Info, "The business's primary location was set.", "account_update: event BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE, country", carrying[Country]()},
	{AccountVolumeTierUpdated, Info, "The account reached another volume tier of pricing.", "account_update: event VOLUME_BASED_PRICING_TIER_UPDATE, volume_tier_info", carrying[VolumeTier]()},
	{AccountAuthPricingUpdated, Info, "Authentication-international rates will apply to the account, from the time given.", "account_update: event AUTH_INTL_PRICE_ELIGIBILITY_UPDATE, auth_international_rate_eligibility", carrying[AuthPricing]()},
	{AccountPaymentUpdated, Warning, "A payment configuration of the account changed; with a status other than Active it takes no payments.", "payment_configuration_update", carrying[Payment]()},
	{PartnerSolutionUpdated, Info, "A multi-partner solution of a business portfolio was created or changed. It belongs to no account.", "partner_solutions: event, solution_id, solution_status", carrying[Solution]()},
	{PhoneAdded, Info, "A number was added to the account.", "account_update: event PHONE_NUMBER_ADDED, as nxtele sends it", carrying[None]()},
	{PhoneRemoved, Warning, "A number was removed from the account.", "account_update: event PHONE_NUMBER_REMOVED, as nxtele sends it", carrying[None]()},
	{PhoneVerified, Info, "A sandbox number became a verified one.", "account_update: event VERIFIED_ACCOUNT", carrying[None]()},
	{PhoneOnboarded, Info, "A number was registered, with the limit given.", "phone_number_quality_update: event ONBOARDING. InnoPaaS: whatsapp_phone_number_quality_update", carrying[Quality]()},
	{PhoneFlagged, Warning, "The number's quality is low; its limit may be lowered.", "phone_number_quality_update: event FLAGGED. InnoPaaS: whatsapp_phone_number_quality_update", carrying[Quality]()},
	{PhoneUnflagged, Info, "The number's quality has recovered.", "phone_number_quality_update: event UNFLAGGED. InnoPaaS: whatsapp_phone_number_quality_update", carrying[Quality]()},
	{PhoneLimitRaised, Info, "The number may write to more people in a day.", "phone_number_quality_update: event UPGRADE. InnoPaaS: whatsapp_phone_number_quality_update", carrying[Quality]()},
	{PhoneLimitLowered, Warning, "The number may write to fewer people in a day.", "phone_number_quality_update: event DOWNGRADE. InnoPaaS: whatsapp_phone_number_quality_update", carrying[Quality]()},
	{PhoneThroughputUpgraded, Info, "The number may send more messages in a second.", "phone_number_quality_update: event THROUGHPUT_UPGRADE. InnoPaaS: whatsapp_phone_number_quality_update", carrying[Quality]()},
	{PhoneNameReviewed, Warning, "The display name of a number was reviewed; the decision says whether it may be used.", "phone_number_name_update: decision, requested_verified_name, rejection_reason. InnoPaaS: whatsapp_phone_number_name_update", carrying[Name]()},
	{PhoneUsernameUpdated, Info, "The business username of a number was changed or reviewed.", "business_username_update or business_username_updates: username, status", carrying[Username]()},
	{PhoneSecurityChanged, Warning, "The two-step PIN of a number was changed, or somebody asked to reset it.", "security: event PIN_CHANGED, PIN_RESET_REQUEST or PIN_REQUEST_SUCCESS", carrying[Security]()},
	{PhoneSettingsUpdated, Info, "Settings of a number were changed.", "account_settings_update: type PHONE_NUMBER_SETTINGS", carrying[Settings]()},
	{TemplateApproved, Info, "A template may be used.", "message_template_status_update: event APPROVED. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateRejected, Warning, "A template was not approved; the reason says why.", "message_template_status_update: event REJECTED. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplatePending, Info, "A template waits for its review.", "message_template_status_update: event PENDING. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateInAppeal, Info, "An appeal against the rejection of a template is under review.", "message_template_status_update: event IN_APPEAL. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateFlagged, Warning, "A template has got negative feedback; it may be disabled.", "message_template_status_update: event FLAGGED. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplatePaused, Warning, "A template cannot be sent for some hours, because people did not like it.", "message_template_status_update: event PAUSED, other_info. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateDisabled, Warning, "A template cannot be sent any more: edit it, or use another.", "message_template_status_update: event DISABLED, disable_info. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateReinstated, Info, "A template that was flagged or disabled may be used again.", "message_template_status_update: event REINSTATED. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateLocked, Warning, "A template cannot be edited.", "message_template_status_update: event LOCKED. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateLimitExceeded, Warning, "The account has as many templates as it may have.", "message_template_status_update: event LIMIT_EXCEEDED. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateArchived, Info, "A template was archived because it was not used; it will be deleted after 28 days.", "message_template_status_update: event ARCHIVED. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateUnarchived, Info, "A template is back from the archive.", "message_template_status_update: event UNARCHIVED. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateDeletionPending, Warning, "A template will be deleted.", "message_template_status_update: event PENDING_DELETION. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateDeleted, Warning, "A template was deleted.", "message_template_status_update: event DELETED. InnoPaaS: whatsapp_template_status_updated", carrying[TemplateStatus]()},
	{TemplateQualityChanged, Warning, "People like a template more, or less, than before. With RED it is about to be paused.", "message_template_quality_update or message_template_status_update: new_quality_score, previous_quality_score. InnoPaaS: message_template_quality_update", carrying[TemplateQuality]()},
	{TemplateCategoryChanging, Warning, "A template will be of another category, with another price, within a day.", "template_category_update: correct_category, category_update_timestamp; new_category is the one it has until then. InnoPaaS: template_category_update", carrying[TemplateCategory]()},
	{TemplateCategoryChanged, Warning, "A template is of another category, with another price.", "template_category_update: new_category, previous_category. InnoPaaS: template_category_update", carrying[TemplateCategory]()},
	{TemplateCategoryMismatch, Warning, "A message that was sent directly, without a template, belongs to another category than the one it was sent in.", "template_correct_category_detection: category, correct_category", carrying[TemplateCategory]()},
	{TemplateEdited, Info, "What a template says was changed.", "message_template_components_update", carrying[TemplateComponents]()},
	{FlowStatusChanged, Warning, "A flow was published, deprecated, throttled or blocked; what is throttled or blocked does not work as it should.", "flows: event FLOW_STATUS_CHANGE", carrying[Flow]()},
	{FlowErrorRate, Warning, "The error rate of a flow, or of its endpoint, crossed a threshold.", "flows: event CLIENT_ERROR_RATE or ENDPOINT_ERROR_RATE", carrying[Flow]()},
	{FlowLatency, Warning, "The latency of a flow's endpoint crossed a threshold.", "flows: event ENDPOINT_LATENCY", carrying[Flow]()},
	{FlowAvailability, Warning, "The availability of a flow's endpoint crossed a threshold.", "flows: event ENDPOINT_AVAILABILITY", carrying[Flow]()},
	{FlowVersionExpiring, Warning, "A flow is written in a version that is about to be frozen: migrate it, or it cannot be sent any more.", "flows: event FLOW_VERSION_EXPIRY_WARNING, warning", carrying[Flow]()},
	{ContactMarketingStopped, Warning, "A person does not want marketing messages from this number any more: stop sending them.", "user_preferences: value stop. messages: a status failed with error 131050; a message that is a stop word, or a pressed button that says one", carrying[Preference]()},
	{ContactMarketingResumed, Info, "A person wants marketing messages from this number again.", "user_preferences: value resume. messages: a message that is a word to resume, or a pressed button that says one", carrying[Preference]()},
	{ContactIDChanged, Info, "A person has another number or another user id: what is known of the old one is known of the new one.", "messages: messages[].type system with system.type user_changed_number or user_changed_user_id; also in standby. user_id_update. InnoPaaS: whatsapp_mo_message_received of type system", carrying[Identity]()},
	{ContactSynced, Info, "A contact was added to, changed in or removed from the address book of a WhatsApp Business app.", "smb_app_state_sync: state_sync", carrying[SyncedContact]()},
	{MessageSent, Info, "A message left for its recipient.", "messages: statuses[].status sent", carrying[MessageStatus]()},
	{MessageDelivered, Info, "A message reached its recipient's device. It may never be said of a message that was read.", "messages: statuses[].status delivered. InnoPaaS: whatsapp_message_status_updated", carrying[MessageStatus]()},
	{MessageRead, Info, "A message was shown to its recipient.", "messages: statuses[].status read. InnoPaaS: whatsapp_message_status_updated", carrying[MessageStatus]()},
	{MessagePlayed, Info, "A voice message was played by its recipient.", "messages: statuses[].status played", carrying[MessageStatus]()},
	{MessageFailed, Warning, "A message was not delivered, and will not be; its errors say why.", "messages: statuses[].status failed. InnoPaaS: whatsapp_message_status_updated with failed or SMECL:FAILED", carrying[MessageStatus]()},
	{MessageDeleted, Info, "A message was deleted.", "the on-premises API: statuses[].status deleted", carrying[MessageStatus]()},
	{MessageWarned, Warning, "Something of a message cannot be shown, such as a product that is not for sale.", "the on-premises API: statuses[].status warning", carrying[MessageStatus]()},
	{MessageReceived, Info, "Somebody wrote to the number, or pressed a button of one of its messages.", "messages: messages[] of every type but edit, revoke and system. InnoPaaS: whatsapp_mo_message_received", carrying[Message]()},
	{MessageEdited, Info, "Somebody changed a message that was received before.", "messages: messages[].type edit", carrying[Message]()},
	{MessageRevoked, Info, "Somebody took back a message that was received before.", "messages: messages[].type revoke", carrying[Message]()},
	{MessageEchoed, Info, "The business sent a message by other means: from its WhatsApp Business app, or another of its apps.", "smb_message_echoes and message_echoes: message_echoes", carrying[Message]()},
	{MessageStandby, Info, "A copy of a message of a conversation that somebody else handles, such as Meta's agent: from the person, or to the person. Do not answer it.", "standby: messages and message_echoes, in standby or beside it", carrying[Message]()},
	{MessageProblem, Warning, "The platform reports a problem that belongs to no single message.", "messages: errors beside the items; also in calls and other fields that carry items. The on-premises API: errors", carrying[MessageError]()},
	{ConversationHandedOver, Info, "Somebody else handles a conversation from now on: another app, Meta's agent, or people.", "messaging_handovers: type, control_passed", carrying[Handover]()},
	{CallOffered, Info, "A call begins: somebody calls the number, or is being called.", "calls: calls[].event call_created", carrying[Call]()},
	{CallConnected, Info, "A call can be connected: the session description of the other side is in it.", "calls: calls[].event connect", carrying[Call]()},
	{CallRinging, Info, "A call rings.", "calls: statuses[].status RINGING", carrying[Call]()},
	{CallAccepted, Info, "A call was answered.", "calls: statuses[].status ACCEPTED", carrying[Call]()},
	{CallRejected, Info, "A call was declined.", "calls: statuses[].status REJECTED", carrying[Call]()},
	{CallTerminated, Info, "A call ended, or failed.", "calls: calls[].event terminate; errors beside it, if there is no other call", carrying[Call]()},
	{GroupCreated, Info, "A group was created.", "group_lifecycle_update: type group_create", carrying[Group]()},
	{GroupDeleted, Info, "A group was deleted.", "group_lifecycle_update: type group_delete", carrying[Group]()},
	{GroupJoined, Info, "People joined a group.", "group_participants_update: type group_participants_add", carrying[Group]()},
	{GroupLeft, Info, "People left a group, or were removed from it.", "group_participants_update: type group_participants_remove", carrying[Group]()},
	{GroupJoinRequested, Info, "Somebody asks to join a group.", "group_participants_update: type group_join_request_created", carrying[Group]()},
	{GroupJoinRequestRevoked, Info, "Somebody does not ask to join a group any more.", "group_participants_update: type group_join_request_revoked", carrying[Group]()},
	{GroupSettingsUpdated, Info, "Settings of a group were changed.", "group_settings_update: type group_settings_update", carrying[Group]()},
	{GroupSuspended, Warning, "A group was suspended.", "group_status_update: type group_suspend", carrying[Group]()},
	{GroupUnsuspended, Info, "A group is not suspended any more.", "group_status_update: type group_suspend_cleared", carrying[Group]()},
	{GroupRequestFailed, Warning, "Something that was asked of a group was not done, or not all of it.", "group_lifecycle_update, group_participants_update or group_settings_update with errors", carrying[Group]()},
	{HistoryChunk, Info, "A part of the chats that a number had before it came to the platform, or one of their messages with its media.", "history: history; messages and message_echoes", carrying[History]()},
	{HistoryDeclined, Info, "The business does not share the chats that it had before.", "history: history with errors", carrying[History]()},
	{ConversionLead, Info, "A lead was found in a chat that began with an advertisement.", "automatic_events: event_name LeadSubmitted", carrying[Conversion]()},
	{ConversionPurchase, Info, "A purchase was found in a chat that began with an advertisement.", "automatic_events: event_name Purchase", carrying[Conversion]()},
	{ConversionTracked, Info, "Something that is tracked of a marketing message happened, such as a click.", "tracking_events: events", carrying[Conversion]()},
	{Unrecognized, Info, "Authentic, but not understood by this version: kept and passed on as it came.", "anything else", carrying[Raw]()},
}

var catalogIndex = func() map[Type]int {
	index := make(map[Type]int, len(catalog))
	for i, e := range catalog {
		index[e.Type] = i
	}
	return index
}()
